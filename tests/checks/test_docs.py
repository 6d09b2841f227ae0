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

    def test_the_tests_in_lists_of_scenarios_are_there(self):
        rooms = "".join(house.read(path) for path in house.files(endings=("_test.cc",)))
        lists = [path for path in house.files(endings=("-scenarios.md",)) if path.startswith("docs/")]
        self.assertIn("docs/agent-scenarios.md", lists)
        for path in lists:
            rows = scenarios(path)
            numbers = [number for number, _ in rows]
            self.assertEqual(numbers, sorted(set(numbers)), f"{path}: each number once, in their order")
            for number, tests in rows:
                self.assertTrue(tests, f"{path} {number}: no test")
                for name in tests:
                    self.assertTrue(_is_test(name, rooms), f"{path} {number}: there is no test {name}")

    def test_fabric_scenarios_md_has_them_all(self):
        self.assertEqual([number for number, _ in scenarios("docs/fabric-scenarios.md")], [*range(1, 21), *range(28, 47)])


def scenarios(path):
    """(number, names of tests) of each row of a list such as docs/fabric-scenarios.md."""
    rows = re.findall(r"^\| (\d+) \|.*\| ([^|]+) \|$", house.read(path), re.MULTILINE)
    return [(int(number), re.findall(r"`([^`]+)`", tests)) for number, tests in rows]


def _is_test(name, rooms):
    """`Suite.Test` of a room, `test_x.Class.test` of tests/whole_house, `x.conv` of tests/conversations."""
    if name.endswith(".conv"):
        return os.path.exists(os.path.join(house.ROOT, "tests", "conversations", name))
    suite, _, rest = name.partition(".")
    if not suite.startswith("test_"):
        return re.search(rf"\bTEST\w*\(\s*{suite},\s*{rest}\)", rooms) is not None
    path = f"tests/whole_house/{suite}.py"
    if not os.path.exists(os.path.join(house.ROOT, path)):
        return False
    group, _, test = rest.partition(".")
    body = re.search(rf"^class {group}\b.*?(?=^class |\Z)", house.read(path), re.MULTILINE | re.DOTALL)
    return body is not None and f"def {test}(self" in body.group()


if __name__ == "__main__":
    unittest.main()
