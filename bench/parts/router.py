"""One hop through the router, by the room's own benchmark."""
import json
import os
import subprocess

from .common import Row, program


def run(_options):
    binary = program("fabric_bench")
    if not os.path.exists(binary):
        return []
    argv = [binary, "--benchmark_format=json", "--benchmark_repetitions=5", "--benchmark_report_aggregates_only=true",
            "--benchmark_min_time=0.1"]
    result = json.loads(subprocess.run(argv, check=True, capture_output=True, text=True).stdout)
    return [Row("router: " + entry["run_name"].removeprefix("BM_"), entry["time_unit"], entry["cpu_time"], "5 repetitions")
            for entry in result["benchmarks"] if entry["aggregate_name"] == "median"]
