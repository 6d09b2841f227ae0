"""The binary under test: its configuration, its life, its HTTP face.

    agent = Skep(default_config(server, "component", model))
    agent.start()              # up --home DIR --config FILE, until the ready line
    agent.http_get("/api/health"); agent.kill9(); agent.start(); agent.sigterm()

The home directory stays from start to start and goes with close().
"""
import contextlib
import copy
import fcntl
import glob
import hashlib
import json
import os
import re
import signal
import time
import urllib.error
import urllib.request

from . import procs
from .procs import Failure

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
API_KEY = "sk-test-4711-do-not-show"
MODES = ("component", "client")
PROVIDERS = ("anthropic", "openai", "gemini", "ollama")
LOCAL_PART = "helper"     # component mode: people write to helper@agent.example.test
RESOURCE = "skep"         # client mode: the agent's resource
READY = re.compile(r"^ready\b.*?(http://\S+)", re.MULTILINE)


def binary():
    """SKEP_BIN, else the release build, else the dev build."""
    candidates = [os.environ.get("SKEP_BIN") or os.path.join(ROOT, "build", "release", "bin", "skep"),
                  os.path.join(ROOT, "build", "dev", "bin", "skep")]
    for path in candidates[:1] if os.environ.get("SKEP_BIN") else candidates:
        if os.access(path, os.X_OK):
            return path
    raise Failure(f"there is no skep binary: looked for {' and '.join(candidates)}. Run ./dev build, or set SKEP_BIN.")


# -- configuration -------------------------------------------------------------------------------------------------------

def default_config(server=None, mode="component", model=None, provider="anthropic"):
    """Sensible settings for a test as a dict of sections. Without `server` there is no [server], without `model` no [llm]."""
    config = {"api": {"listen": "127.0.0.1:0"},
              "agent": {"name": "Helper", "allowed_jids": ["ann@example.test", "bob@example.test"]}}
    if server is not None:
        config["server"] = server_section(server, mode)
        config["keepalive"] = {"enabled": True, "ping_interval_secs": 5, "read_timeout_secs": 5, "ping_timeout_secs": 2}
        config["reconnect"] = {"initial_secs": 1, "max_secs": 2}
    if model is not None:
        config["llm"] = llm_section(model, provider)
    return config


def server_section(server, mode):
    if mode == "component":
        return {"mode": "component", "host": server.host, "port": server.component_port,
                "component_domain": server.component, "component_secret": server.component_secret}
    return {"mode": "client", "host": server.host, "port": server.c2s_port, "jid": f"bot@{server.domain}",
            "password": server.password("bot"), "resource": RESOURCE, "tls_ca_file": server.ca_file}


def llm_section(model, provider):
    section = {"provider": provider, "model": "scripted-model"}
    if provider != "ollama":
        section["api_key"] = API_KEY
    section["base_url"] = model.url + ("/v1" if provider == "openai" else "")
    return section


def override(config, key, value):
    """Sets "agent.allowed_jids" and the like; None removes the key."""
    at = config
    *path, last = key.split(".")
    for part in path:
        at = at.setdefault(part, {})
    if value is None:
        at.pop(last, None)
    else:
        at[last] = value


def toml(config):
    lines = []

    def table(path, values):
        plain = {key: value for key, value in values.items() if not isinstance(value, dict)}
        if plain and path:
            lines.append(f"[{'.'.join(path)}]")
        lines.extend(f"{key} = {_value(value)}" for key, value in plain.items())
        for key, value in values.items():
            if isinstance(value, dict):
                table(path + [key], value)

    table([], config)
    return "\n".join(lines) + "\n"


def _value(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, list):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_value(item)}" for key, item in value.items()) + "}"
    # In skep.toml `$` begins a variable; JSON strings are TOML strings.
    return json.dumps(value.replace("$", "$$"))


# -- process -------------------------------------------------------------------------------------------------------------

