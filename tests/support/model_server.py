#!/usr/bin/python3
"""A model provider that does as it is told: Anthropic Messages, OpenAI chat completions, Gemini and Ollama chat over
HTTP/1.1.

    with ModelServer() as model:
        model.script('text "4"', 'error 529 retry-after 1')
        ... base URL model.url; afterwards model.requests holds everything that was asked

Steps are taken in order; a step with `when` or `predicate` is passed over by requests it does not fit. With nothing left it
echoes: "You said: <last user text>". Requests a real provider would refuse get a 400 with the reason and land in
`model.problems`. Also a program: model_server.py --port N [--script FILE].
"""
import argparse
import asyncio
import contextlib
import dataclasses
import json
import os
import re
import socket
import sys
import threading
import time

if __package__ in (None, ""):   # run as a program
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    __package__ = "support"
    import support  # noqa: F401

from . import aio, model_checks, model_script, model_wire
from .model_script import Step
from .procs import Failure, wait_until

HEADER_BYTES_MAX = 64 * 1024
BODY_BYTES_MAX = 64 * 1024 * 1024
PROVIDERS = {"/v1/messages": "anthropic", "/v1/chat/completions": "openai", "/chat/completions": "openai",
             "/api/chat": "ollama"}
GEMINI_PATH = re.compile(r"/v1beta/models/[\w.-]+:(streamG|g)enerateContent")


def provider_of(path):
    return "gemini" if GEMINI_PATH.fullmatch(path) else PROVIDERS.get(path)


@dataclasses.dataclass
class Request:
    path: str
    provider: str
    headers: dict            # lower-case names
    body: dict
    raw: bytes
    started: float           # time.monotonic()
    ended: float = 0.0
    status: int = 0
    problem: str = ""        # why it was refused as malformed
    client_closed: bool = False   # the client went away before the answer was whole
    step: str = ""
    last_user: str = ""
    tool_results: list = dataclasses.field(default_factory=list)

    def strings(self):
        return list(model_checks.all_strings(self.body))

    def contains(self, text):
        return any(text in string for string in self.strings())

    def tool_names(self):
        tools = self.body.get("tools") or []
        if self.provider == "gemini":
            tools = [each for tool in tools for each in tool["functionDeclarations"]]
        return [tool.get("name") or tool.get("function", {}).get("name") for tool in tools]


class _Gone(Exception):
    """The client closed the connection."""


class _Dropped(Exception):
    """The script said to break off."""


