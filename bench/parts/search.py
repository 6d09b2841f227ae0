"""Hybrid search over one person's 100,000 chunks, and how many of the truly nearest vectors the packed ones find."""
import json
import subprocess

from .common import Row, at_most, procs, program

CHUNKS = 100_000


def search():
    folder = procs.temp_dir("bench-search")
    try:
        out = subprocess.run([program("bench_search"), folder, str(CHUNKS)], check=True, stdout=subprocess.PIPE, timeout=1800)
    finally:
        procs.remove_dir(folder)
    got = json.loads(out.stdout)
    samples = f"{got['chunks']} chunks"
    return [at_most(Row("hybrid search, p50", "ms", got["p50_ms"], samples), 20, "< 20 ms"),
            Row("hybrid search, p99", "ms", got["p99_ms"], samples),
            Row("of these the vectors (all of them, 8 bits a number), p50", "ms", got["scan_ms"], samples),
            Row("10 nearest by 8 bits that are the 10 nearest exactly", "%", got["recall"] * 100, "100 queries"),
            Row("reading and indexing it all", "ms", got["reading_ms"], samples)]
