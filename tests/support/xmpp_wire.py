"""A small raw XMPP client: logs in, sends literal XML, collects what comes as ElementTree elements.

    ann = WireClient(server, "ann@example.test/phone").login()
    ann.send('<message to="x@agent.example.test" type="chat"><body>hi</body></message>')
    stanza = ann.next(lambda s: s.tag.endswith("message"))

Element tags are "{namespace}name". Nothing is answered on its own, except server pings, roster pushes and disco#info (a
person's client says what it is).
"""
import asyncio
import base64
import collections
import hashlib
import hmac
import itertools
import os
import ssl
import threading
import time
import xml.etree.ElementTree as ET
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from . import aio
from .procs import Failure

CLIENT = "{jabber:client}"
STREAM = "{http://etherx.jabber.org/streams}"
SASL = "{urn:ietf:params:xml:ns:xmpp-sasl}"
TLS = "{urn:ietf:params:xml:ns:xmpp-tls}"
BIND = "{urn:ietf:params:xml:ns:xmpp-bind}"
PING = "{urn:xmpp:ping}"
ROSTER = "{jabber:iq:roster}"
DISCO = "{http://jabber.org/protocol/disco#info}"
FALLBACK = "{urn:xmpp:fallback:0}"
DELAY = "{urn:xmpp:delay}"
DISCO_ANSWER = ('<query xmlns="http://jabber.org/protocol/disco#info"><identity category="client" type="pc" name="Raw"/>'
                '<feature var="http://jabber.org/protocol/disco#info"/>'
                '<feature var="urn:xmpp:message-correct:0"/></query>')

_ids = itertools.count(1)


def jid_parts(jid):
    bare, _, resource = jid.partition("/")
    local, _, domain = bare.rpartition("@")
    return local, domain, resource


def bare(jid):
    return jid.partition("/")[0]


class _StreamParser:
    """Feeds on bytes, calls `on_stanza` with each whole child of the stream element.

    expat only ever sees whole tags: since the fix of CVE-2023-52425 it puts partial tokens off, and this Python cannot turn
    that off (XML_SetReparseDeferralEnabled).
    """

    def __init__(self, on_stanza):
        self._on_stanza, self._builder, self._depth = on_stanza, None, 0
        self._parser = expat.ParserCreate(namespace_separator="}")
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = lambda text: self._builder is not None and self._builder.data(text)
        self._held = b""
        self._in_tag, self._quote = False, 0

    def feed(self, data):
        cut = 0
        for at, byte in enumerate(data):
            if self._quote:
                self._quote = 0 if byte == self._quote else self._quote
            elif self._in_tag and byte in b"\"'":
                self._quote = byte
            elif self._in_tag and byte == ord(">"):
                self._in_tag, cut = False, at + 1
            elif byte == ord("<"):
                self._in_tag = True
        if cut:
            self._parser.Parse(self._held + data[:cut], False)
            self._held = b""
        self._held += data[cut:]

    @staticmethod
    def _name(name):
        return "{" + name if "}" in name else name

    def _start(self, name, attributes):
        self._depth += 1
        if self._depth == 2:
            self._builder = ET.TreeBuilder()
        if self._depth >= 2:
            self._builder.start(self._name(name), {self._name(key): value for key, value in attributes.items()})

    def _end(self, name):
        if self._depth >= 2:
            self._builder.end(self._name(name))
        self._depth -= 1
        if self._depth == 1:
            builder, self._builder = self._builder, None
            self._on_stanza(builder.close())


def take_quote_out(stanza):
    """As a client that knows replies: what stands in a body only for others (XEP-0428) becomes the text of <fallback/>."""
    body = stanza.find(CLIENT + "body")
    for fallback in stanza.findall(FALLBACK + "fallback") if body is not None else ():
        place = fallback.find(FALLBACK + "body")
        if fallback.get("for") == "urn:xmpp:reply:0" and place is not None:
            start, end = int(place.get("start")), int(place.get("end"))
            fallback.text = body.text[start:end]
            body.text = body.text[:start] + body.text[end:]