class ModelServer:
    def __init__(self, port=0, models=("scripted-model",)):
        self.port = port
        self.models = list(models)
        self.requests = []
        self.problems = []       # reasons of refused requests
        self.capabilities = ["completion", "tools"]   # of an Ollama's models
        self.rule = None         # Request -> Step or None, asked before the queue
        self.holding = 0         # answers that wait for release()
        self._queue = []
        self._release = None
        self._lock = threading.Lock()
        self._server = None

    # -- for tests (any thread) ------------------------------------------------------------------------------------------
    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self):
        listening = socket.create_server(("127.0.0.1", self.port), backlog=256)   # on the host of whoever asks (netns.py)
        aio.run(self._start(listening))
        return self

    def close(self):
        if self._server is not None:
            aio.run(self._stop())

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.close()

    def script(self, *steps):
        """Appends steps: lines of script or Step values."""
        with self._lock:
            self._queue += [model_script.parse_step(step) if isinstance(step, str) else step for step in steps]

    def reset(self):
        """Forgets script and requests; lets held answers go."""
        with self._lock:
            self._queue, self.requests, self.problems, self.rule = [], [], [], None
        self.release()

    def release(self):
        """Lets every held answer go on."""
        def swap():
            old, self._release = self._release, asyncio.Event()
            old.set()
        if self._release is not None:
            aio.call(swap)

    def wait_for_requests(self, count, seconds=20.0):
        try:
            wait_until(lambda: len(self.requests) >= count, f"the model got {count} requests", seconds)
        except Failure as failure:
            raise Failure(f"{failure}\n{self.describe()}") from None
        return self.requests

    def wait_until_holding(self, count=1, seconds=20.0):
        wait_until(lambda: self.holding >= count, f"the model holds {count} answers back", seconds)

    def unused(self):
        with self._lock:
            return [step.label or repr(step) for step in self._queue if not step.always]

    def describe(self, last=5):
        lines = [f"--- the model got {len(self.requests)} requests; the last {min(last, len(self.requests))}: ---"]
        for request in self.requests[-last:]:
            lines.append(f"{request.path} -> {request.status} [{request.step}] {request.problem}")
            for message in model_checks.turns(request.body)[-4:]:
                lines.append("   " + json.dumps(message, ensure_ascii=False)[:400])
        if self.unused():
            lines.append(f"steps not used: {self.unused()}")
        return "\n".join(lines)

    # -- server (on the loop) --------------------------------------------------------------------------------------------
    async def _start(self, listening):
        self._release = asyncio.Event()
        self._server = await asyncio.start_server(self._connection, sock=listening, limit=HEADER_BYTES_MAX, backlog=256)
        self.port = self._server.sockets[0].getsockname()[1]
        self._tasks = set()

    async def _stop(self):
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._server = None

    async def _connection(self, reader, writer):
        task = asyncio.current_task()
        self._tasks.add(task)
        try:
            while await self._exchange(reader, writer):
                pass
        except (_Gone, _Dropped, ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def _exchange(self, reader, writer):
        """One request and its answer. False ends the connection."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, target, _version = head[0].split(" ", 2)
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
        if headers.get("expect", "").lower() == "100-continue":
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        raw = await self._body(reader, headers)
        path = target.split("?", 1)[0].rstrip("/")
        if method == "POST" and provider_of(path):
            await self._answer(reader, writer, path, headers, raw)
        else:
            status, body = self._fixed(method, path)
            self._whole(writer, status, body)
        await writer.drain()
        return headers.get("connection", "").lower() != "close"

    async def _body(self, reader, headers):
        if headers.get("transfer-encoding", "").lower() == "chunked":
            parts = []
            while True:
                size = int((await reader.readuntil(b"\r\n")).split(b";")[0], 16)
                parts.append((await reader.readexactly(size + 2))[:-2])
                if size == 0:
                    return b"".join(parts)
        length = int(headers.get("content-length", "0"))
        if length > BODY_BYTES_MAX:
            raise _Gone
        return await reader.readexactly(length)

    def _fixed(self, method, path):
        if method == "GET" and path == "/api/version":
            return 200, {"version": "0.5.0"}
        if method == "GET" and path == "/api/tags":
            return 200, {"models": [{"name": name, "model": name, "size": 1} for name in self.models]}
        if method == "GET" and path in ("/v1/models", "/models"):
            return 200, {"object": "list", "data": [{"id": name, "object": "model"} for name in self.models]}
        if method == "POST" and path == "/api/show":
            return 200, {"capabilities": self.capabilities, "model_info": {"general.context_length": 32768}}
        return 404, {"error": {"message": f"no such path: {path}"}}

    def _whole(self, writer, status, body, extra=""):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        writer.write(f"HTTP/1.1 {status} {'OK' if status == 200 else 'Error'}\r\nContent-Type: application/json\r\n{extra}"
                     f"Content-Length: {len(data)}\r\n\r\n".encode() + data)

    def _record(self, path, headers, raw):
        provider = provider_of(path)
        try:
            body = json.loads(raw)
        except ValueError:
            body = {}
        request = Request(path, provider, headers, body if isinstance(body, dict) else {}, raw, time.monotonic())
        request.problem = model_checks.check(provider, headers, body)
        with contextlib.suppress(AttributeError, TypeError):
            request.last_user = model_checks.last_user_text(body)
            request.tool_results = model_checks.last_tool_results(body)
        with self._lock:
            self.requests.append(request)
            if request.problem:
                self.problems.append(request.problem)
        return request

    def _next_step(self, request):
        if self.rule is not None:
            step = self.rule(request)
            if step is not None:
                return step
        with self._lock:
            for at, step in enumerate(self._queue):
                if step.fits(request):
                    return step if step.always else self._queue.pop(at)
        return Step(text=f"You said: {request.last_user}", label="echo")

    async def _answer(self, reader, writer, path, headers, raw):
        request = self._record(path, headers, raw)
        if request.problem:
            request.status, request.step = 400, "refused"
            self._whole(writer, 400, model_wire.error_body(request.provider, 400, request.problem).encode())
            request.ended = time.monotonic()
            return
        step = self._next_step(request)
        request.step = step.label
        try:
            await self._perform(reader, writer, request, step)
        except (_Gone, ConnectionError):
            request.client_closed = True
            raise _Gone from None
        finally:
            request.ended = time.monotonic()

    async def _perform(self, reader, writer, request, step):
        if step.hold_first:
            await self._hold(reader)
        await self._pause(reader, step.stall_first)
        request.status = step.status
        if step.status != 200:
            extra = f"Retry-After: {step.retry_after}\r\n" if step.retry_after else ""
            self._whole(writer, step.status, model_wire.error_body(request.provider, step.status, step.error).encode(), extra)
            return
        if step.text is None and not step.calls and not step.fault:
            step = dataclasses.replace(step, text=f"You said: {request.last_user}")
        streams = request.provider == "ollama" or ":streamG" in request.path
        if not request.body.get("stream", streams):
            self._whole(writer, 200, model_wire.whole(request.provider, step, request.body))
            return
        if step.fault in ("drop", "bad_json", "error_event") and step.text is None and not step.calls:
            step = dataclasses.replace(step, text="This sentence will never be whole, whatever you do.")
        await self._stream(reader, writer, step, model_wire.stream(request.provider, step, request.body))

    async def _stream(self, reader, writer, step, answer):
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Type: {answer.content_type}\r\nCache-Control: no-cache\r\n"
                     "Transfer-Encoding: chunked\r\n\r\n".encode())
        for at, chunk in enumerate(answer.chunks):
            if at == answer.middle:
                if step.fault == "drop":
                    await writer.drain()
                    writer.transport.abort()
                    raise _Dropped
                if step.hold_mid:
                    await self._hold(reader)
                await self._pause(reader, step.stall_mid)
            writer.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
            await writer.drain()
            await self._pause(reader, step.drip)
        writer.write(b"0\r\n\r\n")

    async def _hold(self, reader):
        released = self._release
        self.holding += 1
        try:
            while not released.is_set():
                await self._pause(reader, 0.01)
        finally:
            self.holding -= 1

    async def _pause(self, reader, seconds):
        """Waits, but notices at once when the client goes away."""
        end = time.monotonic() + seconds
        while True:
            if reader.at_eof() or reader.exception() is not None:
                raise _Gone
            left = end - time.monotonic()
            if left <= 0:
                return
            await asyncio.sleep(min(left, 0.01))


def main():
    parser = argparse.ArgumentParser(description="Scripted model server")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--script", help="file with one step a line")
    options = parser.parse_args()
    server = ModelServer(options.port)
    if options.script:
        with open(options.script, encoding="utf-8") as source:
            server.script(*model_script.parse_script(source.read()))
    server.start()
    print(f"ready: {server.url}", flush=True)
    try:
        threading.Event().wait()
    except (KeyboardInterrupt, SystemExit):
        server.close()


if __name__ == "__main__":
    main()
