"""The server's end of a component link (XEP-0114) in as little as possible, so that what is measured is the agent and not a
server: it shakes hands, sends what it is told, and notes when what comes back came."""
import asyncio
import re
import time

DOMAIN, SECRET = "agent.bench.test", "bench-s3cret"
_STANZA = re.compile(rb"<(message|presence|iq)\b[^>]*?(?:/>|>.*?</\1>)", re.DOTALL)
_ADDRESSES = re.compile(r"""\b(from|to|id)=["']([^"']+)["']""")


class ComponentServer:
    """One connection at a time. watch(seen): `seen(kind, stanza as bytes, when)` is called for every stanza, those of before too."""

    def __init__(self):
        self.port = 0
        self._seen, self._early = None, []
        self.online = asyncio.Event()
        self._writer = self._server = None

    def watch(self, seen):
        self._seen = seen
        for arrived in self._early:
            seen(*arrived)
        self._early = []

    async def start(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=1 << 22)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self):
        self._server.close()
        if self._writer is not None:
            self._writer.close()

    def send(self, xml):
        self._writer.write(xml.encode())

    async def drain(self):
        await self._writer.drain()

    async def _serve(self, reader, writer):
        await reader.readuntil(b">")
        while not (await reader.readuntil(b">")).startswith(b"<stream:stream"):
            pass
        writer.write(b"<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' xmlns:stream='http://etherx.jabber."
                     b"org/streams' id='b1' from='" + DOMAIN.encode() + b"'>")
        await reader.readuntil(b"</handshake>")
        writer.write(b"<handshake/>")
        self._writer = writer
        self.online.set()
        rest = b""
        while data := await reader.read(1 << 16):
            now = time.perf_counter()
            rest += data
            end = 0
            for match in _STANZA.finditer(rest):
                end = match.end()
                self._arrived(match.group(1).decode(), match.group(0), now)
            rest = rest[end:]

    def _arrived(self, kind, stanza, when):
        if kind == "iq":   # pings of itself, questions about a room: all is well
            at = dict(_ADDRESSES.findall(stanza.decode().split(">")[0]))
            query = re.search(r"<query xmlns='[^']*'", stanza.decode())
            self.send(f"<iq type='result' id='{at['id']}' from='{at['to']}' to='{at['from']}'>"
                      f"{query.group(0) + '/>' if query else ''}</iq>")
        if self._seen is None:
            self._early.append((kind, stanza, when))
        else:
            self._seen(kind, stanza, when)
