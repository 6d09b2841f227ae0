"""docs/xeps.md tells the truth: disco#info announces exactly what it lists, and the tests it names are there."""
import glob
import os
import re
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from support import skep                          # noqa: E402
from support.xmpp_wire import DISCO               # noqa: E402
from whole_house.base import WholeHouse           # noqa: E402

_ROW = re.compile(r"^\| (?!XEP,)(?P<name>[^|-][^|]*) \| (?P<modes>C|U|CU) \| (?P<announced>[^|]*) \|[^|]*\|[^|]*\| (?P<test>[^|]*) \|$",
                  re.MULTILINE)
VCARD = "{vcard-temp}"


def read(path):
    with open(path, encoding="utf-8") as source:
        return source.read()


def table():
    return read(os.path.join(skep.ROOT, "docs", "xeps.md"))


def rows():
    return list(_ROW.finditer(table()))


def listed(mode):
    letter = {"component": "C", "client": "U"}[mode]
    return {feature for row in rows() if letter in row["modes"] for feature in re.findall(r"`([^`]+)`", row["announced"])}


class Xeps(WholeHouse):
    def test_disco_announces_exactly_what_the_table_lists(self):
        client = self.login()
        for mode in skep.MODES:
            with self.subTest(mode=mode):
                agent = self.make_agent(mode).start()
                self.online(agent, client)
                answer = client.iq("get", skep.full_address(self.server, mode),
                                   '<query xmlns="http://jabber.org/protocol/disco#info"/>')
                announced = {feature.get("var") for feature in answer.iter(DISCO + "feature")}
                self.assertEqual(announced, listed(mode))
                agent.close()

    def test_a_component_answers_for_its_card(self):
        client = self.login()
        agent = self.make_agent("component").start()
        self.online(agent, client)
        card = client.iq("get", self.address(agent), '<vCard xmlns="vcard-temp"/>')
        self.assertEqual(card.findtext(f"{VCARD}vCard/{VCARD}FN"), "Helper")


class Table(unittest.TestCase):
    def test_every_row_is_read_and_names_a_test_that_exists(self):
        self.assertGreater(len(rows()), 20)
        sources = "".join(read(path) for path in glob.glob(os.path.join(skep.ROOT, "src", "*", "tests", "*.cc")))
        for row in rows():
            for test in re.findall(r"`([^`]+)`", row["test"]):
                with self.subTest(row=row["name"], test=test):
                    suite, _, name = test.partition(".")
                    if name in ("conv", "py"):
                        found = glob.glob(os.path.join(skep.ROOT, "tests", "*", test))
                        self.assertTrue(found, f"{test} is no file under tests/")
                    else:
                        self.assertRegex(sources, rf"TEST(_F)?\(\s*{suite},\s*{name}\)")

    def test_no_line_of_the_table_is_passed_over(self):
        lines = [line for line in table().splitlines() if line.startswith("| ") and not line.startswith("| XEP,")]
        self.assertEqual(len(lines), len(rows()))


if __name__ == "__main__":
    unittest.main()
