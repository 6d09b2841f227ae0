"""What can go wrong, by what a caller can do about it."""
from __future__ import annotations

from typing import Optional


class SkepError(Exception):
    """The base of all errors of this package."""


class Malformed(SkepError):
    """An envelope that breaks the wire's rules. `field` is the one that is wrong; empty: it is no envelope at all."""

    def __init__(self, field: str, why: str):
        super().__init__(f'the envelope\'s "{field}" is missing or wrong: {why}' if field else f"no envelope: {why}")
        self.field = field


class TooLarge(SkepError):
    """The message does not fit into a frame, or a blob is over its limit."""


class QueueFull(SkepError):
    """As many messages wait as may wait. Send again later."""


class LinkLost(SkepError):
    """No router can be reached, or it did not answer the greeting."""


class Closed(SkepError):
    """The node was closed."""


class Rejected(SkepError):
    """The router refused the greeting."""

    def __init__(self, reason: str, message: str, retry_after_ms: Optional[int] = None):
        super().__init__(f"the router refused this node: {reason}: {message}")
        self.reason = reason
        self.retry_after_ms = retry_after_ms

    @property
    def permanent(self) -> bool:
        """Greeting again with the same words cannot help."""
        return self.reason not in ("TOO_MANY_NODES", "SHUTTING_DOWN")


class Evicted(SkepError):
    """Another process connected with this node's id; this one does not come back by itself."""


class Unreachable(SkepError):
    """A router could not hand a message on: NODE_NOT_FOUND, VPN_BLOCKED, BACKPRESSURE, TTL_EXCEEDED, ..."""

    def __init__(self, reason: str, original_dst: str):
        super().__init__(f"{original_dst} did not get the message: {reason}")
        self.reason = reason
        self.original_dst = original_dst


class Refused(SkepError):
    """The receiver said no (NACK)."""

    def __init__(self, code: str, message: str):
        super().__init__(f"the receiver refused the message: {code}: {message}")
        self.code = code


class BlobMissing(SkepError):
    """A text was moved into a blob that is not there, or is not what it should be."""
