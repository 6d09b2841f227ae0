"""The crash test with many kills (tests/whole_house/test_crash.py)."""
import os
import re
import subprocess
import sys

from .common import ROOT, Row, at_most, procs

SUMMARY = re.compile(r"crash: seed (?P<seed>\d+), (?P<kills>\d+) kills, (?P<sent>\d+) messages, (?P<accepted>\d+) acknowledged, "
                     r"(?P<resent>\d+) sent again, (?P<duplicates>\d+) replies repeated with the same id, "
                     r"(?P<requests>\d+) model requests, (?P<problems>\d+) problems")
TWICE = re.compile(r"stored by \d+ calls|successful tool lines|written at ")
LOST = re.compile(r"\d+ different replies|no reply within")


def run(options):
    env = dict(os.environ, SKEP_CRASH_KILLS=str(options.kills), PYTHONDONTWRITEBYTECODE="1")
    argv = ["/usr/bin/python3", "-m", "unittest", "-v", "whole_house/test_crash.py"]
    with subprocess.Popen(argv, cwd=os.path.join(ROOT, "tests"), env=env, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT) as child:
        lines = []
        for line in child.stdout:
            sys.stderr.write(line)
            lines.append(line)
    text = "".join(lines)
    summary = SUMMARY.search(text)
    if summary is None:
        raise procs.Failure("the crash test ended without its summary line: see above")
    found = {key: int(value) for key, value in summary.groupdict().items()}
    problems = text[summary.end():]
    samples = f"{found['kills']} kills, seed {found['seed']}"
    return [Row("crash: messages accepted", "", found["accepted"], samples),
            Row("crash: sent again by people", "", found["resent"], "not acknowledged in time"),
            at_most(Row("crash: accepted without exactly one reply", "", len(LOST.findall(problems)), samples), 0, "0"),
            at_most(Row("crash: tools that ran twice", "", len(TWICE.findall(problems)), samples), 0, "0"),
            at_most(Row("crash: problems in all", "", found["problems"], samples), 0, "0"),
            Row("crash: replies again on the wire, same id", "", found["duplicates"], "at least once (docs/decisions/0004)")]
