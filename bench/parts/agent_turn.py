"""The one-tool turn: what its books cost, how near it is to a bare libcurl loop, and what a stuck agent costs the others."""
import json
import os
import subprocess

from . import model, turn
from .common import Row, Worker, alternate, at_most, compare, procs, program

ROUNDS = 9
TURNS = 200
LIMIT_US = 5000


def books():
    """The same agent with all its books, and with none."""
    homes = [model.home(), model.home()]
    with model.ModelServer() as server:
        with Worker([program("bench_agent_books"), homes[0], str(server.port), "on"]) as on, \
                Worker([program("bench_agent_books"), homes[1], str(server.port), "off"]) as off:
            pairs = alternate(lambda: on.run(1, TURNS), lambda: off.run(1, TURNS), ROUNDS)
    for home in homes:
        procs.remove_dir(home)
    return [compare("one-tool turn with authority, audit, budget, journal, p50", "us", "p50_us", pairs, "without them", "<= 1.2x", 1.2),
            compare("the same, CPU", "us", "cpu_us", pairs, "without them")]


def floor():
    """Through the whole kernel, against a libcurl loop with the same bytes: part turn's own measurement, to a looser bound."""
    rows = turn.measure("anthropic")
    p50 = next(row for row in rows if "p50, 1 in flight" in row.name)
    p50.target, p50.met = "<= 1.7x", p50.ratio <= 1.7
    return rows


def stuck():
    """One agent waits in a tool that takes a minute, all the time; another one answers."""
    homes = [model.home(), model.home()]
    with model.ModelServer() as server:
        for home in homes:
            model.write_config(home, server.port, extra="[tools.shell]\nenabled = true\ntimeout_max_secs = 60\n")
            folder = os.path.join(home, "agents", "sleeper")
            os.makedirs(folder)
            with open(os.path.join(folder, "agent.toml"), "w", encoding="ascii") as out:
                out.write('name = "sleeper"\n[capabilities]\ntools = ["shell_exec"]\n')
        with Worker([program("bench_turn"), homes[0]]) as beside, Worker([program("bench_turn"), homes[1]]) as alone:
            pairs = alternate(lambda: beside.run(1, TURNS, "stuck"), lambda: alone.run(1, TURNS), ROUNDS)
    for home in homes:
        procs.remove_dir(home)
    return [compare("one-tool turn beside an agent that is stuck, p99", "us", "p99_us", pairs, "nobody stuck", "<= 1.1x", 1.1),
            compare("the same, p50", "us", "p50_us", pairs, "nobody stuck")]


def long_session():
    argv = [program("agent_bench"), "--benchmark_filter=long_session", "--benchmark_format=json", "--benchmark_repetitions=5",
            "--benchmark_report_aggregates_only=true", "--benchmark_min_time=0.1"]
    result = json.loads(subprocess.run(argv, check=True, capture_output=True, text=True).stdout)
    rows = [Row(entry["run_name"].replace("_", " "), entry["time_unit"], entry["cpu_time"], "5 repetitions, CPU time")
            for entry in result["benchmarks"] if entry["aggregate_name"] == "median"]
    both = sum(row.ours for row in rows)
    return rows + [at_most(Row("prompt and plan of 2,000 messages together", "us", both, "the two above"), LIMIT_US, "< 5 ms")]
