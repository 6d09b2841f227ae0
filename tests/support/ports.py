"""Loopback ports for servers that are started, stopped and started again on the same port."""
import contextlib
import fcntl
import os
import random
import socket
import tempfile

HOST = "127.0.0.1"
FIRST, LAST = 10_000, 65_000
TRIES_MAX = 5_000
# Byte N of this file is locked by the process whose port N is; the kernel unlocks it when that ends.
_LOCKS = os.path.join(tempfile.gettempdir(), f"skep-ports-{os.getuid()}.lock")
_reserved = set()
_locks = None


def _outgoing():
    """The ports that the kernel gives to outgoing connections: while a server restarts, one of them could take its place."""
    try:
        with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as source:
            first, last = map(int, source.read().split())
    except OSError:
        first, last = 32_768, 60_999
    return range(first, last + 1)


def _is_free(port):
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):
            sock.bind((HOST, port))
            return True
    return False


def _reserve(port):
    """True: until this process ends no other one that asks here gets the port."""
    global _locks
    if _locks is None:
        _locks = open(_LOCKS, "wb")
    try:
        fcntl.lockf(_locks, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except OSError:
        return False
    _reserved.add(port)
    return True


def free_ports(count):
    """`count` distinct ports that nobody listens on, and that stay this process' own."""
    outgoing, found = _outgoing(), []
    for _ in range(TRIES_MAX):
        port = random.randint(FIRST, LAST)
        if port not in outgoing and port not in _reserved and _is_free(port) and _reserve(port):
            found.append(port)
            if len(found) == count:
                return found
    raise RuntimeError(f"no {count} free ports from {FIRST} to {LAST} outside {outgoing}")


def free_port():
    return free_ports(1)[0]


def accepts(port, host=HOST):
    """Whether something listens there now."""
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False
