"""Nodes of a Skep fabric in Python. Standard library only. See README.md."""
from .delivery import Delivery
from .errors import (BlobMissing, Closed, Evicted, LinkLost, Malformed, QueueFull, Refused, Rejected, SkepError, TooLarge,
                     Unreachable)
from .message import Conversation, Message, ReplyAddress, reply_to, text_message
from .node import Limits, Node, connect

__all__ = ["BlobMissing", "Closed", "Conversation", "Delivery", "Evicted", "Limits", "LinkLost", "Malformed", "Message",
           "Node", "QueueFull", "Refused", "Rejected", "ReplyAddress", "SkepError", "TooLarge", "Unreachable", "connect",
           "reply_to", "text_message"]
