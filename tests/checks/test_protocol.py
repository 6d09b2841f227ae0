"""The examples of docs/protocol/agent-protocol.md keep to the schema beside it, and the schema refuses what the page forbids."""
import os
import re
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree as ET

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FOLDER = os.path.join(ROOT, "docs", "protocol")
SCHEMA = os.path.join(FOLDER, "agent-protocol.xsd")
BASE = "urn:fluux:agent:0#"

BAD = {
    "an execute without a skill": f"<execute xmlns='{BASE}execute'/>",
    "a status nobody knows": f"<result xmlns='{BASE}execute' status='great'/>",
    "a delegation without a chain": f"<delegate xmlns='{BASE}delegate' depth='1' max-depth='2'><task>x</task></delegate>",
    "a delegation of two things": f"<delegate xmlns='{BASE}delegate' depth='1' max-depth='2' chain='a'><task>x</task>"
                                  f"<execute xmlns='{BASE}execute' skill='s'/></delegate>",
    "a decision that is none": f"<confirmed xmlns='{BASE}confirm' id='a' decision='perhaps'/>",
    "an error nobody knows": f"<result xmlns='{BASE}execute' status='failed'><bored xmlns='{BASE}errors'/></result>",
    "a budget that is no sum": f"<execute xmlns='{BASE}execute' skill='s'><budget usd='cheap'/></execute>",
    "a hash of no algorithm": f"<result xmlns='{BASE}execute' status='completed'><output type='text/plain' href='https://x.example/1'>"
                              "<hash xmlns='urn:xmpp:hashes:2'>AAAA</hash></output></result>",
    "a skill without an id": f"<query xmlns='{BASE}skills'><skill/></query>",
}


def page():
    with open(os.path.join(FOLDER, "agent-protocol.md"), encoding="utf-8") as source:
        return source.read()


def payloads(node):
    """The outermost elements that are of the protocol."""
    if node.tag.startswith("{" + BASE):
        return [ET.tostring(node, encoding="unicode")]
    return [text for child in node for text in payloads(child)]


def examples():
    return [text for block in re.findall(r"```xml\n(.*?)```", page(), re.DOTALL) for text in payloads(ET.fromstring(block))]


def validate(text):
    with tempfile.NamedTemporaryFile("w", suffix=".xml", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        done = subprocess.run(["xmllint", "--nonet", "--noout", "--schema", SCHEMA, out.name], capture_output=True, text=True,
                              check=False)
    return done.returncode, done.stderr


class Protocol(unittest.TestCase):
    def test_every_example_is_valid(self):
        found = examples()
        self.assertGreaterEqual(len(found), 16)
        for text in found:
            with self.subTest(text=text):
                code, why = validate(text)
                self.assertEqual(code, 0, why)

    def test_the_schema_refuses_what_is_none(self):
        for what, text in BAD.items():
            with self.subTest(what):
                self.assertEqual(validate(text)[0], 3)   # 3: it does not validate; others: the schema itself is wrong

    def test_every_fault_of_the_page_is_in_the_schema_and_in_the_code(self):
        listed = set(re.findall(r"^\| [^|]+\| [a-z-]+ \([a-z]+\) \| `([a-z-]+)`", page(), re.MULTILINE))
        with open(os.path.join(FOLDER, "errors.xsd"), encoding="utf-8") as source:
            schema = set(re.findall(r"<xs:element name='([a-z-]+)'", source.read()))
        with open(os.path.join(ROOT, "src", "xmpp", "src", "features", "agent_errors.cc"), encoding="utf-8") as source:
            code = set(re.findall(r'Row\{AgentFault::\w+, "([a-z-]+)"', source.read()))
        self.assertEqual(listed, schema)
        self.assertEqual(listed, code)


if __name__ == "__main__":
    unittest.main()
