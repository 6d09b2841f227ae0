"""A small raw component (XEP-0114) for tests: says literal XML from any address below its domain, collects what comes.

    rooms = WireComponent(server, "rooms.example.test").login()     # Options(components=("rooms.example.test",))
    rooms.send('<message from="a@rooms.example.test" to="ann@example.test"><body>hi</body></message>')

As WireClient, tags as in "{jabber:client}message". Questions (IQs) are answered by `answer(iq)`: the payload of a result, an element
<error/> for an error, None to leave it to the test.
"""
import asyncio
import hashlib
from xml.sax.saxutils import quoteattr

from .xmpp_server import COMPONENT_SECRET
from .xmpp_wire import CLIENT, WireClient, _StreamParser


class _ComponentParser(_StreamParser):
    @staticmethod
    def _name(name):
        return _StreamParser._name(name).replace("{jabber:component:accept}", CLIENT)


class WireComponent(WireClient):
    def __init__(self, server, domain, answer=lambda iq: ""):
        super().__init__(server, domain, COMPONENT_SECRET)
        self.answer = answer

    async def _login(self, presence):
        self._inbox = asyncio.Queue()
        reader, self._writer = await asyncio.open_connection(self.server.host, self.server.component_port)
        self._write(f"<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' "
                    f"xmlns:stream='http://etherx.jabber.org/streams' to='{self.jid}'>")
        header = await reader.readuntil(b">")
        while b"<stream:stream" not in header:
            header += await reader.readuntil(b">")
        quote = header.split(b" id=", 1)[1]
        stream_id = quote[1:].split(quote[:1], 1)[0].decode()
        self._parser = _ComponentParser(self._arrived)
        self._parser.feed(header)
        self._reading = asyncio.ensure_future(self._pump(reader, self._parser))
        digest = hashlib.sha1((stream_id + self.password).encode()).hexdigest()
        self._write(f"<handshake>{digest}</handshake>")
        await self._expect(CLIENT + "handshake")
        self._inbox = None

    def _courtesy(self, stanza):
        if stanza.get("type") not in ("get", "set"):
            return False
        payload = self.answer(stanza)
        if payload is None:
            return False
        kind = "error" if payload.startswith("<error") else "result"
        self._write(f'<iq type="{kind}" id={quoteattr(stanza.get("id"))} from={quoteattr(stanza.get("to"))} '
                    f'to={quoteattr(stanza.get("from"))}>{payload}</iq>')
        return True


__all__ = ["WireComponent"]
