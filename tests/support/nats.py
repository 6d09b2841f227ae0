"""A real nats-server with JetStream, and just enough of its protocol to read a stream.

    nats = NatsServer(); nats.start(); nats.turns(); nats.stop(); nats.start(); nats.close()
"""
import base64
import json
import os
import socket

from . import ports, procs


class NatsServer:
    """Its port and its files stay from start to start and go with close()."""

    def __init__(self, token=None):
        self.port = ports.free_port()
        self.token = token
        self.directory = procs.temp_dir("nats")
        self.process = None

    @property
    def url(self):
        return f"nats://127.0.0.1:{self.port}"

    def start(self):
        argv = ["nats-server", "-js", "-a", "127.0.0.1", "-p", str(self.port), "-sd", self.directory]
        if self.token:
            argv += ["--auth", self.token]
        self.process = procs.Process("nats-server", argv, os.path.join(self.directory, "log"))
        procs.wait_for_port(self.process, self.port)
        return self

    def kill9(self):
        self.process.kill()

    def close(self):
        if self.process is not None:
            self.process.kill()
        procs.remove_dir(self.directory)

    def turns(self):
        """The envelopes in the stream TURNS, in its order; none when there is no stream."""
        with _Connection(self.port, self.token) as connection:
            return [json.loads(base64.b64decode(message["data"])) for message in connection.messages()]

    def ids(self):
        """The Nats-Msg-Id of each message in the stream."""
        with _Connection(self.port, self.token) as connection:
            headers = [base64.b64decode(message["hdrs"]).decode() for message in connection.messages()]
            return [line.split(":", 1)[1].strip() for text in headers for line in text.splitlines() if line.startswith("Nats-Msg-Id:")]


class _Connection:
    """Requests on one connection, one after the other."""

    def __init__(self, port, token):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.lines = self.socket.makefile("rb")
        self.lines.readline()   # INFO
        options = {"verbose": False, "pedantic": False, "lang": "python", "version": "1"}
        if token:
            options["auth_token"] = token
        self._say(f"CONNECT {json.dumps(options)}\r\nSUB _INBOX.skep 1\r\n")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.lines.close()
        self.socket.close()

    def _say(self, text):
        self.socket.sendall(text.encode())

    def messages(self):
        """All of the stream TURNS; an empty one counts from 0 to 0."""
        state = self.request("$JS.API.STREAM.INFO.TURNS", {}).get("state", {"messages": 0})
        if state["messages"] == 0:
            return []
        return [self.request("$JS.API.STREAM.MSG.GET.TURNS", {"seq": number})["message"]
                for number in range(state["first_seq"], state["last_seq"] + 1)]

    def request(self, subject, body):
        data = json.dumps(body)
        self._say(f"PUB {subject} _INBOX.skep {len(data)}\r\n{data}\r\n")
        while True:
            words = self.lines.readline().split()
            if not words:
                raise procs.Failure("nats-server closed the connection")
            if words[0] == b"PING":
                self._say("PONG\r\n")
            elif words[0] == b"MSG":
                payload = self.lines.read(int(words[-1]))
                self.lines.readline()
                return json.loads(payload)
            elif words[0] == b"-ERR":
                raise procs.Failure(f"nats-server: {b' '.join(words).decode()}")
