"""The codec against the wire files that all implementations share."""
import asyncio
import json
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from skep_node import Conversation, Message, ReplyAddress, SkepError, TooLarge, errors, wire  # noqa: E402

FILES = Path(__file__).resolve().parents[3] / "tests" / "wire"


def to_of(dst):
    return "null" if dst is None else "broadcast" if dst == "broadcast" else "node" if wire.is_uuid(dst) else "name"


def envelope_of(message, meta):
    text = lambda name: meta.get(name) or ""  # noqa: E731
    return {"src": message.src, "src_name": message.src_name, "to": to_of(message.dst), "dst": message.dst,
            "ttl": message.ttl, "trace": message.trace, "vpn": message.vpn, "type": meta["type"], "msg": text("msg"),
            "target": text("target"), "scope": text("scope"), "thread_id": text("thread_id"), "id": text("id"),
            "ack": message.wants_ack, "has_thread_seq": "thread_seq" in meta, "has_action_class": "action_class" in meta}


def message_of(message):
    return {"kind": message.kind, "action": message.action, "id": message.id, "in_reply_to": message.in_reply_to,
            "sent_at": message.sent_at, "from": message.ilk, "conversation": {key: value for key, value in vars(message.conversation).items() if value or key != "entrypoint"},
            "reply_address": {"from": message.reply_address.from_, "to": message.reply_address.to},
            "foreign_id": message.foreign_id, "wants_progress": message.wants_progress, "progress": message.progress,
            "parts": message.parts, "payload": message.payload, "meta": message.meta}


class WireFiles(unittest.TestCase):
    def check_good(self, body, reading):
        message = wire.read_envelope(body)
        meta = {name: value for name, value in json.loads(body)["meta"].items() if value is not None}
        self.assertEqual(envelope_of(message, meta), reading["envelope"])
        expected = dict(reading["message"])
        expected["payload"] = json.loads(expected["payload"]) if expected["payload"] else None
        self.assertEqual(message_of(message), expected)
        again = wire.read_envelope(wire.write_envelope(message))
        message.src_name, message.vpn = "", 0  # stamped by routers, not written
        self.assertEqual(again, message)

    def check_bad(self, body, reading):
        with self.assertRaises(errors.Malformed) as caught:
            wire.read_envelope(body)
        self.assertEqual(caught.exception.field, reading.get("field", "") if reading["error"] == "invalid" else "")

    def test_read_as_written(self):
        readings = sorted(FILES.glob("*.reading.json"))
        self.assertGreaterEqual(len(readings), 45)
        for path in readings:
            with self.subTest(path.name):
                reading = json.loads(path.read_text())
                body = (path.parent / path.name.replace(".reading", "")).read_bytes()
                if "error" not in reading:
                    self.check_good(body, reading)
                elif reading["by"] == "all":
                    self.check_bad(body, reading)


class Writing(unittest.TestCase):
    def test_round_trips_every_field(self):
        message = Message(
            dst="broadcast", kind="progress", parts=[{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], id="1",
            trace="t", ttl=3, src=wire.new_id(), action="do", in_reply_to="0", sent_at="2026-03-02T08:00:00Z",
            ilk="ilk:" + wire.new_id(), target="AI.*", conversation=Conversation("xmpp", "ann@x.org", "-", "desk@x.org"),
            reply_address=ReplyAddress("a", "b"), foreign_id="f", wants_progress=True,
            progress={"phase": "text", "text": "x"}, meta={"später": [1, None], "thread_seq": 4})
        self.assertEqual(wire.read_envelope(wire.write_envelope(message)), message)

    def test_refuses_what_cannot_be_written(self):
        for message in (Message(trace=""), Message(trace="t" * 65), Message(trace="t", payload=float("nan")),
                        Message(trace="t", payload="\ud800"), Message(trace="t", payload=object()),
                        Message(trace="t", kind="control", meta={"type": "system"})):
            with self.assertRaises(SkepError):
                wire.write_envelope(message)
        with self.assertRaises(TooLarge):
            wire.frame(b"x" * (wire.FRAME_BYTES_MAX + 1))


class Frames(unittest.IsolatedAsyncioTestCase):
    async def read(self, data):
        reader = asyncio.StreamReader(limit=1 << 18)
        reader.feed_data(data)
        reader.feed_eof()
        return await wire.read_frame(reader)

    async def test_whole_cut_and_ended(self):
        self.assertEqual(await self.read(wire.frame(b"{}")), b"{}")
        self.assertEqual(await self.read(b""), b"")
        for cut in (1, 3, 4, 5):
            with self.assertRaises(asyncio.IncompleteReadError):
                await self.read(wire.frame(b"{}")[:cut])

    async def test_lengths(self):
        longest = b"x" * wire.STAMPED_BYTES_MAX
        self.assertEqual(await self.read(len(longest).to_bytes(4, "big") + longest), longest)
        for length in (0, wire.STAMPED_BYTES_MAX + 1, 2**32 - 1):
            with self.assertRaises(TooLarge):
                await self.read(length.to_bytes(4, "big") + b"x")


if __name__ == "__main__":
    unittest.main()
