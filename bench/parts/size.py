"""How large the binary is that people get."""
import os
import subprocess

from .common import Row, SKEP, at_most, procs


def run(_options):
    stripped = os.path.join(procs.temp_dir("bench-size"), "skep")
    subprocess.run(["strip", "-o", stripped, SKEP], check=True)
    megabytes = os.path.getsize(stripped) / 1e6
    procs.remove_dir(os.path.dirname(stripped))
    return [at_most(Row("binary, stripped", "MB", megabytes, "1"), 15, "<= 15 MB")]
