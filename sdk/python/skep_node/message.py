"""The one thing that moves on the fabric."""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional

KINDS = ("user", "reply", "progress", "system")  # every other meta.type is a "control" message
PHASES = ("started", "text", "tool_start", "tool_end", "paused", "reset", "asks")


@dataclass
class Conversation:
    """Who talks with whom, through what."""
    channel: str = ""
    peer: str = ""
    thread: str = ""
    entrypoint: str = ""  # the address that was written to, where the channel has several


@dataclass
class ReplyAddress:
    """Opaque to everyone but the channel that wrote it: copy it into a reply."""
    from_: str = ""
    to: str = ""


@dataclass
class Message:
    """`dst` is a name ("AI.support@lab"), a node's id, "broadcast" (then `target` may filter), or None: the router decides.

    `src`, `src_name` and `vpn` are stamped by routers; what a sender puts there is not believed. A message holds words
    (`parts`) or any other JSON (`payload`). `meta` has all that no field holds, and is passed on untouched.
    """
    dst: Optional[str] = None
    kind: str = "user"
    parts: List[Dict[str, Any]] = field(default_factory=list)
    payload: Any = None
    id: str = ""
    trace: str = ""
    ttl: int = 16
    src: str = ""
    src_name: str = ""
    vpn: int = 0
    action: str = ""
    in_reply_to: str = ""
    sent_at: str = ""  # RFC 3339, UTC
    ilk: str = ""  # the party that speaks, "ilk:<uuid>"
    target: str = ""  # of a broadcast: a glob of names
    conversation: Conversation = field(default_factory=Conversation)
    reply_address: ReplyAddress = field(default_factory=ReplyAddress)
    foreign_id: str = ""
    wants_progress: bool = False
    progress: Optional[Dict[str, str]] = None  # {"phase": one of PHASES, "text": ...}
    meta: Dict[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The text parts, joined by newlines."""
        return "\n".join(part["text"] for part in self.parts if part.get("type") == "text")

    @property
    def wants_ack(self) -> bool:
        return self.meta.get("ack") is True


def text_message(dst: Optional[str], text: str, **fields: Any) -> Message:
    return Message(dst=dst, parts=[{"type": "text", "text": text}], **fields)


def reply_to(message: Message, text: str, **fields: Any) -> Message:
    """The answer to a message: same trace and conversation, back to where it came from."""
    return Message(dst=message.src, kind="reply", parts=[{"type": "text", "text": text}], trace=message.trace,
                   in_reply_to=message.id, conversation=message.conversation, reply_address=message.reply_address,
                   **fields)
