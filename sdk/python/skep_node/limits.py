"""Bounds of a node and its link."""
from dataclasses import dataclass


@dataclass
class Limits:
    """Counts, bytes and seconds. All have the values of docs/fabric.md."""
    unsent_messages: int = 4_096
    unsent_bytes: int = 16 << 20
    received_messages: int = 256  # waiting to be taken; more are refused with NACK
    kept: float = 60.0  # an unacknowledged message older than that is dropped when the link comes back
    handshake: float = 5.0
    ping_after: float = 10.0
    dead_after: float = 30.0
    answer_after: float = 5.0  # then an acknowledged message is sent again
    backoff: float = 0.1
    backoff_max: float = 30.0
