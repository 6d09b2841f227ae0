"""What a router costs that is no message between two nodes: look-up, registration, broadcast, memory, many nodes."""
import contextlib
import functools
import json
import os
import resource
import shutil
import socket
import statistics
import struct
import subprocess
import tempfile
import time
import uuid

from . import common
from .common import Row, Worker, program, procs

IDLE = (10, 1_000, 50_000)


@functools.cache
def real_time():
    """Everybody who is measured runs before whatever else this machine does, if it lets us. FIFO: nobody of them is
    favoured over another."""
    allowed = subprocess.run(["chrt", "-f", "50", "true"], check=False, stderr=subprocess.DEVNULL).returncode == 0
    common.say("   real-time priority for everybody measured" if allowed
               else "   no real-time priority here: a busy machine will show")
    return ["chrt", "-f", "50"] if allowed else []


def at_once(argv):
    return real_time() + argv


def pinned(core, argv):
    return at_once(argv if core is None else ["taskset", "-c", str(core)] + argv)


class Router:
    """The router alone, in a process of its own."""

    def __init__(self, core=None, idle_nodes=0, home=None, name=None):
        self.stack = contextlib.ExitStack()
        self.home = home or tempfile.mkdtemp(prefix="skep-bench-")
        if home is None:
            self.stack.callback(shutil.rmtree, self.home)
        argv = [program("bench_fabric_router"), self.home, str(idle_nodes)] + ([name] if name else [])
        self.child = subprocess.Popen(pinned(core, argv), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                      start_new_session=True)
        self.path = self.child.stdout.readline().strip()
        if not self.path:
            raise procs.Failure("the router did not start")

    def rss(self):
        with open(f"/proc/{self.child.pid}/statm", encoding="ascii") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def close(self):
        self.child.stdin.close()
        self.child.wait(20)
        self.child.stdout.close()
        self.stack.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def peer(router, core=None):
    place = "-1" if core is None else str(core)
    return Worker(at_once([program("bench_fabric_skep_peer"), router.path, place, place]))


def rows(rounds):
    return look_up() + registration() + fanout() + idle_memory() + unaddressed(rounds)


def look_up():
    argv = at_once([program("fabric_bench"), "--benchmark_filter=BM_AskExactName/100000", "--benchmark_format=json",
                    "--benchmark_repetitions=5", "--benchmark_report_aggregates_only=true", "--benchmark_min_time=0.1"])
    result = json.loads(subprocess.run(argv, check=True, capture_output=True, text=True).stdout)
    median = next(entry for entry in result["benchmarks"] if entry["aggregate_name"] == "median")
    row = Row("route look-up among 100,000 names", "ns", median["cpu_time"], "5 repetitions, names in random order")
    return [common.at_most(row, 150, "< 150 ns")]


def registration():
    """From connect() to one router until a message from a node of another router has arrived."""
    with Router(name="RT.one") as one, Router(name="RT.two", home=one.home) as two, peer(one) as node:
        node.run(1, 20, f"visible:{two.path}")   # the two find each other first
        result = node.run(1, 200, f"visible:{two.path}")
    row = Row("registration seen by another router", "ms", result["p50_us"] / 1000, "p50 of 200 newcomers")
    slow = Row("  p99", "ms", result["p99_us"] / 1000, "the same")
    return [common.at_most(row, 10, "< 10 ms"), common.at_most(slow, 10, "< 10 ms")]


def fanout(nodes=1_000):
    with Router() as router, peer(router) as node:
        node.run(1, 2, f"fanout:{nodes}")
        result = node.run(1, 50, f"fanout:{nodes}")
    return [Row(f"broadcast to {nodes:,} nodes until the last has read it", "us", result["p50_us"],
                "p50 of 50 broadcasts, one process reads for all")]


def hello(path, name):
    link = socket.socket(socket.AF_UNIX)
    link.connect(path)
    ident = str(uuid.uuid4())
    body = json.dumps({"routing": {"src": ident, "dst": None, "ttl": 1, "trace_id": "h"},
                       "meta": {"type": "system", "msg": "HELLO"},
                       "payload": {"uuid": ident, "name": name, "version": "1.0"}}).encode()
    link.sendall(struct.pack(">I", len(body)) + body)
    return link


def idle_memory(count=1_000):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with Router() as router, contextlib.ExitStack() as links:
        before = router.rss()
        for at in range(count):
            link = links.enter_context(hello(router.path, f"AI.idle{at}"))
            link.recv(65536)
        time.sleep(2.5)   # two sweeps: what idle nodes do not need is given back
        after = router.rss()
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return [Row("router's memory for one idle node", "bytes", (after - before) / count, f"{count} connections")]


def unaddressed(rounds):
    """Rounds in turn beside few and many nodes that nobody speaks to; they are in the routers' processes."""
    core = min(os.sched_getaffinity(0))
    with contextlib.ExitStack() as stack:
        peers = []
        for idle in IDLE:
            router = stack.enter_context(Router(core, idle))
            peers.append(stack.enter_context(peer(router, core)))
        found = [[each.run(1, 3000, "ping:256") for each in peers] for _ in range(rounds + 1)][1:]
    few = [one[0] for one in found]
    out = [Row(f"request/reply 256 B beside {IDLE[0]} nodes", "us", statistics.median(one["p50_us"] for one in few),
               f"{rounds} rounds of 3000, one core")]
    for at, idle in enumerate(IDLE[1:], 1):
        pairs = [(one[at], one[0]) for one in found]
        out.append(common.compare(f"request/reply 256 B beside {idle:,} nodes", "us", "p50_us", pairs,
                                  f"beside {IDLE[0]}", "<= 1.15x", 1.15))
    return out
