"""A web server that serves files as it is told: what people's clients link to.

    with FileServer() as files:
        files.url + "/cat.png"; files.put("/a.txt", b"words"); files.asked -> ["/cat.png", ...]

Ready-made: /cat.png, /notes.txt, /report.pdf ("Bees can count to four"), /archive.zip, /away (redirects to a forbidden
host), /near (redirects to /notes.txt), /endless (never stops), /held.txt (waits for release()). A PUT below /full is
refused, one below /slow waits for release(), one below /moved is sent on to a forbidden host.
"""
import http.server
import struct
import threading
import zlib


def _chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


PNG = (b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
       + _chunk(b"IDAT", zlib.compress(b"\0\xff\0\0")) + _chunk(b"IEND", b""))


def pdf(words):
    """One page that says `words`."""
    content = f"BT /F1 24 Tf 72 720 Td ({words}) Tj ET".encode()
    objects = [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
               b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
               b"<</Length %d>>stream\n%s\nendstream" % (len(content), content),
               b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"]
    out, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    return out + (b"xref\n0 6\n0000000000 65535 f \n%strailer<</Size 6/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n"
                  % (table, len(out)))


class FileServer:
    def __init__(self):
        self.asked = []          # paths, in order
        self.uploads = {}        # path -> (headers as a dict, body) of PUTs
        self._files = {"/cat.png": (PNG, "image/png"), "/notes.txt": (b"The meeting is at noon.", "text/plain"),
                       "/report.pdf": (pdf("Bees can count to four"), "application/pdf"),
                       "/archive.zip": (b"PK\x03\x04" + bytes(20), "application/zip"),
                       "/held.txt": (b"At last.", "text/plain")}
        self._release = threading.Event()
        self._changed = threading.Condition()
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def host(self):
        return f"127.0.0.1:{self.port}"

    @property
    def url(self):
        return f"http://{self.host}"

    def put(self, path, body, media_type="application/octet-stream"):
        self._files[path] = (body, media_type)

    def release(self):
        self._release.set()

    def wait_until_asked(self, path, times=1, seconds=20.0):
        with self._changed:
            if not self._changed.wait_for(lambda: self.asked.count(path) >= times, seconds):
                raise AssertionError(f"{path} was asked for {self.asked.count(path)} times within {seconds:g} s")

    def close(self):
        self._release.set()
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _note(self, path):
        with self._changed:
            self.asked.append(path)
            self._changed.notify_all()

    def _handler(files):   # noqa: N805: the handler has a self of its own
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                files._note(self.path)
                if self.path == "/away":
                    return self._send(302, b"", "text/plain", ("Location", f"http://localhost:{files.port}/notes.txt"))
                if self.path == "/near":
                    return self._send(302, b"", "text/plain", ("Location", "/notes.txt"))
                if self.path == "/endless":
                    return self._endless()
                if self.path == "/held.txt":
                    files._release.wait(60)
                body, media_type = files._files.get(self.path, (None, "text/plain"))
                self._send(404 if body is None else 200, body or b"", media_type)

            def do_PUT(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                files._note("PUT " + self.path)
                if self.path.startswith("/full"):
                    return self._send(507, b"no room for you", "text/plain")
                if self.path.startswith("/moved"):
                    return self._send(307, b"", "text/plain", ("Location", f"http://localhost:{files.port}/up/a.txt"))
                if self.path.startswith("/slow"):
                    files._release.wait(60)
                files.uploads[self.path] = (dict(self.headers), body)
                self._send(201, b"", "text/plain")

            def _endless(self):
                self.send_response(200)
                self.end_headers()
                self.close_connection = True
                try:
                    for _ in range(4000):
                        self.wfile.write(bytes(64 * 1024))
                except OSError:
                    pass   # the client has had enough

            def _send(self, status, body, media_type, *headers):
                try:
                    self.send_response(status)
                    for name, value in (("Content-Type", media_type), ("Content-Length", str(len(body))), *headers):
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(body)
                except OSError:
                    pass

        return Handler
