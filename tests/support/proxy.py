"""A TCP proxy that misbehaves on demand. Modes can change while connections are open.

    proxy = Proxy(server.component_port).start()
    proxy.one_byte = True      each byte towards the client travels in a segment of its own (not towards the server: the
                               expat of Prosody and ejabberd waits for more when a tag arrives in pieces)
    proxy.blackhole()          both ways silent, the sockets stay open; pass_through() ends it for new connections
    proxy.cut()                RST on every connection
    proxy.delay = 0.2          seconds added to each read
"""
import asyncio
import socket
import struct

from . import aio, ports


class Proxy:
    def __init__(self, target_port, port=0, target_host=ports.HOST):
        self.target_host, self.target_port, self.port = target_host, target_port, port
        self.one_byte = False
        self.delay = 0.0
        self.connections = 0        # accepted so far
        self.client_bytes = bytearray()   # everything clients sent, for "no credential was sent"
        self._silent = False
        self._refuse = False
        self._open = set()
        self._server = None

    def start(self):
        aio.run(self._start())
        return self

    def close(self):
        if self._server is not None:
            aio.run(self._stop())
            self._server = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.close()

    def blackhole(self):
        """From now on nothing passes, on old and new connections; nobody is told."""
        self._silent = True

    def pass_through(self):
        """New connections work again. Connections that were silenced stay lost: bytes are missing."""
        def change():
            for pair in list(self._open):
                self._abort(pair)
            self._silent = False
        aio.call(change)

    def cut(self):
        aio.call(lambda: [self._abort(pair) for pair in list(self._open)])

    @property
    def open(self):
        """Connections that stand, both ways."""
        return len(self._open)

    def refuse(self, on=True):
        """Accept and reset at once."""
        self._refuse = on

    async def _start(self):
        self._server = await asyncio.start_server(self._serve, ports.HOST, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _stop(self):
        self._server.close()
        for pair in list(self._open):
            self._abort(pair)
        await self._server.wait_closed()

    @staticmethod
    def _abort(pair):
        for writer in pair:
            sock = writer.get_extra_info("socket")
            if sock is not None:
                try:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                except OSError:
                    pass
            writer.transport.abort()

    async def _serve(self, reader, writer):
        self.connections += 1
        try:
            if self._refuse:
                raise ConnectionError
            far_reader, far_writer = await asyncio.open_connection(self.target_host, self.target_port)
        except OSError:
            self._abort((writer,))
            return
        pair = (writer, far_writer)
        self._open.add(pair)
        for each in pair:
            each.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            await asyncio.gather(self._pump(reader, far_writer, True), self._pump(far_reader, writer, False))
        except OSError:
            pass
        finally:
            self._open.discard(pair)
            self._abort(pair)

    async def _pump(self, reader, writer, from_client):
        while True:
            data = await reader.read(65536)
            if from_client:
                self.client_bytes += data
            while self._silent:
                await asyncio.sleep(0.02)
            if not data:
                if writer.can_write_eof():
                    writer.write_eof()
                return
            if self.delay:
                await asyncio.sleep(self.delay)
            if self.one_byte and not from_client:
                for at in range(len(data)):
                    writer.write(data[at:at + 1])
                    await writer.drain()
                    await asyncio.sleep(0)   # let the loop hand this byte to the kernel on its own
            else:
                writer.write(data)
                await writer.drain()
