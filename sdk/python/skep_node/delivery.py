"""What is on its way out, and what has come in before (docs/fabric.md "Delivery"). No I/O."""
from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import Deque, Dict, Generator, List, Optional

from .errors import QueueFull, SkepError

log = logging.getLogger("skep_node")

IDS_REMEMBERED = 65_536  # for each sender
SENDERS_REMEMBERED = 1_024


class Delivery:
    """`await delivery` until the receiver took the message; raises Unreachable, Refused or Closed when it did not.

    Of messages that are not acknowledged (ack=False, progress, system): ends when the message was given to the router.
    A failure that nobody awaits is logged.
    """

    def __init__(self, message_id: str, trace: str):
        self.id = message_id
        self.trace = trace
        self._awaited = False
        self._done: "asyncio.Future[None]" = asyncio.get_running_loop().create_future()
        self._done.add_done_callback(self._report)

    def __await__(self) -> Generator[object, None, None]:
        self._awaited = True
        return asyncio.shield(self._done).__await__()

    def done(self) -> bool:
        return self._done.done()

    def succeed(self) -> None:
        if not self._done.done():
            self._done.set_result(None)

    def fail(self, error: SkepError) -> None:
        if not self._done.done():
            self._done.set_exception(error)

    def _report(self, done: "asyncio.Future[None]") -> None:
        if not done.cancelled() and done.exception() is not None and not self._awaited:
            log.warning("message %s: %s", self.id, done.exception())


@dataclass
class Outgoing:
    frame: bytes
    delivery: Delivery
    dst: str
    acknowledged: bool
    since: float
    sent: float = field(default=0.0)


class Outbox:
    """Bounded. Acknowledged messages stay until settled; the others until they are written."""

    def __init__(self, messages_max: int, bytes_max: int):
        self._messages_max, self._bytes_max = messages_max, bytes_max
        self._unsent: Deque[Outgoing] = deque()
        self._unsettled: "OrderedDict[str, Outgoing]" = OrderedDict()  # acknowledged ones, by id
        self._count = self._bytes = 0

    def __len__(self) -> int:
        return self._count

    def add(self, item: Outgoing, extra: int = 0) -> None:
        """`extra`: room beyond the limit, for the link's own words."""
        if self._count >= self._messages_max + extra or self._bytes + len(item.frame) > self._bytes_max + extra * 1024:
            raise QueueFull(f"{self._count} messages ({self._bytes} bytes) wait already")
        self._count += 1
        self._bytes += len(item.frame)
        self._unsent.append(item)
        if item.acknowledged:
            self._unsettled[item.delivery.id] = item

    def _forget(self, item: Outgoing) -> None:
        self._count -= 1
        self._bytes -= len(item.frame)

    def next(self, now: float) -> Optional[Outgoing]:
        """The next to write. One that needs no answer is done with that."""
        while self._unsent:
            item = self._unsent.popleft()
            if item.acknowledged and item.delivery.id not in self._unsettled:
                continue  # answered while it waited to be sent again
            item.sent = now
            if not item.acknowledged:
                self._forget(item)
            return item
        return None

    def settle(self, message_id: str, error: Optional[SkepError] = None) -> bool:
        item = self._unsettled.pop(message_id, None)
        if item is None:
            return False
        self._forget(item)
        item.delivery.fail(error) if error else item.delivery.succeed()
        return True

    def ids_of(self, trace: str, dst: str) -> List[str]:
        """Of messages that an error about this trace and destination may be about."""
        return [key for key, item in self._unsettled.items() if item.delivery.trace == trace and item.dst == dst]

    def again_after_loss(self, now: float, kept_seconds: float) -> None:
        """All unsettled ones first, in their order, then what was never sent; old ones that nobody answers are dropped."""
        unsent = [item for item in self._unsent if not item.acknowledged]
        self._unsent = deque(self._unsettled.values())
        for item in unsent:
            if now - item.since <= kept_seconds:
                self._unsent.append(item)
                continue
            self._forget(item)
            item.delivery.fail(QueueFull(f"the router was away for over {kept_seconds:g} s"))

    def again_unanswered(self, now: float, after_seconds: float) -> bool:
        waiting = {item.delivery.id for item in self._unsent}
        due = [item for key, item in self._unsettled.items()
               if key not in waiting and now - item.sent >= after_seconds]
        self._unsent.extend(due)
        return bool(due)

    def fail_all(self, error: SkepError) -> None:
        for item in [*self._unsent, *self._unsettled.values()]:
            item.delivery.fail(error)
        self._unsent.clear()
        self._unsettled.clear()
        self._count = self._bytes = 0


class Seen:
    """The ids that each sender has used, and whether they were acknowledged."""

    def __init__(self) -> None:
        self._senders: "OrderedDict[str, OrderedDict[str, bool]]" = OrderedDict()

    def state(self, sender: str, message_id: str) -> Optional[bool]:
        """None: new. False: taken but not yet acknowledged. True: acknowledged."""
        return self._senders.get(sender, {}).get(message_id)

    def note(self, sender: str, message_id: str, acknowledged: bool) -> None:
        ids = self._senders.setdefault(sender, OrderedDict())
        self._senders.move_to_end(sender)
        ids[message_id] = acknowledged
        if len(ids) > IDS_REMEMBERED:
            ids.popitem(last=False)
        if len(self._senders) > SENDERS_REMEMBERED:
            self._senders.popitem(last=False)

    def forget(self, sender: str, message_id: str) -> None:
        ids: Dict[str, bool] = self._senders.get(sender, OrderedDict())
        ids.pop(message_id, None)
