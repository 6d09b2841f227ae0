"""Messages between two processes through a router, beside a raw Unix socket and nats-server with libnats."""
import contextlib
import os
import socket
import statistics
import subprocess
import time

from . import common, fabric_router
from .common import Row, Worker, program

ROUNDS = int(os.environ.get("SKEP_BENCH_ROUNDS", "5"))
SIZES = (256, 4096)
WINDOW = 1024
# Ours at either end of the way: a socket that is read and written by hand, as the raw ends' is; the same with memory that
# is shared with the router; and a Message made and taken apart, as Skep's own processes do (through shared memory too),
# which is what libnats is for NATS.
NODES = {"bare": "a bare socket", "shared": "bare shared memory", "link": "NodeLink"}


def run(_options):
    rows = []
    cores = os.sched_getaffinity(0)
    for name, here, there, router in placements(sorted(cores)):
        with Contest(here, there, router) as contest:
            rows += [row for size in SIZES for row in latency(contest, name, size)]
            rows += [row for size in SIZES for row in rate(contest, name, size)]
    return rows + fabric_router.rows(ROUNDS)


def placements(cores):
    """The two ends on one core and the router on the other: each of the four hops crosses, as two raw round trips do."""
    yield "one core", cores[0], cores[0], cores[0]
    if len(cores) > 1:
        yield "two cores", cores[0], cores[0], cores[1]


class Contest:
    """Ours, the raw socket and NATS, all up at the same time, idle but for the one whose turn it is."""

    def __init__(self, here, there, router):
        self.stack = contextlib.ExitStack()
        ours = self.stack.enter_context(fabric_router.Router(router))
        port = free_port()
        self.stack.enter_context(nats_server(port, router))
        ends = [str(here), str(there)]
        self.sides = {
            "bare": self.worker("bench_fabric_skep_peer", ours.path, *ends),
            "shared": self.worker("bench_fabric_skep_peer", ours.path, *ends, "shared"),
            "link": self.worker("bench_fabric_link_peer", ours.path, *ends),
            # Two processes have two places: across two cores the raw ends sit apart.
            "raw": self.worker("bench_fabric_raw_peer", str(here), str(router)),
            "nats": self.worker("bench_fabric_nats_peer", f"nats://127.0.0.1:{port}", *ends),
        }

    def worker(self, name, *arguments):
        return self.stack.enter_context(Worker(fabric_router.at_once([program(name), *arguments])))

    def rounds(self, names, *order):
        """`order` by each of these in turn, another first each time; the first round does not count."""
        found = []
        for at in range(ROUNDS + 1):
            turn = names[at % len(names):] + names[:at % len(names)]
            results = {name: self.sides[name].run(*order) for name in turn}
            if at > 0:
                found.append(results)
        return found

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
    argv = fabric_router.pinned(core, ["nats-server", "-a", "127.0.0.1", "-p", str(port)])
    child = subprocess.Popen(argv, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
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
    """Percentiles of ours beside the same of the floor and the peer."""
    rounds = contest.rounds(["bare", "shared", "raw", "link", "nats"], 1, 3000, f"ping:{size}")
    one = name == "one core"
    rows = []
    for node, words in NODES.items():
        title = f"request/reply {size} B, {name}, {words}"
        rows += [versus(title, "us", "p50_us", rounds, node, "raw", "2 raw round trips", 1.5 if one else 1.7, "less"),
                 versus(title, "us", "p50_us", rounds, node, "nats", "NATS", 0.4 if one else 0.55, "less")]
        for key in ("p99_us", "p999_us"):
            rows.append(versus(f"  {key[:-3]}", "us", key, rounds, node, "nats", "NATS"))
    return rows


def rate(contest, name, size):
    bound = 2.5 if size == 256 else 6
    batched = contest.rounds(["bare", "shared", "link", "nats"], WINDOW, 50_000, f"oneway:{size}")
    single = contest.rounds(["bare", "nats"], WINDOW, 20_000, f"single:{size}")
    acked = contest.rounds(["link"], WINDOW, 20_000, f"acked:{size}")
    title = f"one way {size} B, {name}"
    rows = [versus(f"{title}, batched, {words}", "/s", "per_s", batched, node, "nats", "NATS", bound, "more")
            for node, words in NODES.items()]
    rows.append(versus(f"{title}, a write each, {NODES['bare']}", "/s", "per_s", single, "bare", "nats", "NATS"))
    rows.append(Row(f"{title}, each acknowledged, {NODES['link']}", "/s",
                    statistics.median(one["link"]["per_s"] for one in acked), f"{ROUNDS} rounds of 20000"))
    return rows


def versus(title, unit, key, rounds, ours, other, other_name, bound=None, better="less"):
    pairs = [(one[ours], one[other]) for one in rounds]
    target = "" if bound is None else f"{'<=' if better == 'less' else '>='} {bound}x"
    return common.compare(title, unit, key, pairs, other_name, target, bound, better)
