"""An embedding model that knows some synonyms, over the wires of OpenAI and Ollama.

    with EmbeddingServer([{"car", "automobile"}]) as server:
        ... base_url server.url + "/v1" (openai) or server.url (ollama); server.texts is what it was sent

Words of one set are one direction; every other word has its own. `server.status = 503` makes it refuse, `server.failures` holds
statuses with headers for the next calls: [(429, {"Retry-After": "0"})].
"""
import hashlib
import http.server
import json
import re
import threading

DIMENSIONS = 128


class EmbeddingServer:
    def __init__(self, synonyms=(), key=None):
        self.synonyms = [sorted(words) for words in synonyms]
        self.key = key
        self.status = 200
        self.failures = []
        self.texts = []
        self.calls = 0
        self._server = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.close()

    def start(self):
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status, answer = outer.answer(self.path, self.headers, body)
                data = json.dumps(answer).encode()
                self.send_response(status)
                for name, value in answer.pop("headers", {}).items():
                    self.send_header(name, value)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        return self

    def close(self):
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def answer(self, path, headers, body):
        self.calls += 1
        if self.key is not None and headers.get("Authorization") != f"Bearer {self.key}":
            return 401, {"error": {"message": "bad key"}}
        if self.failures:
            status, more = self.failures.pop(0)
            return status, {"error": {"message": "not now"}, "headers": more}
        if self.status != 200:
            return self.status, {"error": {"message": "the embedding model is away"}}
        texts = body["input"]
        self.texts += texts
        vectors = [self.vector(text) for text in texts]
        tokens = sum(len(text.split()) for text in texts)
        if path == "/api/embed":
            return 200, {"model": body["model"], "embeddings": vectors, "prompt_eval_count": tokens}
        if path != "/v1/embeddings":
            return 404, {"error": {"message": f"there is no {path}"}}
        data = [{"object": "embedding", "index": number, "embedding": vector} for number, vector in enumerate(vectors)]
        return 200, {"object": "list", "model": body["model"], "data": data[::-1],
                     "usage": {"prompt_tokens": tokens, "total_tokens": tokens}}

    def vector(self, text):
        vector = [0.0] * DIMENSIONS
        for word in re.findall(r"\w+", text.lower()):
            same = next((words[0] for words in self.synonyms if word in words), word)
            weight = 1.0 if same != word or any(word in words for words in self.synonyms) else 0.1
            vector[int(hashlib.sha256(same.encode()).hexdigest(), 16) % DIMENSIONS] += weight
        return vector
