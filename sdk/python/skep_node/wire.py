"""Frames and envelopes (docs/fabric.md "Frames"): bytes to Message and back. Pure functions."""
from __future__ import annotations

import asyncio
import hashlib
import json
import re
import struct
import uuid
from typing import Any, Dict, List, Optional

from .errors import Malformed, SkepError, TooLarge
from .message import KINDS, PHASES, Conversation, Message, ReplyAddress

FRAME_BYTES_MAX = 131_072  # of what a node sends
STAMPED_BYTES_MAX = FRAME_BYTES_MAX + 1_024  # of what a router hands on
TRACE_BYTES_MAX = 64
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def is_uuid(text: str) -> bool:
    return _UUID.fullmatch(text) is not None


async def read_frame(reader: asyncio.StreamReader) -> bytes:
    """The next frame's JSON; empty at a clean end. IncompleteReadError when the link ends inside a frame."""
    try:
        header = await reader.readexactly(4)
    except asyncio.IncompleteReadError as end:
        if end.partial:
            raise
        return b""
    length = struct.unpack(">I", header)[0]
    if not 1 <= length <= STAMPED_BYTES_MAX:
        raise TooLarge(f"a frame of {length} bytes; 1 to {STAMPED_BYTES_MAX} are allowed")
    return await reader.readexactly(length)


def frame(body: bytes) -> bytes:
    if len(body) > FRAME_BYTES_MAX:
        raise TooLarge(f"the message is {len(body)} bytes as a frame; at most {FRAME_BYTES_MAX} can be sent")
    return struct.pack(">I", len(body)) + body


