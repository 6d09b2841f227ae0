"""docs/skep.doap says in the common format (DOAP) what docs/xeps.md says in a table.

    doap.py            prints it
    doap.py --write    writes docs/skep.doap
"""
import os
import re
import sys
from xml.sax.saxutils import escape

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TABLE = os.path.join(ROOT, "docs", "xeps.md")
DOAP = os.path.join(ROOT, "docs", "skep.doap")

_ROW = re.compile(r"^\| (\d{4}) ([^|]+), (\d[\w.]*) \| (?:C|U|CU) \| [^|]* \| [^|]* \| ([^|]*) \|", re.MULTILINE)
_RFCS = re.compile(r"^\| RFC ([\d, ]+) \|", re.MULTILINE)

_HEAD = """<?xml version='1.0' encoding='UTF-8'?>
<!-- Written by tests/checks/doap.py from docs/xeps.md. -->
<rdf:RDF xmlns='http://usefulinc.com/ns/doap#' xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'
         xmlns:xmpp='https://linkmauve.fr/ns/xmpp-doap#'>
  <Project>
    <name>Skep</name>
    <shortdesc xml:lang='en'>An operating system for federated AI agents</shortdesc>
    <programming-language>C++</programming-language>
    <os>Linux</os>
"""
_TAIL = "  </Project>\n</rdf:RDF>\n"


def xeps(text):
    """(number, name, version, whether something is left out) of each row."""
    return [(number, name, version, left_out.strip() != "-") for number, name, version, left_out in _ROW.findall(text)]


def rfcs(text):
    return [number for row in _RFCS.findall(text) for number in row.split(", ")]


def doap(text):
    lines = [_HEAD]
    lines += [f"    <implements rdf:resource='https://www.rfc-editor.org/info/rfc{number}'/>\n" for number in rfcs(text)]
    for number, name, version, partial in xeps(text):
        lines.append("    <implements>\n      <xmpp:SupportedXep>\n"
                     f"        <xmpp:xep rdf:resource='https://xmpp.org/extensions/xep-{number}.html'/>\n"
                     f"        <xmpp:status>{'partial' if partial else 'complete'}</xmpp:status>\n"
                     f"        <xmpp:version>{version}</xmpp:version>\n"
                     f"        <xmpp:note xml:lang='en'>{escape(name)}</xmpp:note>\n"
                     "      </xmpp:SupportedXep>\n    </implements>\n")
    return "".join([*lines, _TAIL])


def read(path):
    with open(path, encoding="utf-8") as source:
        return source.read()


if __name__ == "__main__":
    made = doap(read(TABLE))
    if sys.argv[1:] == ["--write"]:
        with open(DOAP, "w", encoding="utf-8") as out:
            out.write(made)
    else:
        print(made, end="")
