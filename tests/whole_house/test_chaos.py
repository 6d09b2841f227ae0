"""Three routers, two hives, traffic in all directions, and for a while anything may be killed or cut, whoever talks included: no
acknowledged message is lost, none is taken twice, and every fault is over within its time.

SKEP_CHAOS_SECONDS   how long (8)
SKEP_CHAOS_SEED      for another order of faults (1); "random": another one each time
"""
import collections
import os
import random
import signal
import sys
import time
import unittest

from support import chaos_node, procs, skep
from support.netns import Net
from whole_house.test_hives import Hive

SECONDS = float(os.environ.get("SKEP_CHAOS_SECONDS", "8"))
SEED = os.environ.get("SKEP_CHAOS_SEED", "1")
RECOVERY = 30.0      # seconds from the mending of a fault to the first message of everybody that passes again
SETTLE = 90.0        # seconds for everything under way to be answered in the end


class Router:
    """A router of a hive beside the one of `skep up`."""

    def __init__(self, hive, name):
        self.hive, self.name, self.process = hive, name, None

    def start(self):
        argv = [*self.hive.inside, skep.binary(), "router", "--home", self.hive.home, "--config", self.hive.config_file,
                "--name", self.name]
        log = os.path.join(self.hive.home, self.name + ".out")
        self.process = procs.Process(self.name, argv, log, env=self.hive.environment(), cwd=self.hive.home)
        socket = os.path.join(self.hive.home, "run", "fabric", self.name + ".sock")
        procs.wait_until(lambda: os.path.exists(socket), f"{self.name} listens", alive=self.process)
        return self

    def kill9(self):
        self.process.kill()


class Node:
    """A talking node: a process of its own with a record that outlives it (support/chaos_node.py)."""

    def __init__(self, hive, kind, name, where, *to):
        self.hive, self.name = hive, name
        self.record = os.path.join(hive.home, name + ".record")
        script = os.path.join(skep.ROOT, "tests", "support", "chaos_node.py")
        self.argv = [sys.executable, script, kind, where, name, *to, self.record]
        self.process = None

    def start(self):
        self.process = procs.Process(self.name, self.argv, os.path.join(self.hive.home, self.name + ".out"))
        return self

    def kill9(self):
        self.process.kill()

    def lines(self, event):
        return [line for line in chaos_node.read(self.record) if line[0] == event]

    def last_pass(self):
        """When its newest message was acknowledged; 0: none has been."""
        return max((float(line[2]) for line in self.lines("acknowledged")), default=0.0)


class Chaos(unittest.TestCase):
    def setUp(self):
        self.seed = random.randrange(1 << 30) if SEED == "random" else int(SEED)
        self.random = random.Random(self.seed)
        self.net = Net(["a", "b"])
        self.addCleanup(self.net.close)
        self.a, self.b = self._hive("a", authorized=["b"]), self._hive("b", listen=False, uplinks=["a"], authorized=["a"])
        self.a.trust(self.b)
        self.b.trust(self.a)
        self.a.start()
        self.second = Router(self.a, "RT.two").start()
        self.addCleanup(self.second.kill9)
        self.b.start()
        procs.wait_until(lambda: self.b.reaches("a") and self.a.reaches("b"), "the hives see each other", 60, interval=0.2)

    def _hive(self, host, **settings):
        made = Hive(self.net, host, **settings)
        self.addCleanup(made.close)
        made.keygen()
        return made

    @staticmethod
    def _socket(hive, router):
        return os.path.join(hive.home, "run", "fabric", router + ".sock")

    def _faults(self):
        def kill(thing):
            return lambda: (thing.kill9(), time.sleep(self.random.uniform(0, 1.5)), thing.start())

        def cut():
            self.net.cut("b")
            time.sleep(self.random.uniform(0.2, 4))
            self.net.mend("b")
        faults = {"a router killed": kill(self.second), "hive b killed": kill(self.b), "hive a killed": kill(self.a), "cable cut": cut}
        faults["a sender killed"] = lambda: kill(self.random.choice(self.senders))()
        faults["a receiver killed"] = lambda: kill(self.random.choice(self.receivers))()
        return faults

    def _node(self, *arguments):
        node = Node(*arguments)
        self.addCleanup(lambda: node.process and node.kill9())
        return node.start()

    def _harm(self):
        """One fault after the other; after each, every sender must get something through again in time."""
        faults, done, slowest = self._faults(), collections.Counter(), 0.0
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            name = self.random.choice(sorted(faults))
            faults[name]()
            mended = time.time()
            self._wait_all_pass(mended, f"after \"{name}\" (seed {self.seed})")
            done[name] += 1
            slowest = max(slowest, time.time() - mended)
        return done, slowest

    def _wait_all_pass(self, since, what):
        def passed():
            return all(sender.last_pass() > since for sender in self.senders)
        try:
            procs.wait_until(passed, f"something of everybody passes {what}", RECOVERY, interval=0.05)
        except procs.Failure as problem:
            late = [sender.name for sender in self.senders if sender.last_pass() <= since]
            logs = "\n".join(one.tail() for one in (self.a, self.b)) + self.second.process.tail()
            raise procs.Failure(f"{problem}: {late}\n{logs}") from None

    def test_every_acknowledged_message_arrives_once(self):
        here = os.path.join(self.a.home, "run", "fabric")
        there = os.path.join(self.b.home, "run", "fabric")
        second = self._socket(self.a, "RT.two")
        self.receivers = [self._node(self.a, "take", "AI.near", second), self._node(self.a, "take", "AI.any", here),
                          self._node(self.b, "take", "AI.far", there)]
        self.senders = [self._node(self.a, "send", "AI.one", here, "AI.near@a"), self._node(self.a, "send", "AI.two", second, "AI.far@b"),
                        self._node(self.b, "send", "AI.three", there, "AI.any@a"), self._node(self.b, "send", "AI.four", there, "AI.near@a")]
        self._wait_all_pass(0.0, "before anything is harmed")
        done, slowest = self._harm()
        for sender in self.senders:
            sender.process.signal(signal.SIGTERM)
        ends = [sender.process.wait(SETTLE) for sender in self.senders]
        self.assertEqual(ends, [0] * len(ends), "\n".join(sender.process.tail() for sender in self.senders))
        self._judge(done, slowest)

    def _judge(self, done, slowest):
        said = {line[1] for sender in self.senders for line in sender.lines("said")}
        acknowledged = {line[1] for sender in self.senders for line in sender.lines("acknowledged")}
        counts = collections.Counter(line[1] for receiver in self.receivers for line in receiver.lines("took"))
        print(f"\nseed {self.seed}: {dict(done)}, {len(said)} messages, {len(acknowledged)} acknowledged, "
              f"slowest recovery {slowest:.1f} s", flush=True)
        self.assertEqual(said - acknowledged, set())
        self.assertEqual([text for text in acknowledged if counts[text] == 0], [], "acknowledged, but lost")
        self.assertEqual([text for text, count in counts.items() if count > 1], [], "taken twice")
        self.assertGreater(sum(done.values()), 0)


if __name__ == "__main__":
    unittest.main()