class Skep:
    def __init__(self, config=None, home=None, name="skep", env=None):
        self.name = name
        self._own_home = home is None
        self.home = home or procs.temp_dir("home")
        self.config = copy.deepcopy(config or default_config())
        self.memory = os.path.join(self.home, "memory")
        self.config.setdefault("memory", {}).setdefault("path", self.memory)
        self.memory = self.config["memory"]["path"]
        self.config_file = os.path.join(self.home, "skep.toml")
        self.log_file = os.path.join(self.home, f"{name}.out")
        self.env = env
        self.process = None
        self.url = None
        self.file_bytes_max = None    # RLIMIT_FSIZE of the next start
        self.inside = []              # words before the command: ["ip", "netns", "exec", NAME]

    def environment(self):
        env = {key: value for key, value in os.environ.items()
               if not key.endswith("_API_KEY") and not key.startswith("OLLAMA")}
        env.update({"SKEP_HOME": self.home, "HOME": self.home, "NO_PROXY": "*", "no_proxy": "*"})
        env.update(self.env or {})
        return env

    def write_config(self):
        with open(self.config_file, "w", encoding="utf-8") as out:
            out.write(toml(self.config))
        os.chmod(self.config_file, 0o600)
        return self.config_file

    def launch(self):
        """Starts the process without waiting for the ready line."""
        if self.process is not None and self.process.poll() is None:
            raise Failure("skep is already running")
        self.write_config()
        self._log_from = os.path.getsize(self.log_file) if os.path.exists(self.log_file) else 0
        argv = [*self.inside, binary(), "up", "--home", self.home, "--config", self.config_file]
        self.process = procs.Process(self.name, argv, self.log_file, env=self.environment(), cwd=self.home,
                                     file_bytes_max=self.file_bytes_max)
        return self

    def start(self, seconds=20.0):
        self.launch()
        match = procs.wait_until(lambda: READY.search(self.log_text(this_run=True)),
                                 "skep prints a line that starts with 'ready' and holds its HTTP address", seconds,
                                 alive=self.process)
        self.url = match.group(1).rstrip("/.,;)")
        return self

    def running(self):
        return self.process is not None and self.process.poll() is None

    def kill9(self):
        self.process.kill()

    def sigterm(self, seconds=12.0):
        """Asks it to end and returns the exit code."""
        self.process.signal(signal.SIGTERM)
        code = self.process.wait(seconds)
        self.process.kill()   # leaves the books of procs clean
        return code

    def wait_for_exit(self, seconds=15.0):
        return self.process.wait(seconds)

    # -- processes of nodes ([nodes]): they outlive a killed `skep up` ---------------------------------------------------
    def node_pid(self, kind):
        """The process that is that node; None: there is none."""
        path = os.path.join(self.home, "nodes", kind, "run", "lock")
        try:
            with open(path, encoding="ascii") as lock:
                try:
                    fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
                    return None
                except BlockingIOError:
                    return int(lock.read() or 0) or None
        except FileNotFoundError:
            return None

    def wait_node(self, kind, other_than=None, seconds=30.0):
        def there():
            pid = self.node_pid(kind)
            return pid if pid and pid != other_than else None
        return procs.wait_until(there, f"the process of {kind} runs\n{self.tail()}", seconds)

    def kill_node(self, kind):
        """SIGKILL to the node's process; its pid, or None when there was none just now."""
        pid = self.node_pid(kind)
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return pid

    def end_nodes(self):
        for path in glob.glob(os.path.join(self.home, "nodes", "*", "run", "lock")):
            kind = path.split(os.sep)[-3]
            if self.kill_node(kind) is not None:
                procs.wait_until(lambda kind=kind: self.node_pid(kind) is None, f"{kind} is gone", 10)

    def close(self):
        if self.process is not None:
            self.process.kill()
            self.process = None
        self.end_nodes()
        if self._own_home:
            procs.remove_dir(self.shared_memory())   # a killed process leaves it to its successor
            procs.remove_dir(self.home)

    def shared_memory(self):
        """Where the routers of this home show themselves (src/fabric, region_directory)."""
        directory = os.path.realpath(os.path.join(self.home, "run", "fabric"))
        return f"/dev/shm/skep-{hashlib.sha256(directory.encode()).hexdigest()[:16]}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # -- looking ---------------------------------------------------------------------------------------------------------
    def log_text(self, this_run=False):
        if not os.path.exists(self.log_file):
            return ""
        with open(self.log_file, "rb") as log:
            if this_run:
                log.seek(self._log_from)
            return log.read().decode("utf-8", "replace")

    def tail(self, lines=40):
        return self.process.tail(lines) if self.process is not None else "(skep was not started)"

    def wait_for_log(self, text, seconds=20.0, this_run=True):
        """`this_run`: of the process that runs now; an earlier one has said much the same."""
        procs.wait_until(lambda: text in self.log_text(this_run), f"skep's log contains {text!r}", seconds, alive=self.process)

    def daemon(self):
        """run/daemon.json: pid, address, token."""
        with open(os.path.join(self.home, "run", "daemon.json"), encoding="utf-8") as source:
            return json.load(source)

    def http_get(self, path, token=True):
        """(status, body as text) of a GET on the daemon."""
        status, _, text = self.http("GET", path, token=token, seconds=10)
        return status, text

    def http(self, method, path, body=None, token=True, headers=None, seconds=30):
        """(status, headers, body as text) of a request to the daemon; `token`: its own, none, or that text."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method, headers=headers or {})
        if token is True:
            with contextlib.suppress(OSError, KeyError, ValueError):
                request.add_header("Authorization", "Bearer " + self.daemon()["token"])
        elif token:
            request.add_header("Authorization", token)
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=seconds) as answer:
                return answer.status, answer.headers, answer.read().decode()
        except urllib.error.HTTPError as problem:
            return problem.code, problem.headers, problem.read().decode("utf-8", "replace")

    def cli(self, *arguments, seconds=30, stdin_text=None, home=True):
        """Runs `skep ARGUMENTS` beside the daemon on the same home; returns (exit code, stdout, stderr)."""
        argv = [*self.inside, binary(), *arguments] + (["--home", self.home] if home else [])
        return procs.run(argv, env=self.environment(), seconds=seconds, cwd=self.home, stdin_text=stdin_text)

    def files(self, pattern):
        """Paths under the memory directory that match; `**` crosses folders."""
        found = glob.glob(os.path.join(self.memory, pattern), recursive=True)
        return sorted(path for path in found if os.path.exists(path))   # "x/**" names a missing x all the same

    def read(self, relative):
        found = self.files(relative)
        if not found:
            return None
        text = []
        for path in found:
            with open(path, encoding="utf-8", errors="replace") as source:
                text.append(source.read())
        return "".join(text)


# -- addresses -----------------------------------------------------------------------------------------------------------

def address(server, mode):
    """What people write to."""
    return f"{LOCAL_PART}@{server.component}" if mode == "component" else f"bot@{server.domain}"


def full_address(server, mode):
    """What IQs are sent to: the agent itself, not the server on behalf of its account."""
    return address(server, mode) if mode == "component" else f"bot@{server.domain}/{RESOURCE}"


def settle_account(server):
    """Ends what an earlier agent left of its session on the server, and takes what that session had not had."""
    from .xmpp_wire import WireClient
    client = WireClient(server, f"bot@{server.domain}/{RESOURCE}").login()
    client.ping(server.domain)
    client.close()
    time.sleep(1 - time.time() % 1)   # archives count in seconds: what comes from now on is not of the second that has been


def wait_online(agent, client, mode, seconds=20.0):
    """Pings until the agent itself answers: its link to the XMPP server stands."""
    target = full_address(client.server, mode)

    def answered():
        if not agent.running():
            raise Failure(f"skep ended with {agent.process.poll()} before its XMPP link stood\n{agent.tail()}")
        try:
            return client.ping(target, seconds=2.0)
        except Failure:   # it went to a session that is dead, which the server has yet to notice
            return False

    procs.wait_until(answered, f"{target} answers a ping over XMPP", seconds, alive=agent.process, interval=0.05)
