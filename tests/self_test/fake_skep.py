#!/usr/bin/python3
"""A tiny agent that only the harness' own tests talk to: enough of `skep up` to see each kind of step pass and fail.

Knows: component and client mode, allowed_jids, composing, receipts, Anthropic calls with memory_store, /ping, XEP-0199,
version, disco#info, history.jsonl, knowledge.jsonl. It journals nothing: a crash test must find it wanting.
FAKE_SKEP_FLAW=silent|double|wrong-from|malformed|twice makes it misbehave.
"""
import argparse
import hashlib
import http.server
import json
import os
import signal
import socket
import sys
import threading
import time
import tomllib
import types
import urllib.error
import urllib.request
from xml.parsers.expat import ExpatError
from xml.sax.saxutils import escape

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from support.xmpp_wire import CLIENT, PING, WireClient, _StreamParser, bare   # noqa: E402

ANSWERS = {
    PING + "ping": "",
    "{jabber:iq:version}query": '<query xmlns="jabber:iq:version"><name>Fake skep</name><version>0.0</version></query>',
    "{http://jabber.org/protocol/disco#info}query": '<query xmlns="http://jabber.org/protocol/disco#info"><identity '
    'category="client" type="bot" name="Helper"/><feature var="urn:xmpp:receipts"/></query>',
}
FLAW = os.environ.get("FAKE_SKEP_FLAW", "")


class Component:
    """XEP-0114 on a blocking socket."""

    def __init__(self, section):
        self.domain, self._stanzas = section["component_domain"], []
        self._socket = socket.create_connection((section["host"], section["port"]))
        self.send(f"<stream:stream xmlns='jabber:component:accept' xmlns:stream='http://etherx.jabber.org/streams' "
                  f"to='{self.domain}'>")
        head = b""
        while b"id=" not in head or not head.rstrip().endswith(b">"):
            head += self._socket.recv(4096)
        text = head.decode()
        stream_id = text.split("id=", 1)[1][1:].split(text.split("id=", 1)[1][0])[0]
        digest = hashlib.sha1((stream_id + section["component_secret"]).encode()).hexdigest()
        self._parser = _StreamParser(self._stanzas.append)
        self._parser.feed(head)
        self.send(f"<handshake>{digest}</handshake>")
        self.next()

    def send(self, xml):
        self._socket.sendall(xml.encode())

    def next(self):
        while not self._stanzas:
            data = self._socket.recv(65536)
            if not data:
                raise ConnectionError("the server closed the stream")
            self._parser.feed(data)
        stanza = self._stanzas.pop(0)
        for node in stanza.iter():   # jabber:component:accept -> jabber:client
            node.tag = node.tag.replace("{jabber:component:accept}", CLIENT)
        return stanza


def connect(section):
    if section["mode"] == "component":
        return Component(section)
    server = types.SimpleNamespace(host=section["host"], c2s_port=section["port"], ca_file=section["tls_ca_file"],
                                   options=types.SimpleNamespace(starttls=True, wrong_name=False))
    return WireClient(server, f"{section['jid']}/{section['resource']}", section["password"]).login()


