#!/usr/bin/python3
"""What `./dev check` runs after a dev build. Findings are lines `file:line: message`; exit 1 when any is not mere advice.

  format    clang-format, over all our C++
  tidy      clang-tidy: the bug-finders of .clang-tidy; with --advice the rest of it as well
  headers   each public header compiles alone
  includes  no room uses what it does not name, no public header drags in a heavy library
  limits    long files and functions (advice)
"""
import argparse
import os
import signal
import sys
import time

import compiler
import house
import includes
import limits


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", nargs="*", help="only these parts (default: all)")
    parser.add_argument("--fix", action="store_true", help="format in place, check nothing")
    parser.add_argument("--changed", metavar="BASE", help="format, tidy and headers: only files changed since git BASE")
    parser.add_argument("--advice", action="store_true", help="show clang-tidy's advice as well")
    parser.add_argument("--build", default=os.path.join(house.ROOT, "build", "dev"), help="a configured build directory")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 2, help="how many compilers at once")
    return parser.parse_args()


def main():
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))   # temporary folders go
    options = arguments()
    only = house.changed_files(options.changed) if options.changed else None
    if options.fix:
        print(f"formatted {compiler.format_fix(only)} files")
        return 0
    parts = {
        "includes": includes.check,
        "limits": limits.check,
        "format": lambda: compiler.format_check(options.jobs, only),
        "headers": lambda: compiler.headers_check(options.build, options.jobs, only),
        "tidy": lambda: compiler.tidy_check(options.build, options.jobs, only, options.advice),
    }
    unknown = set(options.part) - set(parts)
    if unknown:
        print(f"check.py: no part is called {', '.join(sorted(unknown))}; there are {', '.join(parts)}", file=sys.stderr)
        return 64
    errors = sum(run(name, parts[name]) for name in options.part or parts)
    print(f"{errors} findings" if errors else "all well")
    return 1 if errors else 0


def run(name, part):
    """Prints what the part finds as it comes; returns how many are errors."""
    start, seen = time.monotonic(), set()
    for finding in part():
        if finding not in seen:   # a header's come with every file that includes it
            seen.add(finding)
            print(finding, flush=True)
    errors = sum(not finding.advice for finding in seen)
    print(f"== {name}: {errors} findings, {len(seen) - errors} of advice, {time.monotonic() - start:.1f} s", flush=True)
    return errors


if __name__ == "__main__":
    sys.exit(main())
