"""docs/skep.doap lists what docs/xeps.md lists, no more and no less."""
import re
import unittest
import xml.etree.ElementTree as ET

import doap

XMPP = "{https://linkmauve.fr/ns/xmpp-doap#}"
RESOURCE = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}resource"


class Doap(unittest.TestCase):
    def test_it_lists_the_xeps_of_the_table(self):
        table = doap.read(doap.TABLE)
        project = ET.fromstring(doap.read(doap.DOAP).encode())
        listed = [(re.search(r"xep-(\d{4})", one.find(XMPP + "xep").get(RESOURCE)).group(1), one.findtext(XMPP + "version"))
                  for one in project.iter(XMPP + "SupportedXep")]
        self.assertGreater(len(listed), 20)
        self.assertEqual(sorted(listed), sorted((number, version) for number, _, version, _ in doap.xeps(table)))

    def test_no_row_of_the_table_is_passed_over(self):
        table = doap.read(doap.TABLE)
        numbers = re.findall(r"^\| (\d{4}) ", table, re.MULTILINE)
        self.assertEqual(sorted(numbers), sorted(number for number, *_ in doap.xeps(table)))

    def test_it_is_what_the_script_writes(self):
        self.assertEqual(doap.read(doap.DOAP), doap.doap(doap.read(doap.TABLE)), "run tests/checks/doap.py --write")


if __name__ == "__main__":
    unittest.main()
