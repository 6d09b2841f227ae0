"""A web server that takes what is posted to it.

    with HookServer() as hooks:
        hooks.url; hooks.statuses = [500, 200]   # of the next posts; then 200
        hooks.posts -> [Post]; hooks.hold.set()  # posts are taken but not answered until hold.clear()
"""
import http.server
import json
import threading


class Post:
    def __init__(self, path, headers, body):
        self.path, self.body = path, json.loads(body)
        self.headers = {name.lower(): value for name, value in headers.items()}


class HookServer:
    def __init__(self):
        self.posts, self.statuses = [], []
        self._go = threading.Event()
        self._go.set()
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.host = f"127.0.0.1:{self._server.server_port}"
        self.url = f"http://{self.host}/hook"

    def hold(self):
        """What is posted from now on is taken but not answered until release()."""
        self._go.clear()

    def release(self):
        self._go.set()

    def _handler(self):
        hooks = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                hooks.posts.append(Post(self.path, dict(self.headers), body))
                status = hooks.statuses.pop(0) if hooks.statuses else 200
                hooks._go.wait(60)
                try:
                    self.send_response(status)
                    if status in (301, 302, 307):
                        self.send_header("Location", "http://127.0.0.1:1/elsewhere")
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                except OSError:
                    pass   # who posted is gone

            def log_message(self, *_):
                pass

        return Handler

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.release()
        self._server.shutdown()
        self._server.server_close()