class Agent:
    def __init__(self, config):
        self.config, self.link = config, None
        self.history = {}

    def run(self):
        while True:
            try:
                self.link = connect(self.config["server"])
                self._serve()
            except (OSError, AssertionError, IndexError, ExpatError) as problem:
                print(f"link lost: {type(problem).__name__}", flush=True)
                time.sleep(0.05)

    def _serve(self):
        while True:
            stanza = self.link.next() if isinstance(self.link, Component) else self.link.next(seconds=3600)
            if stanza.tag == CLIENT + "iq":
                self._iq(stanza)
            elif stanza.tag == CLIENT + "message" and stanza.find(CLIENT + "body") is not None:
                self._message(stanza)

    def _iq(self, stanza):
        if stanza.get("type") in ("get", "set"):
            asked = stanza[0].tag if len(stanza) else ""
            found = asked in ANSWERS
            inner = ANSWERS.get(asked, '<error type="cancel"><service-unavailable '
                                       'xmlns="urn:ietf:params:xml:ns:xmpp-stanzas"/></error>')
            self._send(stanza, "iq", f'type="{"result" if found else "error"}" id="{stanza.get("id")}"', inner)

    def _send(self, stanza, name, attributes, inner):
        sender = stanza.get("to") if isinstance(self.link, Component) else ""
        if FLAW == "wrong-from" and name == "message":
            sender = "somebody@" + self.link.domain
        source = f' from="{sender}"' if sender else ""
        self.link.send(f'<{name} {attributes} to="{stanza.get("from")}"{source}>{inner}</{name}>')

    def _message(self, stanza):
        sender, text = bare(stanza.get("from")), stanza.findtext(CLIENT + "body")
        if sender not in self.config["agent"]["allowed_jids"] or stanza.get("type") in ("error", "headline"):
            return
        if FLAW == "silent":
            return
        if stanza.find("{urn:xmpp:receipts}request") is not None:
            self._send(stanza, "message", 'type="chat"', f'<received xmlns="urn:xmpp:receipts" id="{stanza.get("id")}"/>')
        if text == "/ping":
            answer = "pong"
        else:
            self._send(stanza, "message", 'type="chat"', '<composing xmlns="http://jabber.org/protocol/chatstates"/>')
            answer = self._ask(sender, text)
        for _ in range(2 if FLAW == "double" else 1):
            self._send(stanza, "message", f'type="chat" id="r{time.monotonic_ns()}"',
                       f'<body>{escape(answer)}</body><active xmlns="http://jabber.org/protocol/chatstates"/>')

    def _ask(self, sender, text):
        messages = self.history.setdefault(sender, [])
        messages.append({"role": "user", "content": text})
        before = len(messages)
        try:
            while True:
                content = self._call(messages * 2 if FLAW == "malformed" else messages)
                messages.append({"role": "assistant", "content": content})
                results = [{"type": "tool_result", "tool_use_id": block["id"], "content": self._store(sender, block["input"])}
                           for block in content if block["type"] == "tool_use"]
                if not results:
                    break
                messages.append({"role": "user", "content": results})
        except urllib.error.HTTPError as problem:
            del messages[before - 1:]
            return f"Sorry, that failed ({problem.code})."
        reply = "".join(block["text"] for block in content)
        for role, line in (("user", text), ("assistant", reply)):
            self._append(sender, "history.jsonl", {"type": "message", "role": role, "content": line})
        return reply

    def _call(self, messages):
        llm = self.config["llm"]
        tool = {"name": "memory_store", "description": "Keeps something.", "input_schema": {"type": "object"}}
        body = json.dumps({"model": llm["model"], "max_tokens": 100, "messages": messages, "tools": [tool]}).encode()
        request = urllib.request.Request(llm["base_url"] + "/v1/messages", body, {
            "Content-Type": "application/json", "x-api-key": llm["api_key"], "anthropic-version": "2023-06-01"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)["content"]

    def _store(self, sender, arguments):
        self._append(sender, "knowledge.jsonl", {**arguments, "ts": time.time()})
        if FLAW == "twice":
            self._append(sender, "knowledge.jsonl", {**arguments, "ts": time.time()})
        return "kept"

    def _append(self, sender, name, entry):
        folder = os.path.join(self.config["memory"]["path"], sender)
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, name), "a", encoding="utf-8") as out:
            out.write(json.dumps(entry) + "\n")


class Health(http.server.BaseHTTPRequestHandler):
    def do_GET(self):   # noqa: N802
        body = b'{"status":"ok","version":"fake"}'
        self.send_response(200 if self.path == "/api/health" else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("verb", choices=["up"])
    parser.add_argument("--home", required=True)
    parser.add_argument("--config", required=True)
    options = parser.parse_args()
    with open(options.config, "rb") as source:
        config = tomllib.load(source)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Health)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    agent = Agent(config) if "server" in config else None
    print(f"ready: http://127.0.0.1:{server.server_port} (fake)", flush=True)
    if agent is None:
        threading.Event().wait()
    agent.run()


if __name__ == "__main__":
    main()
