"""Free loopback ports."""
import socket

HOST = "127.0.0.1"


def free_ports(count):
    """Returns `count` distinct ports that were free a moment ago. All are held open together so none repeats."""
    held = []
    try:
        for _ in range(count):
            sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((HOST, 0))
            held.append(sock)
        return [sock.getsockname()[1] for sock in held]
    finally:
        for sock in held:
            sock.close()


def free_port():
    return free_ports(1)[0]


def accepts(port, host=HOST):
    """Whether something listens there now."""
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False
