"""The fast model server of the benchmark, and homes that use it."""
import json
import os
import subprocess
import urllib.request

from .common import procs, program


class ModelServer:
    def __init__(self, record=None):
        argv = [program("bench_model_server")] + (["--record", record] if record else [])
        self.child = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
        self.port = int(self.child.stdout.readline())

    def stats(self):
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"http://127.0.0.1:{self.port}/stats", timeout=10) as answer:
            return json.load(answer)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.kill()
        self.child.wait()
        self.child.stdout.close()


def write_config(home, port, provider="anthropic", extra=""):
    base = f"http://127.0.0.1:{port}" + ("/v1" if provider == "openai" else "")
    with open(os.path.join(home, "skep.toml"), "w", encoding="ascii") as out:
        out.write(f'[api]\nlisten = "127.0.0.1:0"\n[llm]\nprovider = "{provider}"\nmodel = "bench-model"\n'
                  f'api_key = "bench-key"\nbase_url = "{base}"\n{extra}')


def recorded(path):
    """(head, body) of every request in a record file."""
    requests = []
    with open(path, "rb") as source:
        while line := source.readline():
            head, body = (int(word) for word in line.split())
            requests.append((source.read(head), source.read(body)))
    return requests


def home():
    return procs.temp_dir("bench-home")
