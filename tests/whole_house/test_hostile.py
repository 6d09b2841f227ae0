"""A server that sends what no server should: the agent drops that link, stays alive and comes back."""
import contextlib
import re
import socket
import threading
import unittest

from support import ports
from whole_house.base import WholeHouse, procs

HEADER = (b"<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' "
          b"xmlns:stream='http://etherx.jabber.org/streams' from='agent.example.test' id='h1'>")
PING = b"<iq from='ann@example.test/x' to='agent.example.test' type='get' id='p1'><ping xmlns='urn:xmpp:ping'/></iq>"
HEAD = b"<message from='ann@example.test/x' to='agent.example.test' type='chat'><body>"

HOSTILE = {
    "not well-formed": b"<message><body></message>",
    "a stanza of 2 MB": HEAD + b"x" * 2_000_000 + b"</body></message>",
    "an attribute of 2 MB": b"<message x='" + b"y" * 2_000_000 + b"'/>",
    "100 levels deep": b"<a>" * 100 + b"</a>" * 100,
    "200 attributes": b"<message " + b" ".join(b"a%d='1'" % n for n in range(200)) + b"/>",
    "broken UTF-8": HEAD + b"\xc3\x28\xff" + b"</body></message>",
    "a comment": b"<!-- hello -->" + PING,
    "a processing instruction": b"<?php 1 ?>" + PING,
    "an unknown entity": HEAD + b"&lol;</body></message>",
    "an unbound prefix": b"<x:message/>",
}
DOCTYPE = (b"<?xml version='1.0'?><!DOCTYPE s [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;'>]>"
           + HEADER[len(b"<?xml version='1.0'?>"):])


class FakeServer:
    """Accepts components without checking the handshake, then sends `payload` on the first connection only."""

    def __init__(self, payload, header=HEADER):
        self.payload, self.header = payload, header
        self.port = ports.free_port()
        self.connections, self.answers = 0, 0
        self.dropped = threading.Event()   # the agent closed the first link
        self._listener = socket.create_server((ports.HOST, self.port))
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                link, _ = self._listener.accept()
                self.connections += 1
                threading.Thread(target=self._serve, args=(link, self.connections == 1), daemon=True).start()

    def _serve(self, link, first):
        with link, contextlib.suppress(OSError):
            link.sendall(self.header if first else HEADER)
            got = b""
            while b"</handshake>" not in got:
                data = link.recv(65536)
                if not data:
                    break
                got += data
            link.sendall(b"<handshake/>" + (self.payload if first else PING))
            while data := link.recv(65536):
                got = (got + data)[-4096:]
                if re.search(rb"<iq[^>]*id=['\"]p1['\"]", got) and not first:
                    self.answers += 1
                    got = b""
        if first:
            self.dropped.set()

    def close(self):
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


class HostileServer(WholeHouse):
    needs_server = False

    def meet(self, payload, header=HEADER):
        server = FakeServer(payload, header)
        self.addCleanup(server.close)
        agent = self.make_agent("component", server__mode="component", server__host=ports.HOST, server__port=server.port,
                                server__component_domain="agent.example.test", server__component_secret="any",
                                reconnect__initial_secs=1, reconnect__max_secs=1).start()
        procs.wait_until(server.dropped.is_set, "the agent drops the link", 30, alive=agent.process)
        procs.wait_until(lambda: server.answers > 0, "the agent comes back and answers a ping", 90, alive=agent.process)
        self.assertEqual(agent.http_get("/api/health")[0], 200)
        self.assertEqual(self.model.requests, [])
        agent.close()

    def test_each_kind_of_bad_xml_ends_the_link_and_nothing_else(self):
        for name, payload in HOSTILE.items():
            with self.subTest(name):
                self.meet(payload)

    def test_a_document_type_is_refused(self):
        self.meet(PING, DOCTYPE)


if __name__ == "__main__":
    unittest.main()
