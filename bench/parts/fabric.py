"""Messages between two processes through a router, beside a raw Unix socket and nats-server with libnats."""
import contextlib
import os
import shutil
import socket
import statistics
import subprocess
import tempfile
import time

from . import common
from .common import Row, Worker, program, procs

ROUNDS = int(os.environ.get("SKEP_BENCH_ROUNDS", "5"))
SIZES = (256, 4096)
WINDOW = 1024


def run(_options):
    rows = []
    cores = os.sched_getaffinity(0)
    for name, here, there, router in placements(sorted(cores)):
        with Contest(here, there, router) as contest:
            rows += [row for size in SIZES for row in latency(contest, name, size)]
            rows += [row for size in SIZES for row in rate(contest, name, size)]
    return rows + registration() + fanout() + idle_memory() + unaddressed()


def placements(cores):
    """The two ends on one core and the router on the other: each of the four hops crosses, as two raw round trips do."""
    yield "one core", cores[0], cores[0], cores[0]
    if len(cores) > 1:
        yield "two cores", cores[0], cores[0], cores[1]


class Router:
    """The router alone, in a process of its own."""

    def __init__(self, core=None, idle_nodes=0):
        self.home = tempfile.mkdtemp(prefix="skep-bench-")
        self.child = subprocess.Popen(pinned(core, [program("bench_fabric_router"), self.home, str(idle_nodes)]),
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True)
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
        shutil.rmtree(self.home)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def pinned(core, argv):
    return argv if core is None else ["taskset", "-c", str(core)] + argv


class Contest:
    """Ours, the raw socket and NATS, all up at the same time, idle but for the one whose turn it is."""

    def __init__(self, here, there, router):
        self.stack = contextlib.ExitStack()
        ours = self.stack.enter_context(Router(router))
        self.ours = self.stack.enter_context(Worker([program("bench_fabric_skep_peer"), ours.path, str(here), str(there)]))
        # Two processes have two places: across two cores the raw ends sit apart.
        self.raw = self.stack.enter_context(Worker([program("bench_fabric_raw_peer"), str(here), str(router)]))
        port = free_port()
        self.stack.enter_context(nats_server(port, router))
        url = f"nats://127.0.0.1:{port}"
        self.nats = self.stack.enter_context(Worker([program("bench_fabric_nats_peer"), url, str(here), str(there)]))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stack.close()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def nats_server(port, core):
    child = subprocess.Popen(pinned(core, ["nats-server", "-a", "127.0.0.1", "-p", str(port)]), start_new_session=True,
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.05)
        yield
    finally:
        child.terminate()
        child.wait(10)


def latency(contest, name, size):
    """One round of each in turn; all percentiles of ours beside the same of the floor and the peer."""
    rounds = []
    for at in range(ROUNDS + 1):
        sides = [contest.ours, contest.raw, contest.nats]
        turn = sides[at % 3:] + sides[:at % 3]
        results = {side: side.run(1, 3000, f"ping:{size}") for side in turn}
        if at > 0:   # the first does not count
            rounds.append([results[side] for side in sides])
    one = name == "one core"
    title = f"request/reply {size} B, {name}"
    rows = [versus(title, "us", "p50_us", rounds, 1, "2 raw round trips", 1.5 if one else 1.7, "less"),
            versus(title, "us", "p50_us", rounds, 2, "NATS", 0.4 if one else 0.55, "less")]
    for key in ("p99_us", "p999_us"):
        rows.append(versus(f"  {key[:-3]}", "us", key, rounds, 2, "NATS"))
    return rows


def rate(contest, name, size):
    rows = []
    for order, bound in (("oneway", 2.5 if size == 256 else 6), ("single", None)):
        rounds = []
        for at in range(ROUNDS + 1):
            turn = [contest.ours, contest.nats] if at % 2 else [contest.nats, contest.ours]
            results = {side: side.run(WINDOW, 50_000, f"{order}:{size}") for side in turn}
            if at > 0:
                rounds.append([results[contest.ours], results[contest.nats]])
        title = f"one way {size} B, {'batched' if order == 'oneway' else 'a write each'}, {name}"
        rows.append(versus(title, "/s", "per_s", rounds, 1, "NATS", bound, "more"))
    return rows


def versus(title, unit, key, rounds, other, other_name, bound=None, better="less"):
    pairs = [(one[0], one[other]) for one in rounds]
    target = "" if bound is None else f"{'<=' if better == 'less' else '>='} {bound}x"
    return common.compare(title, unit, key, pairs, other_name, target, bound, better)


def registration():
    """From connect to the moment another node's message reaches the newcomer's name."""
    with Router() as router:
        times = sorted(node_once(router.path, f"AI.fresh{i}") for i in range(200))
    row = Row("registration visible at its router", "ms", statistics.median(times) * 1000, "200 nodes, blocking Python client")
    return [common.at_most(row, 10, "< 10 ms")]


def node_once(path, name):
    started = time.monotonic()
    with hello(path, name) as link:
        link.recv(65536)   # ANNOUNCE: the route is there before it is sent
        return time.monotonic() - started


def hello(path, name):
    import json
    import struct
    import uuid
    link = socket.socket(socket.AF_UNIX)
    link.connect(path)
    ident = str(uuid.uuid4())
    body = json.dumps({"routing": {"src": ident, "dst": None, "ttl": 1, "trace_id": "h"}, "meta": {"type": "system", "msg": "HELLO"},
                       "payload": {"uuid": ident, "name": name, "version": "1.0"}}).encode()
    link.sendall(struct.pack(">I", len(body)) + body)
    return link


def fanout():
    with Router() as router, Worker([program("bench_fabric_skep_peer"), router.path, "-1", "-1"]) as peer:
        peer.run(1, 2, "fanout:900")
        result = peer.run(1, 50, "fanout:900")
    return [Row("broadcast to 900 nodes until the last has read it", "us", result["p50_us"], "50 broadcasts, one reading process")]


def idle_memory():
    count = 900
    with Router() as router:
        before = router.rss()
        links = [hello(router.path, f"AI.idle{i}") for i in range(count)]
        for link in links:
            link.recv(65536)
        time.sleep(2.5)
        after = router.rss()
        for link in links:
            link.close()
    return [Row("router's memory for one idle node", "bytes", (after - before) / count, f"{count} connections")]


def unaddressed():
    rows = []
    for idle in (10, 1_000, 50_000):
        with Router(idle_nodes=idle) as router, Worker([program("bench_fabric_skep_peer"), router.path, "-1", "-1"]) as peer:
            peer.run(1, 2000, "ping:256")
            results = [peer.run(1, 3000, "ping:256")["p50_us"] for _ in range(ROUNDS)]
        rows.append(Row(f"request/reply 256 B beside {idle:,} other nodes", "us", statistics.median(results),
                        f"{ROUNDS} rounds of 3000; the others are in the router's process"))
    return rows
