"""Three routers, two hives, traffic in all directions, and for a while anything may be killed or cut: no acknowledged message
is lost, none is delivered twice, and every fault is over within its time. SKEP_CHAOS_SECONDS: how long (default 8)."""
import asyncio
import collections
import os
import random
import sys
import time
import unittest

from support import procs, skep
from support.netns import Net
from whole_house.test_hives import Hive

sys.path.insert(0, os.path.join(skep.ROOT, "sdk", "python"))
import skep_node  # noqa: E402

SECONDS = float(os.environ.get("SKEP_CHAOS_SECONDS", "8"))
SEED = os.environ.get("SKEP_CHAOS_SEED", "1")   # "random": another one each time
UNDER_WAY = 8        # messages of one sender that are not answered yet
PAUSE = 0.02         # between two messages of a sender
RECOVERY = 30.0      # seconds from the mending of a fault to the first message that passes again
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


class Receiver:
    """A node that counts what it is given."""

    def __init__(self, where, name):
        self.where, self.name, self.counts = where, name, collections.Counter()

    async def run(self):
        async with await skep_node.connect(self.where, self.name) as node:
            async for message in node:
                if message.kind == "user":
                    self.counts[message.text] += 1


class Sender:
    """A node that says numbered things until each is acknowledged; what came back is said again under the same id."""

    def __init__(self, where, name, to):
        self.where, self.name, self.to = where, name, to
        self.acknowledged = set()
        self.said = 0
        self.last_pass = 0.0   # time.monotonic() of the newest acknowledgement
        self.slots = asyncio.Semaphore(UNDER_WAY)
        self.going_on = True

    async def run(self):
        async with await skep_node.connect(self.where, self.name) as node:
            under_way = set()
            while self.going_on:
                await self.slots.acquire()
                self.said += 1
                task = asyncio.ensure_future(self._deliver(node, f"{self.name} {self.said}"))
                under_way.add(task)
                task.add_done_callback(under_way.discard)
                await asyncio.sleep(PAUSE)
            await asyncio.gather(*under_way)

    async def _deliver(self, node, text):
        message = skep_node.text_message(self.to, text)
        try:
            while True:
                try:
                    delivery = await node.send(message)
                    message.id = delivery.id
                    await delivery
                    break
                except (skep_node.Unreachable, skep_node.Refused, skep_node.QueueFull):
                    await asyncio.sleep(0.2)
            self.acknowledged.add(text)
            self.last_pass = time.monotonic()
        finally:
            self.slots.release()


class Chaos(unittest.IsolatedAsyncioTestCase):
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
        return {"a router killed": kill(self.second), "hive b killed": kill(self.b), "hive a killed": kill(self.a), "cable cut": cut}

    async def _harm(self, senders):
        """One fault after the other; after each, every sender must get something through again in time."""
        faults, done, slowest = self._faults(), collections.Counter(), 0.0
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            name = self.random.choice(sorted(faults))
            await asyncio.to_thread(faults[name])
            mended = time.monotonic()
            while any(sender.last_pass < mended for sender in senders):
                self.assertLess(time.monotonic() - mended, RECOVERY, f"after \"{name}\" (seed {self.seed}) nothing passes for "
                                f"{[sender.name for sender in senders if sender.last_pass < mended]}")
                await asyncio.sleep(0.05)
            done[name] += 1
            slowest = max(slowest, time.monotonic() - mended)
        return done, slowest

    async def test_every_acknowledged_message_arrives_once(self):
        here = os.path.join(self.a.home, "run", "fabric")
        there = os.path.join(self.b.home, "run", "fabric")
        receivers = [Receiver(self._socket(self.a, "RT.two"), "AI.near"), Receiver(here, "AI.any"), Receiver(there, "AI.far")]
        tasks = [asyncio.ensure_future(receiver.run()) for receiver in receivers]
        await asyncio.sleep(1)
        senders = [Sender(here, "AI.one", "AI.near@a"), Sender(self._socket(self.a, "RT.two"), "AI.two", "AI.far@b"),
                   Sender(there, "AI.three", "AI.any@a"), Sender(there, "AI.four", "AI.near@a")]
        sending = [asyncio.ensure_future(sender.run()) for sender in senders]
        while not all(sender.last_pass for sender in senders):   # all is well before anything is harmed
            failed = [task for task in sending if task.done()]
            self.assertEqual(failed, [])
            await asyncio.sleep(0.05)
        done, slowest = await self._harm(senders)
        for sender in senders:
            sender.going_on = False
        await asyncio.wait_for(asyncio.gather(*sending), SETTLE)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        counts = sum((receiver.counts for receiver in receivers), collections.Counter())
        acknowledged = set().union(*(sender.acknowledged for sender in senders))
        said = sum(sender.said for sender in senders)
        print(f"\nseed {self.seed}: {dict(done)}, {said} messages, {len(acknowledged)} acknowledged, slowest recovery {slowest:.1f} s")
        self.assertEqual(len(acknowledged), said)
        self.assertEqual([text for text in acknowledged if counts[text] == 0], [], "acknowledged, but lost")
        self.assertEqual([text for text, count in counts.items() if count > 1], [], "delivered twice")
        self.assertGreater(sum(done.values()), 0)


if __name__ == "__main__":
    unittest.main()
