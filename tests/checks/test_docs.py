"""The documents keep up with the tree: links lead somewhere, docs/api.md lists the routes that there are."""
import os
import re
import sys
import unittest
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import house   # noqa: E402

_CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)")
_ROUTE = re.compile(r'Route\{\s*"(?P<method>[A-Z]+)",\s*"(?P<path>[^"]+)",\s*(?P<token>true|false)')
_ROW = re.compile(r"^\| `(?P<method>[A-Z]+) (?P<path>/\S*)` \| (?P<token>yes|no) \|", re.MULTILINE)


def links(text):
    """(line, target) of the relative links of a Markdown text."""
    plain = _CODE.sub(lambda match: "\n" * match.group().count("\n"), text)
    for match in _LINK.finditer(plain):
        if not re.match(r"[a-z][a-z+.-]*:|#", match.group(1)):
            yield house.line_of(plain, match.start()), urllib.parse.unquote(match.group(1).partition("#")[0])


class Docs(unittest.TestCase):
    def test_relative_links_lead_somewhere(self):
        broken = []
        for path in house.files(endings=(".md",)):
            for line, target in links(house.read(path)):
                if not os.path.exists(os.path.join(house.ROOT, os.path.dirname(path), target)):
                    broken.append(f"{path}:{line}: {target} does not exist")
        self.assertEqual(broken, [])

    def test_links_are_found_outside_code_only(self):
        text = "a [b](c.md#d) `[x](y)`\n```\n[n](o)\n```\n[web](https://e.org) [here](#top) [s](a%20b.md \"t\")"
        self.assertEqual(list(links(text)), [(1, "c.md"), (5, "a b.md")])

    def test_the_routes_in_api_md_are_those_of_the_daemon(self):
        code = {(route["method"], route["path"], route["token"] == "true")
                for route in _ROUTE.finditer(house.read("src/api/src/routes.cc"))}
        docs = {(row["method"], row["path"], row["token"] == "yes") for row in _ROW.finditer(house.read("docs/api.md"))}
        self.assertIn(("GET", "/api/health", False), code)
        self.assertEqual(code, docs)

    def test_the_tests_in_fabric_scenarios_md_are_there(self):
        rows = re.findall(r"^\| (\d+) \|.*\| ([^|]+) \|$", house.read("docs/fabric-scenarios.md"), re.MULTILINE)
        self.assertEqual([int(number) for number, _ in rows], [*range(1, 21), *range(28, 47)])
        room = "".join(house.read(path) for path in house.files(endings=("_test.cc",)) if path.startswith("src/fabric/"))
        for number, tests in rows:
            for name in re.findall(r"`([^`]+)`", tests):
                self.assertTrue(_is_test(name, room), f"{number}: there is no test {name}")


def _is_test(name, room):
    suite, _, rest = name.partition(".")
    if not suite.startswith("test_"):
        return re.search(rf"\bTEST\w*\(\s*{suite},\s*{rest}\)", room) is not None
    group, _, test = rest.partition(".")
    text = house.read(f"tests/whole_house/{suite}.py")
    body = re.search(rf"^class {group}\(.*?(?=^class |\Z)", text, re.MULTILINE | re.DOTALL)
    return body is not None and f"def {test}(self" in body.group()


if __name__ == "__main__":
    unittest.main()
