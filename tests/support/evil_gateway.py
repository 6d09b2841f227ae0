"""A gateway with a good certificate that says what a test makes it say (docs/fabric.md "Several hives").

    evil = EvilGateway("evil", certificate, key).connect((host, port))
    evil.advertise(up=[evil.node("AI.x@evil")])
    evil.words                 # every frame that came, as objects
"""
import json
import socket
import ssl
import struct
import threading
import uuid

LSA_NODES = 400   # in one part, so that it stays under 64 KiB


class EvilGateway:
    def __init__(self, hive, certificate, key):
        self.hive = hive
        self.id = str(uuid.uuid4())
        self.seq = 0
        self.words = []
        self.closed = threading.Event()
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._context.minimum_version = ssl.TLSVersion.TLSv1_3
        self._context.check_hostname = False
        self._context.verify_mode = ssl.CERT_NONE
        if certificate:
            self._context.load_cert_chain(certificate, key)

    def connect(self, address, claims=None):
        self._stream = self._context.wrap_socket(socket.create_connection(address, timeout=20))
        self._stream.settimeout(None)
        hive = claims or self.hive
        self.say("WAN_HELLO", {"protocol": "skep/1", "hive_id": hive, "router_id": self.id,
                               "router_name": f"RT.evil@{hive}", "epoch": 1, "capabilities": ["lsa", "forwarding"],
                               "timers": {"hello_ms": 1000, "dead_ms": 60000}})
        self.say("WAN_ACCEPT", {})
        threading.Thread(target=self._read, daemon=True).start()
        return self

    def say(self, msg, payload):
        self.frame({"routing": {"src": self.id, "dst": None, "ttl": 1, "trace_id": str(uuid.uuid4())},
                    "meta": {"type": "system", "msg": msg}, "payload": payload})

    def frame(self, envelope):
        self.raw(json.dumps(envelope).encode())

    def raw(self, text):
        self._stream.sendall(struct.pack(">I", len(text)) + text)

    @staticmethod
    def node(name):
        return {"uuid": str(uuid.uuid4()), "name": name, "vpn_id": 0}

    def advertise(self, up, routes=(), hive=None, path=None):
        """One full advertisement, in parts."""
        self.seq += 1
        cuts = [up[at:at + LSA_NODES] for at in range(0, len(up), LSA_NODES)] or [[]]
        for number, cut in enumerate(cuts, 1):
            self.say("LSA", {"hive": hive or self.hive, "epoch": 1, "seq": self.seq, "kind": "full", "part": number,
                             "parts": len(cuts), "path": path or [self.hive], "up": cut,
                             "routes": list(routes) if number == 1 else []})

    def _read(self):
        buffer = b""
        try:
            while True:
                got = self._stream.recv(65536)
                if not got:
                    break
                buffer += got
                while len(buffer) >= 4 and len(buffer) >= 4 + struct.unpack(">I", buffer[:4])[0]:
                    size = struct.unpack(">I", buffer[:4])[0]
                    self.words.append(json.loads(buffer[4:4 + size]))
                    buffer = buffer[4 + size:]
        except OSError:
            pass
        self.closed.set()

    def close(self):
        self._stream.close()
