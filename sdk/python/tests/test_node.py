"""Nodes against a small router in this process."""
import asyncio
import json
import sys
import tempfile
import unittest
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parent)]
import skep_node  # noqa: E402
from router import ROUTER_ID, Router  # noqa: E402
from skep_node import Limits, Message, blobs, place, text_message, wire  # noqa: E402


async def until(check, seconds=10.0):
    for _ in range(int(seconds / 0.01)):
        if check():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("waited in vain")


class WithRouter(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        folder = tempfile.TemporaryDirectory(prefix="skep-sdk-")
        self.addCleanup(folder.cleanup)
        self.home = Path(folder.name)
        self.directory = self.home / "run" / "fabric"
        self.directory.mkdir(parents=True)
        self.router = Router(self.directory / "RT.main.sock")
        await self.router.start()
        self.addAsyncCleanup(self.router.stop)

    async def node(self, name="AI.a", **options):
        options.setdefault("limits", Limits(backoff=0.01, answer_after=0.2))
        node = await skep_node.connect(self.directory, name, **options)
        self.addAsyncCleanup(node.close, 0)
        return node


class Greeting(WithRouter):
    async def test_says_who_it_is_and_learns_its_name(self):
        node = await self.node(token="s3cret")
        self.assertEqual(self.router.hellos, [{"uuid": node.id, "name": "AI.a", "version": "1.0", "token": "s3cret"}])
        self.assertEqual((node.name, node.zone, node.router, node.connected), ("AI.a@lab", 7, "RT.test@lab", True))

    async def test_a_persistent_id_stays_and_an_ephemeral_one_leaves_no_file(self):
        first = await self.node()
        await first.close()
        self.assertEqual((await self.node()).id, first.id)
        self.assertEqual((self.directory / "ids" / "AI.a.uuid").read_text().strip(), first.id)
        self.assertNotEqual((await self.node("AI.b", persistent=False)).id, first.id)
        self.assertFalse((self.directory / "ids" / "AI.b.uuid").exists())

    async def test_a_refusal_is_raised(self):
        self.router.reject = {"reason": "NAME_NOT_ALLOWED", "message": "no"}
        with self.assertRaises(skep_node.Rejected) as caught:
            await self.node()
        self.assertEqual((caught.exception.reason, caught.exception.permanent), ("NAME_NOT_ALLOWED", True))

    async def test_no_router_and_a_silent_router_are_lost_links(self):
        with self.assertRaises(skep_node.LinkLost):
            await skep_node.connect(self.home, "AI.a", persistent=False)
        with self.assertRaises(skep_node.LinkLost):
            await skep_node.connect(self.home / "no.sock", "AI.a", persistent=False)
        self.router.silent = True
        with self.assertRaises(skep_node.LinkLost):
            await self.node(limits=Limits(handshake=0.05))

    async def test_tries_the_routers_in_turn_and_no_peer_socket(self):
        (self.directory / "AA.dead.sock").touch()
        (self.directory / "peer-RT.main.sock").touch()
        found = [path.name for path in place.routers(self.directory, "AI.a")]
        self.assertEqual(sorted(found), ["AA.dead.sock", "RT.main.sock"])
        self.assertEqual(place.fnv1a("AI.echo"), 9021898850638189850)
        for name in ("AI.a", "AI.b", "AI.c"):
            self.assertTrue((await self.node(name)).connected)

    async def test_withdraws(self):
        node = await self.node()
        await node.close()
        await until(lambda: "WITHDRAW" in self.router.actions())
        self.assertEqual(self.router.frames[-1]["payload"], {"uuid": node.id})
        with self.assertRaises(skep_node.Closed):
            await node.receive()
        with self.assertRaises(skep_node.Closed):
            await node.send(text_message("AI.b@lab", "late"))


class Delivering(WithRouter):
    async def test_a_message_arrives_acknowledged_and_once(self):
        a, b = await self.node("AI.a"), await self.node("AI.b")
        acks = []

        def lose_first_ack(envelope):
            if envelope["meta"].get("msg") != "ACK":
                return False
            acks.append(envelope)
            return len(acks) == 1

        self.router.lose = lose_first_ack
        await (await a.send_text("AI.b@lab", "hé"))
        message = await b.receive()
        self.assertEqual((message.text, message.src, message.src_name), ("hé", a.id, "AI.a@lab"))
        self.assertEqual(len(acks), 2)
        with self.assertRaises(asyncio.TimeoutError):
            await asyncio.wait_for(b.receive(), 0.3)

    async def test_request_and_reply(self):
        a, b = await self.node("AI.a"), await self.node("AI.b")

        async def echo():
            async for message in b:
                await b.reply(message, message.text + "!")

        task = asyncio.ensure_future(echo())
        replies = await asyncio.gather(*(a.request("AI.b@lab", str(i), timeout=20) for i in range(20)))
        self.assertEqual([reply.text for reply in replies], [f"{i}!" for i in range(20)])
        self.assertEqual(replies[0].kind, "reply")
        await b.close()
        await task

    async def test_nobody_there_is_raised(self):
        node = await self.node()
        with self.assertRaises(skep_node.Unreachable) as caught:
            await node.request("AI.gone@lab", "hello", timeout=10)
        self.assertEqual(caught.exception.reason, "NODE_NOT_FOUND")
        with self.assertRaises(skep_node.Unreachable):
            await (await node.send_text("AI.gone@lab", "hello"))

    async def test_a_full_inbox_refuses_visibly(self):
        a, b = await self.node("AI.a"), await self.node("AI.b", limits=Limits(received_messages=1))
        sent = [await a.send_text("AI.b@lab", str(i)) for i in range(10)]
        waiting = [asyncio.ensure_future(wait(one)) for one in sent]
        await until(lambda: any(one.done() and one.result() for one in waiting))
        got = []

        async def take():
            while True:
                got.append((await b.receive()).text)

        taker = asyncio.ensure_future(take())
        results = await asyncio.wait_for(asyncio.gather(*waiting), 20)
        taker.cancel()
        refused = [one for one in results if one]
        self.assertEqual({one.code for one in refused}, {"exhausted"})
        self.assertEqual(got, [str(i) for i, one in enumerate(results) if one is None])

    async def test_unsent_messages_outlive_the_link(self):
        a, b = await self.node("AI.a"), await self.node("AI.b")
        self.router.lose = lambda envelope: True
        first = await a.send_text("AI.b@lab", "1")
        await until(lambda: self.router.frames)
        await self.router.stop()
        await until(lambda: not a.connected)
        second = await a.send_text("AI.b@lab", "2")
        self.router.lose = lambda envelope: False
        await self.router.start()
        await asyncio.wait_for(asyncio.gather(wait(first), wait(second)), 20)
        self.assertEqual([(await b.receive()).text for _ in range(2)], ["1", "2"])

    async def test_a_full_outbox_refuses_at_once(self):
        node = await self.node(limits=Limits(unsent_messages=2))
        self.router.lose = lambda envelope: True
        for _ in range(2):
            await node.send_text("AI.b@lab", "x")
        with self.assertRaises(skep_node.QueueFull):
            await node.send_text("AI.b@lab", "x")

    async def test_a_bad_frame_is_dropped_and_the_link_lives(self):
        node = await self.node()
        self.router.write(node.id, {"routing": {"src": ROUTER_ID, "dst": node.id, "ttl": 256, "trace_id": "t"},
                                    "meta": {"type": "user"}, "payload": {}})
        self.router.say(node.id, "TIME_SYNC", {"seq": 1})
        message = await node.receive()
        self.assertEqual((message.action, message.payload, node.malformed), ("TIME_SYNC", {"seq": 1}, 1))

    async def test_what_is_no_envelope_ends_the_link_and_it_comes_back(self):
        node = await self.node()
        self.router.write_bytes(node.id, b"[]")
        await until(lambda: len(self.router.hellos) == 2 and node.connected)

    async def test_evicted_means_over(self):
        node = await self.node()
        self.router.say(node.id, "EVICTED", {})
        with self.assertRaises(skep_node.Evicted):
            await node.receive()

    async def test_answers_a_ping(self):
        node = await self.node()
        self.router.say(node.id, "PING", {})
        await until(lambda: "PONG" in self.router.actions())

    async def test_pings_and_leaves_a_dead_router(self):
        node = await self.node(limits=Limits(ping_after=0.05, dead_after=0.4, backoff=0.01))
        await until(lambda: "PING" in self.router.actions())
        await until(lambda: len(self.router.hellos) >= 2)
        self.assertEqual(self.router.hellos[0]["uuid"], node.id)


async def wait(delivery):
    try:
        await delivery
    except skep_node.SkepError as error:
        return error


class Blobs(WithRouter):
    def payload_bytes(self, length):
        return len(wire.to_json(wire.payload_of(text_message("x", "x" * length))).encode())

    async def test_exactly_at_the_threshold_stays_inline(self):
        a, b = await self.node("AI.a"), await self.node("AI.b")
        most = blobs.OFFLOAD_BYTES - blobs.OFFLOAD_OVERHEAD_BYTES - self.payload_bytes(0)
        for length in (most, most + 1):
            await (await a.send_text("AI.b@lab", "x" * length))
            self.assertEqual((await b.receive()).text, "x" * length)
        inline, moved = [frame["payload"] for frame in self.router.frames if frame["meta"]["type"] == "user"]
        self.assertEqual(inline["content"], "x" * most)
        self.assertNotIn("content", moved)
        ref = moved["content_ref"]
        self.assertEqual((ref["type"], ref["size"], ref["mime"], ref["filename_original"]),
                         ("blob_ref", most + 1, "text/plain", "content.txt"))
        self.assertRegex(ref["blob_name"], r"^content_[0-9a-f]{16}\.txt$")
        self.assertEqual([path.name for path in (self.home / "blobs").rglob("*.txt")], [ref["blob_name"]])

    async def test_parts_travel_too(self):
        a, b = await self.node("AI.a"), await self.node("AI.b")
        parts = [{"type": "text", "text": "é" * 100_000}, {"type": "text", "text": "b"}]
        await (await a.send(Message(dst="AI.b@lab", parts=parts)))
        self.assertEqual((await b.receive()).parts, parts)

    async def test_a_blob_that_comes_late_is_waited_for(self):
        a, b = await self.node("AI.a"), await self.node("AI.b")
        ref = a._blobs.put(b"late", "content", "txt", "text/plain")
        path = next((self.home / "blobs").rglob(ref["blob_name"]))
        hidden = path.rename(path.with_suffix(".hidden"))
        sent = await a.send(Message(dst="AI.b@lab", payload={"type": "text", "content_ref": ref, "attachments": []}))
        await asyncio.sleep(0.15)
        hidden.rename(path)
        await sent
        self.assertEqual((await b.receive()).text, "late")

    def test_what_is_not_the_blob_meant_is_refused(self):
        store = blobs.BlobStore(self.home / "blobs")
        ref = store.put(b"text", "content", "txt", "text/plain")
        self.assertEqual(store.get(ref), b"text")
        for change in ({"size": 5}, {"size": -1}, {"size": blobs.BLOB_BYTES_MAX + 1}, {"sha256": "0"},
                       {"blob_name": "../../x_0123456789abcdef.txt"}, {"blob_name": 1}):
            with self.assertRaises(skep_node.BlobMissing):
                store.get({**ref, **change})
        next((self.home / "blobs").rglob("*.txt")).write_bytes(b"evil")
        with self.assertRaises(skep_node.BlobMissing):
            store.get(ref)


class Delivery(WithRouter):
    async def test_a_giving_up_receiver_loses_nothing(self):
        a, b = await self.node("AI.a"), await self.node("AI.b")
        got = []
        for i in range(30):
            await a.send_text("AI.b@lab", str(i))
        while len(got) < 30:
            try:
                got.append((await asyncio.wait_for(b.receive(), 0.001)).text)
            except asyncio.TimeoutError:
                pass
        self.assertEqual(got, [str(i) for i in range(30)])
        self.assertEqual(json.dumps(got), json.dumps(sorted(got, key=int)))


if __name__ == "__main__":
    unittest.main()
