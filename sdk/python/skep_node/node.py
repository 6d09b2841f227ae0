"""A node of the fabric in this process, and its link to a router."""
from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from pathlib import Path
from typing import Any, AsyncIterator, Awaitable, Callable, Deque, Dict, List, Optional, Union

from . import blobs, place, wire
from .delivery import Delivery, Outbox, Outgoing, Seen, reply_or_failure
from .errors import (BlobMissing, Closed, Evicted, LinkLost, Malformed, QueueFull, Refused, Rejected, SkepError, TooLarge,
                     Unreachable)
from .limits import Limits
from .message import Message, reply_to, text_message

log = logging.getLogger("skep_node")
Take = Callable[[Message], Awaitable[None]]


async def connect(where: Union[str, Path], name: str, *, token: str = "", persistent: bool = True,
                  blob_directory: Union[str, Path, None] = None, limits: Optional[Limits] = None,
                  take: Optional[Take] = None) -> "Node":
    """A node that is connected to a router.

    `where`: the hive's directory (<home>/run/fabric) or one router's socket. `name`: "AI.echo"; the router adds the
    hive. `persistent`: the node keeps its id in the directory, else it has a new one each time. `take` gets the messages
    in place of receive(), see README.md. Raises Rejected or LinkLost when this first connection fails; a later loss is
    mended for as long as the node lives.
    """
    return await Node(Path(where), name, token, persistent, blob_directory, limits or Limits(), take)._open()