class WireClient:
    def __init__(self, server, jid, password=None):
        self.server, self.jid = server, jid
        self.local, self.domain, self.resource = jid_parts(jid)
        self.password = password or server.password(self.local)
        self._bodies = set()                  # (from, id) of what body() returned
        self._answered = set()                # (from, id) of what was answered by courtesy
        self.history = []                    # (time.monotonic(), stanza), everything since login
        self._queue = collections.deque()    # not yet consumed by next()
        self._changed = threading.Condition()
        self._inbox = None                   # while logging in
        self._writer = None
        self._reading = None                 # the task that feeds the parser
        self.closed = False
        self.disco_answer = DISCO_ANSWER

    # -- for tests -------------------------------------------------------------------------------------------------------
    def login(self, presence=True, seconds=20.0):
        aio.run(asyncio.wait_for(self._login(presence), seconds), seconds + 5)
        return self

    def send(self, xml):
        aio.call(self._write, xml)

    def close(self):
        if self._writer is not None:
            def goodbye():
                self._write("</stream:stream>")
                self._writer.close()
                self._reading.cancel()
            self.closed = True
            aio.call(goodbye)
            self._writer = None

    def next(self, wanted=lambda _: True, seconds=20.0):
        """Takes the first unread stanza that is `wanted`, leaving the others unread. None when none comes in time."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while True:
                for stanza in self._queue:
                    if wanted(stanza):
                        self._queue.remove(stanza)
                        return stanza
                left = deadline - time.monotonic()
                if left <= 0:
                    return None
                if self.closed:
                    raise Failure(f"{self.jid}: the server closed the stream; last: {self.show(3)}")
                self._changed.wait(left)

    def unread(self, wanted=lambda _: True):
        with self._changed:
            return [stanza for stanza in self._queue if wanted(stanza)]

    def drop(self, wanted=lambda _: True):
        with self._changed:
            self._queue = collections.deque(stanza for stanza in self._queue if not wanted(stanza))

    def iq(self, kind, to, payload, seconds=20.0):
        """Sends an IQ and returns its answer (result or error), matched by id and sender."""
        stanza_id = f"wire{next(_ids)}"
        address = f" to={quoteattr(to)}" if to else ""
        self.send(f'<iq type="{kind}" id="{stanza_id}"{address}>{payload}</iq>')
        answer = self.next(lambda s: s.tag == CLIENT + "iq" and s.get("id") == stanza_id
                           and s.get("type") in ("result", "error"), seconds)
        if answer is None:
            raise Failure(f"{self.jid}: no answer to IQ {payload} for {to} within {seconds:g} s\n{self.show()}")
        return answer

    def ping(self, to, seconds=20.0):
        """Round trip to `to`; true when the answer is a result."""
        return self.iq("get", to, '<ping xmlns="urn:xmpp:ping"/>', seconds).get("type") == "result"

    def message(self, to, body, stanza_id=None, extra="", kind="chat"):
        stanza_id = stanza_id or f"m{next(_ids)}"
        self.send(f'<message to={quoteattr(to)} type="{kind}" id={quoteattr(stanza_id)}>'
                  f'<body>{escape(body)}</body>{extra}</message>')
        return stanza_id

    def body(self, sender=None, seconds=20.0):
        """Takes the next message with a body (from that bare JID, if given) and returns it. What comes once more under its id, with the
        time of its first coming (docs/decisions/0004, after kill -9), is passed over, as clients do."""
        stanza = self.next(lambda s: s.tag == CLIENT + "message" and s.find(CLIENT + "body") is not None
                           and (sender is None or bare(s.get("from", "")) == bare(sender)) and not self._is_repeat(s), seconds)
        if stanza is None:
            raise Failure(f"{self.jid}: no message with a body within {seconds:g} s\n{self.show()}")
        self._bodies.add((stanza.get("from"), stanza.get("id")))
        return stanza

    def _is_repeat(self, stanza):
        return stanza.find(DELAY + "delay") is not None and (stanza.get("from"), stanza.get("id")) in self._bodies

    def show(self, last=8):
        lines = [f"--- the last stanzas {self.jid} got ---"]
        return "\n".join(lines + [pretty(stanza) for _, stanza in self.history[-last:]])

    # -- on the loop -----------------------------------------------------------------------------------------------------
    def _write(self, xml):
        if self._writer is None:
            raise Failure(f"{self.jid} is not connected")
        self._writer.write(xml.encode())

    async def _login(self, presence):
        self._inbox = asyncio.Queue()
        reader, self._writer = await asyncio.open_connection(self.server.host, self.server.c2s_port)
        pump = self._reading = asyncio.ensure_future(self._pump(reader, self._open_stream()))
        features = await self._expect(STREAM + "features")
        if self.server.options.starttls and features.find(TLS + "starttls") is not None:
            self._write('<starttls xmlns="urn:ietf:params:xml:ns:xmpp-tls"/>')
            await self._expect(TLS + "proceed")
            pump.cancel()
            await asyncio.gather(pump, return_exceptions=True)
            reader = await self._upgrade()
            pump = self._reading = asyncio.ensure_future(self._pump(reader, self._open_stream()))
            features = await self._expect(STREAM + "features")
        await self._authenticate([node.text for node in features.iter(SASL + "mechanism")])
        self._parser = self._open_stream()
        await self._expect(STREAM + "features")
        resource = f"<resource>{escape(self.resource)}</resource>" if self.resource else ""
        self._write(f'<iq type="set" id="bind"><bind xmlns="urn:ietf:params:xml:ns:xmpp-bind">{resource}</bind></iq>')
        answer = await self._expect(CLIENT + "iq")
        self.jid = answer.find(BIND + "bind").findtext(BIND + "jid")
        self._inbox = None
        if presence:
            self._write("<presence/>")

    async def _upgrade(self):
        context = ssl.create_default_context(cafile=self.server.ca_file)
        context.check_hostname = not self.server.options.wrong_name
        transport = self._writer.transport
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        loop = asyncio.get_running_loop()
        secured = await loop.start_tls(transport, protocol, context, server_hostname=self.domain)
        reader.set_transport(secured)
        protocol._over_ssl = True
        self._writer = asyncio.StreamWriter(secured, protocol, reader, loop)
        return reader

    def _open_stream(self):
        self._parser = _StreamParser(self._arrived)
        self._write(f"<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'"
                    f" to='{self.domain}' version='1.0'>")
        return self._parser

    async def _pump(self, reader, _parser):
        try:
            while True:
                data = await reader.read(65536)
                if not data:
                    break
                self._parser.feed(data)
        except (OSError, expat.ExpatError):
            pass
        with self._changed:
            self.closed = True
            self._changed.notify_all()
        if self._inbox is not None:
            self._inbox.put_nowait(None)

    def _arrived(self, stanza):
        if self._inbox is not None:
            self._inbox.put_nowait(stanza)
            return
        if stanza.tag == CLIENT + "iq" and self._courtesy(stanza):
            return
        take_quote_out(stanza)
        with self._changed:
            self.history.append((time.monotonic(), stanza))
            self._queue.append(stanza)
            self._changed.notify_all()

    def _courtesy(self, stanza):
        """What every client answers, and the server's word that who asked is gone (XEP-0198 in Prosody): not shown to the test."""
        asked = (stanza.get("from"), stanza.get("id"))
        if stanza.get("type") not in ("get", "set"):
            return stanza.get("type") == "error" and asked in self._answered
        from_server = bare(stanza.get("from") or bare(self.jid)) in (self.domain, bare(self.jid))
        payload = ""
        if stanza.find(DISCO + "query") is not None:
            payload = self.disco_answer
        elif not from_server or (stanza.find(PING + "ping") is None and stanza.find(ROSTER + "query") is None):
            return False
        self._answered.add(asked)
        to = f" to={quoteattr(stanza.get('from'))}" if stanza.get("from") else ""
        self._write(f'<iq type="result" id={quoteattr(stanza.get("id"))}{to}>{payload}</iq>')
        return True

    async def _expect(self, tag):
        stanza = await self._inbox.get()
        if stanza is None:
            raise Failure(f"{self.jid}: the server closed the stream while logging in")
        if stanza.tag != tag:
            raise Failure(f"{self.jid}: expected {tag} while logging in, got {pretty(stanza)}")
        return stanza

    async def _authenticate(self, offered):
        for name, hash_name in (("SCRAM-SHA-1", "sha1"), ("SCRAM-SHA-256", "sha256"), ("SCRAM-SHA-512", "sha512")):
            if name in offered:
                return await self._scram(name, hash_name)
        if "PLAIN" not in offered:
            raise Failure(f"{self.jid}: no usable SASL mechanism in {offered}")
        self._auth("PLAIN", f"\0{self.local}\0{self.password}")
        return await self._expect(SASL + "success")

    def _auth(self, mechanism, text):
        data = base64.b64encode(text.encode()).decode()
        self._write(f'<auth xmlns="urn:ietf:params:xml:ns:xmpp-sasl" mechanism="{mechanism}">{data}</auth>')

    async def _scram(self, mechanism, hash_name):
        """RFC 5802 without channel binding."""
        nonce = base64.b64encode(os.urandom(18)).decode()
        first = f"n={self.local},r={nonce}"
        self._auth(mechanism, "n,," + first)
        challenge = base64.b64decode((await self._expect(SASL + "challenge")).text).decode()
        fields = dict(part.split("=", 1) for part in challenge.split(","))
        salted = hashlib.pbkdf2_hmac(hash_name, self.password.encode(), base64.b64decode(fields["s"]), int(fields["i"]))
        final = f"c=biws,r={fields['r']}"
        proof_input = ",".join((first, challenge, final)).encode()
        client_key = hmac.digest(salted, b"Client Key", hash_name)
        signature = hmac.digest(hashlib.new(hash_name, client_key).digest(), proof_input, hash_name)
        proof = base64.b64encode(bytes(a ^ b for a, b in zip(client_key, signature))).decode()
        answer = base64.b64encode(f"{final},p={proof}".encode()).decode()
        self._write(f'<response xmlns="urn:ietf:params:xml:ns:xmpp-sasl">{answer}</response>')
        await self._expect(SASL + "success")


def pretty(stanza):
    """One readable line per stanza, with default namespaces as they would be on the wire."""
    def walk(node, outer):
        space, _, name = node.tag[1:].partition("}") if node.tag.startswith("{") else (outer, "", node.tag)
        attributes = "".join(f" {key.rpartition('}')[2]}={quoteattr(value)}" for key, value in node.attrib.items())
        declared = f" xmlns={quoteattr(space)}" if space != outer else ""
        inner = escape(node.text or "") + "".join(walk(child, space) + escape(child.tail or "") for child in node)
        return f"<{name}{declared}{attributes}>{inner}</{name}>" if inner else f"<{name}{declared}{attributes}/>"
    text = walk(stanza, "jabber:client")
    return text if len(text) <= 2000 else text[:2000] + f"… ({len(text)} characters)"
