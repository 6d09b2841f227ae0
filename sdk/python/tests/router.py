"""A small router for tests: greets, stamps, hands on by name or id. What it is to do wrong is set on it."""
import asyncio
import json
import struct

ROUTER_ID = "00000000-0000-4000-8000-000000000001"


class Router:
    def __init__(self, path):
        self.path = str(path)
        self.hellos = []  # payloads
        self.frames = []  # envelopes from nodes, greetings left out
        self.reject = None  # the payload of a HELLO_REJECT
        self.silent = False  # takes the greeting and says nothing
        self.lose = lambda envelope: False  # true: swallow it
        self.links = {}  # id -> (name, writer)
        self._server = None

    async def start(self):
        self._server = await asyncio.start_unix_server(self._serve, self.path, limit=1 << 18)

    async def stop(self):
        self._server.close()
        self.cut()
        await asyncio.sleep(0)

    def cut(self):
        for _, writer in list(self.links.values()):
            writer.transport.abort()

    def say(self, node_id, action, payload, **routing):
        self.write(node_id, {"routing": {"src": ROUTER_ID, "dst": node_id, "ttl": 16, "trace_id": "r", **routing},
                             "meta": {"type": "system", "msg": action}, "payload": payload})

    def write(self, node_id, envelope):
        self.write_bytes(node_id, json.dumps(envelope).encode())

    def write_bytes(self, node_id, body):
        self.links[node_id][1].write(struct.pack(">I", len(body)) + body)

    def actions(self):
        return [frame["meta"].get("msg") for frame in self.frames]

    async def _serve(self, reader, writer):
        node_id = None
        try:
            hello = await self._read(reader)
            node_id = self._greet(hello, writer)
            while node_id:
                self._route(await self._read(reader), self.links[node_id][0])
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            if node_id and self.links.get(node_id, (None, None))[1] is writer:
                del self.links[node_id]
            writer.close()

    async def _read(self, reader):
        length = struct.unpack(">I", await reader.readexactly(4))[0]
        return json.loads(await reader.readexactly(length))

    def _greet(self, hello, writer):
        payload = hello["payload"]
        assert hello["meta"] == {"type": "system", "msg": "HELLO"}, hello
        assert hello["routing"]["src"] == payload["uuid"] and hello["routing"]["dst"] is None, hello
        assert hello["routing"]["ttl"] == 1, hello
        self.hellos.append(payload)
        if self.silent:
            return None if self.silent == "close" else payload["uuid"] if self._add(payload, writer) else None
        self._add(payload, writer)
        if self.reject:
            self.say(payload["uuid"], "HELLO_REJECT", self.reject)
            return None
        self.say(payload["uuid"], "ANNOUNCE",
                 {"uuid": payload["uuid"], "name": payload["name"] + "@lab", "status": "registered", "vpn_id": 7,
                  "router_name": "RT.test@lab"}, trace_id=hello["routing"]["trace_id"])
        return payload["uuid"]

    def _add(self, payload, writer):
        self.links[payload["uuid"]] = (payload["name"] + "@lab", writer)
        return True

    def _route(self, envelope, name):
        self.frames.append(envelope)
        routing = envelope["routing"]
        if self.lose(envelope) or routing["dst"] is None:
            return
        routing["src_l2_name"] = name
        to = [one for one, (known, _) in self.links.items() if routing["dst"] in (one, known)]
        if to:
            self.write(to[0], envelope)
        elif envelope["meta"]["type"] != "system":
            self.say(routing["src"], "UNREACHABLE", {"original_dst": routing["dst"], "reason": "NODE_NOT_FOUND"},
                     trace_id=routing["trace_id"])
