"""Rows, workers and rounds: what the parts of the benchmark share."""
import dataclasses
import json
import os
import statistics
import subprocess
import sys

from support import procs

from . import ROOT

BUILD = os.environ.get("SKEP_BENCH_BUILD") or os.path.join(ROOT, "build", "release")
SKEP = os.path.join(BUILD, "bin", "skep")
os.environ["SKEP_BIN"] = SKEP


def program(name):
    return os.path.join(BUILD, "bin", name)


def build():
    subprocess.run(["ninja", "-C", BUILD, "skep", "bench_programs"], check=True, stdout=sys.stderr)


def say(text):
    print(text, file=sys.stderr, flush=True)


# -- the table -----------------------------------------------------------------------------------------------------------

@dataclasses.dataclass
class Row:
    """One line. `ratio` is the median of the rounds' ratios, not the ratio of the medians; `met` None: no target."""
    name: str
    unit: str
    ours: float
    samples: str
    floor: float = None
    floor_name: str = ""
    ratio: float = None
    target: str = ""
    met: bool = None

    def cells(self):
        floor = "" if self.floor is None else f"{_number(self.floor)} {self.unit} ({self.floor_name})"
        return [self.name, f"{_number(self.ours)} {self.unit}", floor, "" if self.ratio is None else f"{self.ratio:.2f}",
                self.target, {True: "yes", False: "NO", None: ""}[self.met], self.samples]


def _number(value):
    return f"{value:,.0f}" if abs(value) >= 1000 or value == int(value) else f"{value:.3g}"


def at_most(row, limit, text):
    """Sets target and verdict on the row's own value."""
    return dataclasses.replace(row, target=text, met=row.ours <= limit)


def print_table(rows, out=sys.stdout):
    lines = [["name", "ours", "floor or peer", "ratio", "target", "met", "samples"]] + [row.cells() for row in rows]
    widths = [max(len(line[column]) for line in lines) for column in range(7)]
    for at, line in enumerate(lines):
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip(), file=out)
        if at == 0:
            print("  ".join("-" * width for width in widths), file=out)


# -- workers and rounds --------------------------------------------------------------------------------------------------

class Worker:
    """A measuring program that takes orders on its standard input (bench/measure.h)."""

    def __init__(self, argv, cwd=None):
        self.name = os.path.basename(argv[0])
        self.child = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=cwd,
                                      start_new_session=True)
        self.greeting = self._line()

    def _line(self):
        line = self.child.stdout.readline()
        if not line:
            raise procs.Failure(f"{self.name} ended with {self.child.wait()}: see above")
        return line.strip()

    def run(self, in_flight, count, target=""):
        self.child.stdin.write(f"run {in_flight} {count} {target}".rstrip() + "\n")
        self.child.stdin.flush()
        return json.loads(self._line())

    def close(self, grace=10):
        self.child.stdin.close()
        try:
            self.child.wait(grace)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
        self.child.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close(grace=10 if self.name == "bench_turn" else 0.2)


def alternate(ours, floor, rounds):
    """Runs both sides `rounds` times, changing who goes first, after one round each that does not count."""
    ours(), floor()
    pairs = []
    for at in range(rounds):
        if at % 2 == 0:
            a = ours()
            b = floor()
        else:
            b = floor()
            a = ours()
        pairs.append((a, b))
    return pairs


def compare(name, unit, key, pairs, floor_name, target="", bound=None, better="less", scale=1.0):
    """A Row of `key` from alternating rounds. `bound`: the ratio ours/floor allowed at most (or at least: better="more")."""
    ratio = statistics.median(a[key] / b[key] for a, b in pairs)
    met = None if bound is None else (ratio <= bound if better == "less" else ratio >= bound)
    return Row(name, unit, statistics.median(a[key] for a, _ in pairs) * scale,
               f"{len(pairs)} rounds of {pairs[0][0]['count']}", statistics.median(b[key] for _, b in pairs) * scale,
               floor_name, ratio, target, met)
