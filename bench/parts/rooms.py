"""Single steps of the way, by the rooms' own benchmarks: one hop through the router, the journal records of a turn."""
import json
import os
import subprocess

from .common import Row, program

ROOMS = (("fabric", "Unicast"), ("store", "journal_turn|append_line"))


def run(_options):
    return [row for room, pattern in ROOMS for row in room_rows(room, pattern)]


def room_rows(room, pattern):
    binary = program(room + "_bench")
    if not os.path.exists(binary):
        return []
    argv = [binary, "--benchmark_filter=" + pattern, "--benchmark_format=json", "--benchmark_repetitions=5",
            "--benchmark_report_aggregates_only=true", "--benchmark_min_time=0.1"]
    result = json.loads(subprocess.run(argv, check=True, capture_output=True, text=True).stdout)
    return [Row(f"{room}: {entry['run_name']}", entry["time_unit"], entry["cpu_time"], "5 repetitions, CPU time")
            for entry in result["benchmarks"] if entry["aggregate_name"] == "median"]