def to_json(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise SkepError(f"the message cannot be written as JSON: {error}") from error


# Reading ------------------------------------------------------------------------------------------------------------

def _not_json(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _sections(body: bytes) -> Dict[str, Any]:
    try:
        envelope = json.loads(body.decode("utf-8"), parse_constant=_not_json)
    except (ValueError, RecursionError) as error:
        raise Malformed("", str(error)) from error
    if not isinstance(envelope, dict) or not all(part in envelope for part in ("routing", "meta", "payload")):
        raise Malformed("", 'no object with "routing", "meta" and "payload"')
    for part in ("routing", "meta"):
        if not isinstance(envelope[part], dict):
            raise Malformed(part, "no object")
    return envelope


class _Fields:
    """Takes members out of an object, checking their types. null is the same as absent."""

    def __init__(self, members: Dict[str, Any]):
        self.rest = dict(members)

    def _take(self, name: str, kind: type) -> Any:
        value = self.rest.pop(name, None)
        if value is not None and type(value) is not kind:
            raise Malformed(name, f"not a {kind.__name__}")
        return value

    def text(self, name: str) -> str:
        return self._take(name, str) or ""

    def flag(self, name: str) -> bool:
        return bool(self._take(name, bool))

    def number(self, name: str, most: int) -> int:
        value = self._take(name, int)
        if value is not None and not 0 <= value <= most:
            raise Malformed(name, f"not from 0 to {most}")
        return value or 0

    def texts(self, name: str, *members: str) -> Optional[List[str]]:
        value = self._take(name, dict)
        if value is None:
            return None
        found = [value.get(member, "") for member in members]
        if not all(isinstance(member, str) for member in found):
            raise Malformed(name, "a member is no text")
        return found


def _read_routing(message: Message, routing: Dict[str, Any]) -> None:
    for name in ("src", "dst", "ttl", "trace_id"):
        if name not in routing or (name != "dst" and routing[name] is None):
            raise Malformed(name, "missing")
    fields = _Fields(routing)
    if routing["dst"] == "":
        raise Malformed("dst", "empty")
    message.src = fields.text("src")
    if not is_uuid(message.src):
        raise Malformed("src", "no UUID")
    message.dst = fields.text("dst") or None
    message.ttl = fields.number("ttl", 255)
    message.trace = fields.text("trace_id")
    if not 1 <= len(message.trace.encode()) <= TRACE_BYTES_MAX:
        raise Malformed("trace_id", f"not 1 to {TRACE_BYTES_MAX} bytes")
    message.src_name = fields.text("src_l2_name")
    message.vpn = fields.number("vpn", 2**32 - 1)


def _read_progress(fields: _Fields) -> Optional[Dict[str, str]]:
    progress = fields.texts("progress", "phase", "text")
    if progress is None:
        return None
    if progress[0] not in PHASES:
        raise Malformed("progress", f'no phase "{progress[0]}"')
    return {"phase": progress[0], "text": progress[1]}


def _check_passed_on(meta: Dict[str, Any]) -> None:
    fields = _Fields(meta)
    for name in ("msg", "target", "scope", "thread_id", "action_class"):
        fields.text(name)
    fields.flag("ack")
    fields.number("thread_seq", 2**64 - 1)


def _read_meta(message: Message, meta: Dict[str, Any]) -> None:
    _check_passed_on(meta)
    fields = _Fields(meta)
    kind = fields.text("type")
    if not kind:
        raise Malformed("type", "missing")
    message.kind = kind if kind in KINDS else "control"
    if message.kind == "control" and kind != "control":
        fields.rest["type"] = kind
    message.action = fields.text("msg" if kind == "system" else "action")
    message.id = fields.text("id")
    message.in_reply_to = fields.text("in_reply_to")
    message.sent_at = fields.text("sent_at")
    ilk = fields.rest.get("src_ilk")
    if isinstance(ilk, str) and ilk.startswith("ilk:") and is_uuid(ilk[4:]):
        message.ilk = fields.text("src_ilk")
    conversation = fields.texts("conversation", "channel", "peer", "thread", "entrypoint")
    if conversation is not None:
        message.conversation = Conversation(*conversation)
        if fields.rest.get("thread_id") == thread_id_of(message.conversation):
            del fields.rest["thread_id"]
    address = fields.texts("reply_address", "from", "to")
    if address is not None:
        message.reply_address = ReplyAddress(*address)
    message.foreign_id = fields.text("foreign_id")
    message.wants_progress = fields.flag("wants_progress")
    message.progress = _read_progress(fields)
    if message.dst == "broadcast":
        message.target = fields.text("target")
    message.meta = fields.rest


def _attachment(value: Any) -> Dict[str, Any]:
    value = value if isinstance(value, dict) else {}
    name = value.get("blob_name", "")
    return {"type": "file", "filename": value.get("filename_original", ""), "media_type": value.get("mime", ""),
            "size_bytes": value.get("size", 0), "url": f"blob:{name}" if name else ""}


def read_words(message: Message, payload: Any) -> None:
    """Puts a payload into `parts` when it is words, else (references to blobs too) into `payload`."""
    if not isinstance(payload, dict) or payload.get("type") != "text":
        message.payload = payload
        return
    if "content_ref" in payload:
        if "content" in payload:
            raise Malformed("payload", 'both "content" and "content_ref"')
        message.payload = payload
        return
    if "parts" in payload:
        parts = payload["parts"]
        if not isinstance(parts, list) or not all(isinstance(part, dict) and "type" in part for part in parts):
            raise Malformed("payload", '"parts" is no list of parts')
        message.parts = parts
        return
    if not isinstance(payload.get("content"), str):
        raise Malformed("payload", 'a text needs "content" or "content_ref"')
    attachments = payload.get("attachments")
    message.parts = [{"type": "text", "text": payload["content"]}]
    message.parts += [_attachment(each) for each in attachments] if isinstance(attachments, list) else []


def read_envelope(body: bytes) -> Message:
    """Raises Malformed. `field` is empty when the bytes are no envelope at all: then the link should end."""
    sections = _sections(body)
    message = Message()
    _read_routing(message, sections["routing"])
    _read_meta(message, sections["meta"])
    read_words(message, sections["payload"])
    return message


# Writing ------------------------------------------------------------------------------------------------------------

def _value_of_thread(value: str) -> str:
    if value in ("", "-"):
        return "%2D" if value else "-"
    return value.replace("%", "%25").replace("|", "%7C")


def _lower_ascii(text: str) -> str:
    return "".join(c.lower() if c.isascii() else c for c in text)


def thread_id_of(conversation: Conversation) -> str:
    text = (f"v2|kind=direct_pair|channel_type={_value_of_thread(_lower_ascii(conversation.channel))}"
            f"|entrypoint_id={_value_of_thread(conversation.entrypoint)}|peer={_value_of_thread(conversation.peer)}|thread={_value_of_thread(conversation.thread)}")
    return "thread:sha256:" + hashlib.sha256(text.encode()).hexdigest()


def _meta_of(message: Message) -> Dict[str, Any]:
    kind = message.kind if message.kind in KINDS else str(message.meta.get("type", "control"))
    if message.kind not in KINDS and kind in KINDS:
        raise SkepError(f'a control message cannot be of type "{kind}"')
    meta: Dict[str, Any] = {"type": kind, "msg" if kind == "system" else "action": message.action, "id": message.id,
                            "in_reply_to": message.in_reply_to, "sent_at": message.sent_at, "src_ilk": message.ilk,
                            "foreign_id": message.foreign_id, "wants_progress": message.wants_progress,
                            "progress": message.progress}
    if message.dst == "broadcast":
        meta["target"] = message.target
    if message.conversation != Conversation():
        conversation = dict(vars(message.conversation))
        if not message.conversation.entrypoint:
            del conversation["entrypoint"]
        meta["conversation"] = conversation
        meta["thread_id"] = message.meta.get("thread_id") or thread_id_of(message.conversation)
    if message.reply_address != ReplyAddress():
        meta["reply_address"] = {"from": message.reply_address.from_, "to": message.reply_address.to}
    meta = {name: value for name, value in meta.items() if value}
    return {**{name: value for name, value in message.meta.items() if name != "type"}, **meta}


def payload_of(message: Message) -> Any:
    if message.payload is not None or (not message.parts and message.kind in ("system", "control")):
        return message.payload
    payload = {"type": "text", "content": message.text, "attachments": []}
    if len(message.parts) != 1 or message.parts[0].get("type") != "text":
        payload["parts"] = message.parts
    return payload


def write_envelope(message: Message) -> bytes:
    """The JSON of a message; `src`, `ttl` and `trace` as they stand in it."""
    trace = message.trace or message.id
    if not 1 <= len(trace.encode()) <= TRACE_BYTES_MAX:
        raise SkepError(f"a message's trace has 1 to {TRACE_BYTES_MAX} bytes")
    routing: Dict[str, Any] = {"src": message.src, "dst": message.dst, "ttl": message.ttl, "trace_id": trace}
    envelope = {"routing": routing, "meta": _meta_of(message), "payload": payload_of(message)}
    try:
        return to_json(envelope).encode("utf-8")
    except UnicodeEncodeError as error:
        raise SkepError(f"the message holds half a character: {error}") from error


def new_id() -> str:
    return str(uuid.uuid4())
