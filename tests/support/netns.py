"""Network namespaces on one wire: machines of their own for processes under test. Needs root and iproute2.

    net = Net(["a", "b"])          # hosts a and b with addresses 10.99.0.1 and 10.99.0.2 on one bridge
    net.inside("a")                # words to put before a command: it runs on that host
    with net.on("a"): socket.create_connection(...)     # a socket of this process, on that host
    net.cut("a"); net.mend("a")    # the cable
    net.lose("a"); net.find("a")   # the cable stays, everything on it is lost
    net.close()                    # also at the interpreter's exit
"""
import atexit
import contextlib
import ctypes
import os
import secrets
import shutil
import subprocess

from .procs import Failure

CLONE_NEWNET = 0x40000000
_LIBC = ctypes.CDLL(None, use_errno=True)


def _run(*words, check=True):
    done = subprocess.run(words, capture_output=True, text=True, timeout=20)
    if check and done.returncode != 0:
        raise Failure(f"{' '.join(words)}: {done.stderr.strip() or done.stdout.strip()}")


class Net:
    def __init__(self, hosts):
        if shutil.which("ip") is None:
            raise Failure("these tests make network namespaces with `ip`: install the package iproute2")
        if os.geteuid() != 0:
            raise Failure("these tests make network namespaces, which needs root: run them as root")
        self._mark = "sk" + secrets.token_hex(3)
        self._hub = self._mark + "hub"
        self.hosts = list(hosts)
        self._open = True
        atexit.register(self.close)
        try:
            self._make()
        except Exception as problem:
            self.close()
            raise Failure(f"cannot make network namespaces here (root with CAP_NET_ADMIN is needed): {problem}") from None

    def _make(self):
        _run("ip", "netns", "add", self._hub)
        _run("ip", "-n", self._hub, "link", "add", "br0", "type", "bridge")
        _run("ip", "-n", self._hub, "link", "set", "br0", "up")
        for number, host in enumerate(self.hosts, 1):
            name = self.name(host)
            _run("ip", "netns", "add", name)
            _run("ip", "-n", name, "link", "set", "lo", "up")
            _run("ip", "-n", self._hub, "link", "add", f"to-{host}", "type", "veth", "peer", "name", "eth0", "netns", name)
            _run("ip", "-n", self._hub, "link", "set", f"to-{host}", "master", "br0", "up")
            _run("ip", "-n", name, "addr", "add", f"10.99.0.{number}/24", "dev", "eth0")
            _run("ip", "-n", name, "link", "set", "eth0", "up")

    def name(self, host):
        return f"{self._mark}-{host}"

    def address(self, host):
        return f"10.99.0.{self.hosts.index(host) + 1}"

    def inside(self, host):
        return ["ip", "netns", "exec", self.name(host)]

    @contextlib.contextmanager
    def on(self, host):
        """Sockets that this thread opens meanwhile live on that host, and stay there."""
        with open("/proc/thread-self/ns/net", "rb") as home, open(f"/run/netns/{self.name(host)}", "rb") as there:
            self._enter(there)
            try:
                yield
            finally:
                self._enter(home)

    @staticmethod
    def _enter(namespace):
        if _LIBC.setns(namespace.fileno(), CLONE_NEWNET) != 0:
            raise Failure(f"setns: {os.strerror(ctypes.get_errno())}")

    def cut(self, host):
        _run("ip", "-n", self._hub, "link", "set", f"to-{host}", "down")

    def mend(self, host):
        _run("ip", "-n", self._hub, "link", "set", f"to-{host}", "up")

    def lose(self, host):
        _run("ip", "-n", self._hub, "link", "set", f"to-{host}", "nomaster")

    def find(self, host):
        _run("ip", "-n", self._hub, "link", "set", f"to-{host}", "master", "br0")

    def close(self):
        if not self._open:
            return
        self._open = False
        atexit.unregister(self.close)
        for host in self.hosts:
            _run("ip", "netns", "del", self.name(host), check=False)
        _run("ip", "netns", "del", self._hub, check=False)
