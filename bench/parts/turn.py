"""One-tool turns against a loopback model server, beside the same bytes sent by a bare libcurl loop.

A turn is two model calls with a run of system_time between them. The eight turns of one conversation are recorded first; the
floor replays exactly these requests against the same server in the same rounds.
"""
import os

from . import model
from .common import Worker, alternate, compare, procs, program, say

ROUNDS = 9
TURNS_ONE = 200      # turns of a round with 1 in flight
TURNS_MANY = 800     # and with MANY
MANY = 16


def run(options):
    rows = []
    for provider in options.providers:
        rows += measure(provider)
    return rows


def record_conversation(home, provider):
    """One conversation's requests, as skep really sends them."""
    path = os.path.join(home, "record")
    own = model.home()
    with model.ModelServer(path) as server:
        model.write_config(own, server.port, provider)
        with Worker([program("bench_turn"), own]) as ours:
            turns = int(ours.greeting.split()[1])
            ours.run(1, turns)
    procs.remove_dir(own)
    requests = model.recorded(path)
    if len(requests) != 2 * turns:
        raise procs.Failure(f"{turns} one-tool turns made {len(requests)} model requests instead of {2 * turns}")
    sizes = [len(body) for _, body in requests]
    say(f"turn ({provider}): recorded {len(requests)} requests of {min(sizes)} to {max(sizes)} bytes")
    return path


class Side:
    """One of the two programs, with the traffic that it caused."""

    def __init__(self, worker, server):
        self.worker, self.server, self.bytes_in, self.bytes_out, self.turns = worker, server, 0, 0, 0

    def run(self, in_flight, count):
        before = self.server.stats()
        result = self.worker.run(in_flight, count)
        after = self.server.stats()
        self.bytes_in += after["bytes_in"] - before["bytes_in"]
        self.bytes_out += after["bytes_out"] - before["bytes_out"]
        self.turns += count
        return result

    def bytes_per_turn(self):
        return self.bytes_in / self.turns, self.bytes_out / self.turns


def measure(provider):
    home = model.home()
    own = model.home()
    record = record_conversation(home, provider)
    with model.ModelServer() as server:
        model.write_config(own, server.port, provider)
        with Worker([program("bench_turn"), own]) as worker, \
                Worker([program("bench_curl_floor"), str(server.port), record]) as floor_worker:
            ours, floor = Side(worker, server), Side(floor_worker, server)
            one = alternate(lambda: ours.run(1, TURNS_ONE), lambda: floor.run(1, TURNS_ONE), ROUNDS)
            many = alternate(lambda: ours.run(MANY, TURNS_MANY), lambda: floor.run(MANY, TURNS_MANY), ROUNDS)
    for folder in (home, own):
        procs.remove_dir(folder)
    say(f"turn ({provider}): bytes to and from the server for each turn: ours %.0f %.0f, floor %.0f %.0f"
        % (*ours.bytes_per_turn(), *floor.bytes_per_turn()))
    name = "one-tool turn" if provider == "anthropic" else f"one-tool turn ({provider})"
    return [compare(f"{name}, p50, 1 in flight", "us", "p50_us", one, "libcurl", "<= 1.5x", 1.5),
            compare(f"{name}, CPU, 1 in flight", "us", "cpu_us", one, "libcurl"),
            compare(f"{name}s, {MANY} in flight", "turns/s", "per_s", many, "libcurl", ">= 0.6x", 0.6, "more"),
            compare(f"{name}, CPU, {MANY} in flight", "us", "cpu_us", many, "libcurl")]