class Node:
    """Made by connect(). For one event loop; not thread-safe."""

    def __init__(self, where: Path, name: str, token: str, persistent: bool,
                 blob_directory: Union[str, Path, None], limits: Limits, take: Optional[Take] = None):
        directory = place.directory_of(where)
        self.name = name  # in full once connected
        self.id = place.persistent_id(directory, name) if persistent else wire.new_id()
        self.zone, self.router = 0, ""
        self.malformed = 0  # frames that were dropped
        self._where, self._token, self._limits, self._take = where, token, limits, take
        self._asked_name = name
        # <home>/run/fabric -> <home>/blobs
        self._blobs = blobs.BlobStore(Path(blob_directory) if blob_directory else directory.parent.parent / "blobs")
        self._outbox = Outbox(limits.unsent_messages, limits.unsent_bytes)
        self._seen = Seen()
        self._arrived: "asyncio.Queue[Message]" = asyncio.Queue(limits.received_messages)
        self._inbox: Deque[Message] = deque()
        self._inbox_filled, self._inbox_taken = asyncio.Event(), asyncio.Event()
        self._requests: Dict[str, "asyncio.Future[Message]"] = {}
        self._wake, self._up = asyncio.Event(), asyncio.Event()
        self._ended: "asyncio.Future[None]" = asyncio.get_running_loop().create_future()
        self._streams: Optional[tuple] = None
        self._tasks: List["asyncio.Task[None]"] = []
        self._heard = self._said = 0.0

    # What a program uses ------------------------------------------------------------------------------------------

    @property
    def connected(self) -> bool:
        return self._up.is_set()

    async def wait_connected(self) -> None:
        await self._or_ended(self._up.wait())

    async def send(self, message: Message, ack: Optional[bool] = None) -> Delivery:
        """Queues a message, also while the link is down. QueueFull and TooLarge are raised at once.

        `ack`: the receiver's link acknowledges it and it is delivered exactly once; the default for words of people and
        replies to one receiver. `await (await node.send(...))` waits for that.
        """
        self._check_alive()
        if ack is None:
            ack = message.kind in ("user", "reply") and message.dst != "broadcast"
        message.id = message.id or wire.new_id()
        message.trace = message.trace or wire.new_id()
        message.src = self.id
        if ack:
            message.meta = {**message.meta, "ack": True}
        await asyncio.get_running_loop().run_in_executor(None, blobs.offload, message, self._blobs)
        self._check_alive()
        return self._queue(message, ack)

    async def send_text(self, dst: Optional[str], text: str, **fields: Any) -> Delivery:
        return await self.send(text_message(dst, text, **fields))

    async def reply(self, message: Message, text: str, **fields: Any) -> Delivery:
        return await self.send(reply_to(message, text, **fields))

    async def request(self, dst: Optional[str], text: str, timeout: float = 60.0, **fields: Any) -> Message:
        """Sends words and waits for the reply with the same trace. Raises as `await delivery`, and asyncio.TimeoutError."""
        message = text_message(dst, text, **fields)
        message.trace = message.trace or wire.new_id()
        answer = self._requests[message.trace] = asyncio.get_running_loop().create_future()
        try:
            delivery = await self.send(message)
            return await asyncio.wait_for(reply_or_failure(delivery, answer), timeout)
        finally:
            self._requests.pop(message.trace, None)
            answer.cancel()

    async def receive(self) -> Message:
        """The next message that is no reply to a request(). Raises when the node has ended for good."""
        while not self._inbox:  # a message is taken without a wait: none is lost when the caller gives up
            self._check_alive()
            self._inbox_filled.clear()
            await self._or_ended(self._inbox_filled.wait())
        self._inbox_taken.set()
        return self._inbox.popleft()

    async def __aiter__(self) -> AsyncIterator[Message]:
        """Ends when the node is closed."""
        while True:
            try:
                message = await self.receive()
            except Closed:
                return
            yield message

    async def close(self, timeout: float = 2.0) -> None:
        """Sends what is queued and waits for its answers if that goes quickly, says goodbye, closes."""
        if not self._ended.done():
            deadline = asyncio.get_running_loop().time() + timeout
            while self.connected and len(self._outbox) and asyncio.get_running_loop().time() < deadline:
                await asyncio.sleep(0.01)
            if self._streams is not None:
                with contextlib.suppress(OSError, asyncio.TimeoutError):
                    self._write(self._own_words("WITHDRAW", {"uuid": self.id}, ttl=1))
                    await asyncio.wait_for(self._streams[1].drain(), 1.0)
            self._end(Closed("the node was closed"))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def __aenter__(self) -> "Node":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    # The end of it ------------------------------------------------------------------------------------------------

    def _check_alive(self) -> None:
        if self._ended.done():
            self._ended.result()

    async def _or_ended(self, waiting: Any) -> Any:
        task = asyncio.ensure_future(waiting)
        try:
            await asyncio.wait({task, self._ended}, return_when=asyncio.FIRST_COMPLETED)
            return task.result() if task.done() else self._ended.result()
        finally:
            task.cancel()

    def _end(self, error: SkepError) -> None:
        if self._ended.done():
            return
        self._ended.set_exception(error)
        self._ended.exception()  # it is not lost: whoever uses the node gets it
        self._drop_link()
        self._outbox.fail_all(error)
        for answer in filter(lambda one: not one.done(), self._requests.values()):
            answer.set_exception(error)

    # Connecting ---------------------------------------------------------------------------------------------------

    async def _open(self) -> "Node":
        await self._dial()
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(work()) for work in (self._run, self._write_on, self._watch, self._take_in)]
        return self

    async def _run(self) -> None:
        wait = self._limits.backoff
        while not self._ended.done():
            try:
                if self._streams is None:
                    await self._dial()
                wait = self._limits.backoff
                await self._read_on()
            except Rejected as error:
                if error.permanent:
                    return self._end(error)
                wait = max(wait, (error.retry_after_ms or 0) / 1000)
            except (OSError, asyncio.IncompleteReadError, SkepError) as error:
                log.info("%s: the link is down: %s", self.name, error)
            finally:
                self._drop_link()
            await asyncio.sleep(wait)
            wait = min(2 * wait, self._limits.backoff_max)

    async def _dial(self) -> None:
        error: Optional[Exception] = None
        for path in place.routers(self._where, self._asked_name):
            try:
                reader, writer = await asyncio.open_unix_connection(str(path), limit=1 << 18)
            except OSError as failed:
                error = LinkLost(f"connecting to {path}: {failed.strerror or failed}")
                continue
            try:
                await asyncio.wait_for(self._greet(reader, writer), self._limits.handshake)
                return
            except asyncio.TimeoutError:
                error = LinkLost(f"{path} did not answer the greeting within {self._limits.handshake:g} s")
            except (OSError, asyncio.IncompleteReadError, Malformed, TooLarge, LinkLost) as failed:
                error = LinkLost(f"{path}: {failed}")
            finally:
                if self._streams is None:
                    writer.close()
        raise error or LinkLost(f"no router at {self._where}")

    async def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hello = {"uuid": self.id, "name": self._asked_name, "version": "1.0"}
        if self._token:
            hello["token"] = self._token
        writer.write(self._own_words("HELLO", hello, ttl=1))
        body = await wire.read_frame(reader)
        if not body:
            raise LinkLost("the router closed the link without a word")
        answer = wire.read_envelope(body)
        facts = answer.payload if isinstance(answer.payload, dict) else {}
        if answer.kind == "system" and answer.action == "HELLO_REJECT":
            raise Rejected(str(facts.get("reason")), str(facts.get("message")), facts.get("retry_after_ms"))
        if answer.kind != "system" or answer.action != "ANNOUNCE":
            raise LinkLost(f"the router answered the greeting with {answer.action or answer.kind}")
        self.name = str(facts.get("name", self.name))
        self.zone = int(facts.get("vpn_id", 0))
        self.router = str(facts.get("router_name", ""))
        self._heard = self._said = now = asyncio.get_running_loop().time()
        self._outbox.again_after_loss(now, self._limits.kept)
        self._streams = (reader, writer)
        self._up.set()
        self._wake.set()

    def _drop_link(self) -> None:
        self._up.clear()
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    # Out ----------------------------------------------------------------------------------------------------------

    def _own_words(self, action: str, payload: Any, dst: Optional[str] = None, ttl: int = 16) -> bytes:
        return wire.frame(wire.write_envelope(Message(dst=dst, kind="system", action=action, payload=payload, ttl=ttl,
                                                      src=self.id, trace=wire.new_id())))

    def _queue(self, message: Message, ack: bool) -> Delivery:
        frame = wire.frame(wire.write_envelope(message))
        delivery = Delivery(message.id, message.trace)
        item = Outgoing(frame, delivery, "null" if message.dst is None else message.dst, ack,
                        asyncio.get_running_loop().time())
        self._outbox.add(item)
        self._wake.set()
        return delivery

    def _answer_link(self, to: str, action: str, payload: Dict[str, Any]) -> None:
        """ACK and NACK have room of their own; when even that is full the sender asks again."""
        frame = self._own_words(action, payload, dst=to)
        item = Outgoing(frame, Delivery("", ""), to, False, asyncio.get_running_loop().time())
        with contextlib.suppress(QueueFull):
            self._outbox.add(item, extra=1_024)
            self._wake.set()

    def _write(self, frame: bytes) -> None:
        assert self._streams is not None
        self._streams[1].write(frame)
        self._said = asyncio.get_running_loop().time()

    async def _write_on(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._streams is not None:
                item = self._outbox.next(asyncio.get_running_loop().time())
                if item is None:
                    break
                self._write(item.frame)
                with contextlib.suppress(OSError):
                    await self._streams[1].drain()
                if not item.acknowledged:
                    item.delivery.succeed()

    async def _watch(self) -> None:
        """Ping, silence, unanswered messages."""
        limits = self._limits
        step = min(1.0, limits.ping_after / 4, limits.dead_after / 4, limits.answer_after / 4)
        while True:
            await asyncio.sleep(step)
            if not self.connected:
                continue
            now = asyncio.get_running_loop().time()
            if now - self._heard > limits.dead_after:
                self._streams[1].transport.abort()
                continue
            if now - self._said > limits.ping_after:
                self._write(self._own_words("PING", {}, ttl=1))
            if self._outbox.again_unanswered(now, limits.answer_after):
                self._wake.set()

    # In -----------------------------------------------------------------------------------------------------------

    async def _read_on(self) -> None:
        reader = self._streams[0]
        while True:
            body = await wire.read_frame(reader)
            if not body:
                raise LinkLost("the router closed the link")
            self._heard = asyncio.get_running_loop().time()
            try:
                message = wire.read_envelope(body)
            except Malformed as error:
                if not error.field:
                    raise
                self.malformed += 1
                continue
            if message.kind != "system" or not self._about_the_link(message):
                self._arrive(message)

    def _about_the_link(self, message: Message) -> bool:
        facts = message.payload if isinstance(message.payload, dict) else {}
        if message.action == "PING" and self._streams is not None:
            self._write(self._own_words("PONG", {}, ttl=1))
        if message.action in ("PING", "PONG", "ANNOUNCE"):
            return True
        if message.action == "ACK":
            return self._outbox.settle(str(facts.get("id"))) or True
        if message.action == "NACK":
            self._failed(message, Refused(str(facts.get("code")), str(facts.get("message"))))
            return True
        if message.action in ("UNREACHABLE", "TTL_EXCEEDED"):
            reason = str(facts.get("reason")) if message.action == "UNREACHABLE" else message.action
            return self._failed(message, Unreachable(reason, str(facts.get("original_dst"))))
        if message.action == "EVICTED":
            self._end(Evicted("another process has connected with this node's id"))
            return True
        if message.action == "GOODBYE":
            raise LinkLost("the router is going down")
        return False

    def _failed(self, about: Message, error: SkepError) -> bool:
        facts = about.payload if isinstance(about.payload, dict) else {}
        named = about.in_reply_to or str(facts.get("id", ""))
        ids = [named] if named else self._outbox.ids_of(about.trace, str(facts.get("original_dst")))
        settled = [self._outbox.settle(one, error) for one in ids]
        answer = self._requests.get(about.trace)
        if answer is not None and not answer.done():
            answer.set_exception(error)
            return True
        return any(settled)

    def _arrive(self, message: Message) -> None:
        if message.wants_ack and message.id:
            before = self._seen.state(message.src, message.id)
            if before is not None:
                if before:
                    self._answer_link(message.src, "ACK", {"id": message.id})
                return
        if self._arrived.full():
            return self._refuse(message, "exhausted", "the node's inbox is full")
        self._arrived.put_nowait(message)
        if message.wants_ack and message.id:
            self._seen.note(message.src, message.id, False)

    def _refuse(self, message: Message, code: str, why: str) -> None:
        self._seen.forget(message.src, message.id)
        if message.wants_ack:
            self._answer_link(message.src, "NACK", {"id": message.id, "code": code, "message": why})

    async def _take_in(self) -> None:
        """Messages in their order: words that were moved into a blob are fetched first."""
        while True:
            message = await self._arrived.get()
            try:
                if blobs.is_offloaded(message):
                    await asyncio.get_running_loop().run_in_executor(None, blobs.put_back, message, self._blobs)
            except (BlobMissing, Malformed) as error:
                self._refuse(message, "not-found", str(error))
                continue
            answer = self._requests.get(message.trace) if message.kind == "reply" else None
            try:
                if answer is not None and not answer.done():
                    answer.set_result(message)
                else:
                    await (self._take or self._put_into_inbox)(message)
            except Exception as error:  # the program's own: the sender is told
                self._refuse(message, "internal", f"{type(error).__name__}: {error}")
                continue
            if message.wants_ack and message.id:
                self._seen.note(message.src, message.id, True)
                self._answer_link(message.src, "ACK", {"id": message.id})

    async def _put_into_inbox(self, message: Message) -> None:
        while len(self._inbox) >= self._limits.received_messages:
            self._inbox_taken.clear()
            await self._inbox_taken.wait()
        self._inbox.append(message)
        self._inbox_filled.set()
