"""A node in a few lines: the node socket's frames by hand, for tests of the fabric.

    node = FabricNode(home, "RT.main", "AI.echo").connect()
    node.send("AI.other@local", "hello"); message = node.receive(lambda m: m["meta"]["type"] == "user")
"""
import json
import os
import socket
import struct
import uuid

from .procs import Failure


def socket_path(home, router):
    return os.path.join(home, "run", "fabric", f"{router}.sock")


class FabricNode:
    def __init__(self, home, router, name, node_id=None, token=None):
        self.path = socket_path(home, router)
        self.name, self.token = name, token
        self.id = node_id or str(uuid.uuid4())
        self.socket = None
        self.buffer = b""

    def connect(self, seconds=10.0):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(seconds)
        self.socket.connect(self.path)
        self.send_frame({"routing": {"src": self.id, "dst": None, "ttl": 1, "trace_id": str(uuid.uuid4())},
                         "meta": {"type": "system", "msg": "HELLO"},
                         "payload": {"uuid": self.id, "name": self.name, "version": "1.0",
                                     **({"token": self.token} if self.token else {})}})
        answer = self.receive_frame()
        if answer["meta"].get("msg") != "ANNOUNCE":
            raise Failure(f"{self.name} was not taken: {answer}")
        self.name = answer["payload"]["name"]
        return self

    def close(self):
        if self.socket is not None:
            self.socket.close()
            self.socket = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # -- frames ----------------------------------------------------------------------------------------------------------
    def send_frame(self, message):
        data = json.dumps(message).encode()
        self.socket.sendall(struct.pack(">I", len(data)) + data)

    def receive_frame(self):
        while len(self.buffer) < 4 or len(self.buffer) < 4 + struct.unpack(">I", self.buffer[:4])[0]:
            piece = self.socket.recv(65536)
            if not piece:
                raise Failure(f"the router closed the link of {self.name}")
            self.buffer += piece
        length = struct.unpack(">I", self.buffer[:4])[0]
        frame, self.buffer = self.buffer[4:4 + length], self.buffer[4 + length:]
        return json.loads(frame)

    # -- messages --------------------------------------------------------------------------------------------------------
    def send(self, dst, text, ttl=16, **meta):
        trace = str(uuid.uuid4())
        self.send_frame({"routing": {"src": self.id, "dst": dst, "ttl": ttl, "trace_id": trace},
                         "meta": {"type": "user", "id": str(uuid.uuid4()), **meta},
                         "payload": {"type": "text", "content": text, "attachments": []}})
        return trace

    def receive(self, wanted=lambda message: message["meta"]["type"] != "system", seconds=10.0):
        """The next message that is `wanted`; others are dropped."""
        self.socket.settimeout(seconds)
        while True:
            try:
                message = self.receive_frame()
            except TimeoutError:
                raise Failure(f"{self.name} heard nothing that was wanted within {seconds} s") from None
            if message["meta"].get("msg") == "PING":
                continue
            if wanted(message):
                return message

    def nothing_for(self, seconds):
        """What came within that time, without the link's own words."""
        got = []
        self.socket.settimeout(seconds)
        try:
            while True:
                message = self.receive_frame()
                if message["meta"].get("msg") != "PING":
                    got.append(message)
        except TimeoutError:
            return got
