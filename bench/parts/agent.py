"""What agents cost: a turn's books and its distance from a bare loop, one that is stuck, a long session, and the memory of many that
are registered and idle."""
import json
import os
import subprocess
import time

from support import procs

from . import agent_turn, search
from .common import SKEP, Row, at_most
from .start import Daemon, environment, kilobytes

AGENTS = int(os.environ.get("SKEP_BENCH_AGENTS", "10000"))
ASKED = 20
PATIENCE = 300


def run(_options):
    return agent_turn.books() + agent_turn.floor() + agent_turn.stuck() + agent_turn.long_session() + search.search() + many_idle()


def many_idle():
    home = procs.temp_dir("bench-agents")
    try:
        return idle_agents(home)
    finally:
        procs.remove_dir(home)


def idle_agents(home):
    empty = Daemon(home)
    time.sleep(2)
    before = kilobytes(empty.child.pid, "status", "VmRSS:") / 1000
    empty.stop()
    for number in range(AGENTS):
        folder = os.path.join(home, "agents", f"agent-{number}")
        os.makedirs(folder)
        with open(os.path.join(folder, "agent.toml"), "w", encoding="utf-8") as out:
            out.write(f'name = "agent-{number}"\ndescription = "One of many"\ntags = ["bench"]\n[model]\n'
                      f'system_prompt = "{"You answer questions about orders. " * 10}"\n'
                      '[capabilities]\ntools = ["memory_*", "system_time"]\n')
    adopted = Daemon(home, PATIENCE)   # takes the folders up
    adopted_ms = adopted.ready_ms
    adopted.stop()
    daemon = Daemon(home, PATIENCE)
    time.sleep(2)
    rss = kilobytes(daemon.child.pid, "status", "VmRSS:") / 1000
    asked = [ask(home, f"agent-{number * (AGENTS // ASKED)}") for number in range(ASKED)]
    daemon.stop()
    samples = f"{AGENTS} agents, 2 s after ready"
    return [at_most(Row(f"{AGENTS} idle agents, RSS", "MB", rss, samples, before, "no agents"), 200, "< 200 MB"),
            Row("each idle agent", "KB", (rss - before) * 1000 / AGENTS, samples),
            Row(f"start with {AGENTS} agents", "ms", daemon.ready_ms, "1", adopted_ms, "taking up the folders"),
            Row("first word to an idle agent, the command included", "ms", sorted(asked)[ASKED // 2], f"{ASKED} agents")]


def ask(home, name):
    started = time.perf_counter()
    out = subprocess.run([SKEP, "chat", "--home", home, "--agent", name, "-m", "hello", "--json"], env=environment(home),
                         check=True, stdout=subprocess.PIPE, timeout=60)
    assert json.loads(out.stdout)["reply"]
    return (time.perf_counter() - started) * 1000
