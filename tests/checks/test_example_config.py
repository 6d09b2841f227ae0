"""config/skep.example.toml: `skep config check` takes it as it stands and with every line uncommented, and no key is missing.

The binary is $SKEP_BIN, as for all whole-house tests.
"""
import os
import re
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from support import procs, skep   # noqa: E402

ROOT = skep.ROOT
EXAMPLE = os.path.join(ROOT, "config", "skep.example.toml")

OTHER_FILES = ("manifest", "persona_text")   # read agent.toml, persona.toml

_SETTING = re.compile(r"^(?P<off># )?(?P<key>[a-z_]+) = ")
_READ = re.compile(r'\bread(?:_choice|_duration|_list)?\((?:\w+, )?"([a-z_]+)"')


def example():
    with open(EXAMPLE, encoding="utf-8") as source:
        return source.read()


VARIABLES = dict.fromkeys(re.findall(r"\$\{([A-Z_]+)\}", example()), "s3cret")


def uncommented(text, mode, without):
    """Every setting that belongs to `mode` in force, `without` one ("llm.host")."""
    kept, section, block = [], "", "both"
    for line in text.splitlines():
        line = line.removeprefix("# ") if re.match(r"# \[[\[a-z]", line) else line
        if line.startswith("["):
            section = line[1:line.index("]")]
        if line.startswith(("# Component mode.", "# Client mode.", "# Both modes.")):
            block = line.split()[1].lower()
        setting = _SETTING.match(line)
        if setting and (f"{section}.{setting['key']}" == without or block not in ("both", mode)):
            continue
        kept.append(line[2:] if setting and setting["off"] else line)
    return "\n".join(kept).replace('mode = "component"', f'mode = "{mode}"') + "\n"


class ExampleConfig(unittest.TestCase):
    def check(self, text, **variables):
        with tempfile.TemporaryDirectory(prefix="skep-example-") as home:
            path = os.path.join(home, "skep.toml")
            with open(path, "w", encoding="utf-8") as out:
                out.write(text)
            env = {"HOME": home, "PATH": os.environ["PATH"], **variables}
            return procs.run([skep.binary(), "config", "check", "--home", home, path], env=env)

    def accepted(self, text, **variables):
        code, out, err = self.check(text, **variables)
        self.assertEqual((code, err), (0, ""), f"{out}{err}\n{text}")

    def test_as_it_stands_it_needs_one_variable(self):
        self.accepted(example(), AGENT_SECRET="s3cret")
        code, _, err = self.check(example())
        self.assertEqual(code, 78)
        self.assertIn("AGENT_SECRET", err)

    def test_every_key_is_accepted(self):
        for mode in ("component", "client"):
            for other_name in ("llm.base_url", "llm.host"):   # two names of one thing
                with self.subTest(mode=mode, without=other_name):
                    self.accepted(uncommented(example(), mode, other_name), **VARIABLES)

    def test_a_key_of_the_other_mode_is_refused(self):
        text = uncommented(example(), "client", "llm.host").replace("\njid = ", '\ncomponent_domain = "a.example.org"\njid = ')
        code, _, err = self.check(text, **VARIABLES)
        self.assertEqual(code, 78)
        self.assertIn("component_domain", err)

    def test_it_shows_every_key_that_the_code_reads(self):
        shown = {match["key"] for match in map(_SETTING.match, example().splitlines()) if match}
        read = set()
        for folder, _, names in os.walk(os.path.join(ROOT, "src")):
            for name in names:
                if os.path.basename(folder) == "src" and name.endswith(".cc") and not name.startswith(OTHER_FILES):
                    with open(os.path.join(folder, name), encoding="utf-8") as source:
                        text = source.read()
                    if "ConfigSection" in text:
                        read |= set(_READ.findall(text))
        self.assertGreater(len(read), 40)
        self.assertEqual(read, shown)

    def test_agents_md_names_every_key_of_a_manifest(self):
        with open(os.path.join(ROOT, "src", "agent", "src", "manifest.cc"), encoding="utf-8") as source:
            read = set(re.findall(r'\bread\w*\((?:\w+, )?"([a-z_]+)"|section\.read\w*\("([a-z_]+)"', source.read()))
        with open(os.path.join(ROOT, "docs", "agents.md"), encoding="utf-8") as source:
            page = source.read()
        keys = {first or second for first, second in read} - {"name"}
        self.assertGreater(len(keys), 20)
        for key in sorted(keys):
            with self.subTest(key=key):
                self.assertIn(f"`{key}`", page.replace("`[model] ", "`").replace("`[resources] ", "`").replace("`[capabilities] ", "`"))

    def test_configuration_md_names_every_key_that_is_read_again(self):
        with open(os.path.join(ROOT, "src", "kernel", "src", "kernel_reload.cc"), encoding="utf-8") as source:
            listed = re.search(r"kLive\[\] = \{(.*?)\};", source.read(), re.DOTALL).group(1)
        with open(os.path.join(ROOT, "docs", "configuration.md"), encoding="utf-8") as source:
            page = source.read()
        keys = re.findall(r'"([a-z_.[]+)"', listed)
        self.assertGreater(len(keys), 15)
        self.assertIn("`llm.*`", page)   # but for some: is_of_models()
        for key in keys:
            with self.subTest(key=key):
                self.assertIn(f"`{key}*`" if key[-1] in ".[" else f"`{key}`", page)

    def test_schedules_md_names_every_key_of_a_schedule(self):
        with open(os.path.join(ROOT, "src", "agent", "src", "manifest_wakes.cc"), encoding="utf-8") as source:
            keys = set(re.findall(r'read\w*\("([a-z_]+)"', source.read()))
        with open(os.path.join(ROOT, "docs", "schedules.md"), encoding="utf-8") as source:
            page = source.read()
        self.assertGreater(len(keys), 8)
        for key in keys:
            with self.subTest(key=key):
                self.assertIn(key, page)


if __name__ == "__main__":
    unittest.main()
