"""A name server on loopback that knows some SRV records and nothing else."""
import socket
import struct
import threading

from support import ports

SRV = 33


def _name(text):
    return b"".join(bytes([len(label)]) + label.encode() for label in text.rstrip(".").split(".")) + b"\0"


class DnsServer:
    """`records`: {"_xmpp-client._tcp.example.test": [(priority, weight, port, target), ...]}. Any other name does not exist."""

    def __init__(self, records):
        self.records = records
        self.asked = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((ports.HOST, 0))
        self.address = "%s:%d" % self._socket.getsockname()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def start(self):
        self._thread.start()
        return self

    def close(self):
        self._socket.close()

    def _serve(self):
        while True:
            try:
                query, peer = self._socket.recvfrom(4096)
                self._socket.sendto(self._answer(query), peer)
            except OSError:
                return   # closed

    def _answer(self, query):
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode())
            at += 1 + query[at]
        name = ".".join(labels).lower()
        self.asked.append(name)
        found = self.records.get(name)
        flags = 0x8580 if found is not None else 0x8583   # answer, authoritative; name error (RFC 1035 4.1.1)
        head = query[:2] + struct.pack(">HHHHH", flags, 1, len(found or []), 0, 0)
        body = b""
        for priority, weight, port, target in found or []:
            data = struct.pack(">HHH", priority, weight, port) + _name(target)
            body += b"\xc0\x0c" + struct.pack(">HHIH", SRV, 1, 60, len(data)) + data
        return head + query[12:at + 5] + body
