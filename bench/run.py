#!/usr/bin/python3
"""Prints one table of what Skep costs, each figure beside its floor or peer from the same run.

    ./dev bench                      all parts but agent and crash
    ./dev bench turn xmpp            some
    ./dev bench crash 1000           kill -9, a thousand times
    ./dev bench --json FILE …        also writes the rows as JSON

Ratios are medians over alternating rounds; absolute times depend on the machine and on what else it does.
"""
import argparse
import dataclasses
import importlib
import json
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from parts import common  # noqa: E402

PARTS = ("start", "size", "request", "turn", "xmpp", "muc", "fabric", "rooms")
EXTRA = ("agent", "crash")


def arguments():
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS + EXTRA) + "; after crash the number of kills")
    parser.add_argument("--json", metavar="FILE", help="also write the rows as JSON")
    parser.add_argument("--providers", nargs="+", default=["anthropic"], choices=["anthropic", "openai"],
                        help="wire formats of part turn")
    options = parser.parse_args()
    options.kills = next((int(word) for word in options.parts if word.isdigit()), 1000)
    options.parts = [word for word in options.parts if not word.isdigit()] or list(PARTS)
    unknown = [word for word in options.parts if word not in PARTS + EXTRA]
    if unknown:
        parser.error(f"no such part: {', '.join(unknown)}")
    return options


def run_part(name, options):
    """Rows, and whether it went through: a part that fails does not take the others' figures with it."""
    common.say(f"== {name}")
    try:
        return importlib.import_module("parts." + name).run(options), True
    except Exception as problem:   # shown, and the exit code says so
        common.say(f"{name} failed: {type(problem).__name__}: {problem}")
        return [], False


def main():
    options = arguments()
    common.build()
    rows, whole = [], True
    for name in options.parts:
        found, went = run_part(name, options)
        rows, whole = rows + found, whole and went
    common.print_table(rows)
    if options.json:
        with open(options.json, "w", encoding="utf-8") as out:
            json.dump([dataclasses.asdict(row) for row in rows], out, indent=1)
    missed = [row.name for row in rows if row.met is False]
    if missed:
        print(f"\nmissed: {'; '.join(missed)}")
    return 0 if whole else 1


if __name__ == "__main__":
    sys.exit(main())
