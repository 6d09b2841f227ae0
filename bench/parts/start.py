"""exec to ready: from starting the process until GET /api/health answers 200; then memory after 2 s of idling.

The configuration names no model, so the daemon also looks for one (and finds only the built-in one). The floor is what any
start of this binary costs: `skep --version` from exec to exit.
"""
import os
import socket
import statistics
import subprocess
import time

from support import ports

from .common import SKEP, Row, at_most, procs

STARTS = 20
MEMORY_SAMPLES = 3
READY_SECONDS_MAX = 20
REQUEST = b"GET /api/health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"


def run(_options):
    fresh, reused, floor = [], [], []
    kept = procs.temp_dir("bench-home")
    start_and_stop(kept)
    for _ in range(STARTS):
        home = procs.temp_dir("bench-home")
        fresh.append(start_and_stop(home))
        procs.remove_dir(home)
        reused.append(start_and_stop(kept))
        floor.append(version_ms())
    rows = [row("start, fresh home", fresh, floor), row("start, reused home", reused, floor)]
    rows += memory(kept)
    procs.remove_dir(kept)
    return rows


def row(name, ours, floor):
    ratio = statistics.median(a / b for a, b in zip(ours, floor))
    base = Row(name, "ms", statistics.median(ours), f"{len(ours)} starts, worst {max(ours):.3g} ms", statistics.median(floor),
               "skep --version", ratio)
    return at_most(base, 50, "<= 50 ms")


def environment(home):
    env = {key: value for key, value in os.environ.items() if not key.endswith("_API_KEY")}
    env.update(SKEP_HOME=home, HOME=home, OLLAMA_HOST="127.0.0.1:1", NO_PROXY="*")
    return env


class Daemon:
    def __init__(self, home, seconds=READY_SECONDS_MAX):
        port = ports.free_port()
        with open(os.path.join(home, "skep.toml"), "w", encoding="ascii") as out:
            out.write(f'[api]\nlisten = "127.0.0.1:{port}"\n')
        self.log = open(os.path.join(home, "out.log"), "wb")
        started = time.perf_counter()
        self.child = subprocess.Popen([SKEP, "up", "--home", home], env=environment(home), stdin=subprocess.DEVNULL,
                                      stdout=self.log, stderr=self.log)
        try:
            while not healthy(port):
                if self.child.poll() is not None or time.perf_counter() - started > seconds:
                    raise procs.Failure(f"skep did not become ready; see {self.log.name}")
        except BaseException:
            self.child.kill()
            raise
        self.ready_ms = (time.perf_counter() - started) * 1000

    def stop(self):
        self.child.terminate()
        self.child.wait(15)
        self.log.close()


def healthy(port):
    try:
        with socket.create_connection((ports.HOST, port), timeout=5) as sock:
            sock.sendall(REQUEST)
            answer = sock.recv(4096)
        return answer.startswith(b"HTTP/1.1 200")
    except OSError:
        time.sleep(0.0003)   # leaves the processor to what is starting
        return False


def start_and_stop(home):
    daemon = Daemon(home)
    daemon.stop()
    return daemon.ready_ms


def version_ms():
    started = time.perf_counter()
    subprocess.run([SKEP, "--version"], check=True, stdout=subprocess.DEVNULL)
    return (time.perf_counter() - started) * 1000


def memory(home):
    rss, pss = [], []
    for _ in range(MEMORY_SAMPLES):
        daemon = Daemon(home)
        time.sleep(2)
        rss.append(kilobytes(daemon.child.pid, "status", "VmRSS:"))
        pss.append(kilobytes(daemon.child.pid, "smaps_rollup", "Pss:"))
        daemon.stop()
    samples = f"{MEMORY_SAMPLES} starts, 2 s after ready"
    return [at_most(Row("idle RSS", "MB", statistics.median(rss) / 1000, samples), 20, "<= 20 MB"),
            Row("idle PSS", "MB", statistics.median(pss) / 1000, samples)]


def kilobytes(pid, file, key):
    """Of /proc; the kernel's kB are 1024 bytes."""
    with open(f"/proc/{pid}/{file}", encoding="ascii") as source:
        for line in source:
            if line.startswith(key):
                return int(line.split()[1]) * 1.024
    raise procs.Failure(f"no {key} in /proc/{pid}/{file}")
