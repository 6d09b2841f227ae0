"""Child processes that never outlive the test, and temporary directories that never outlive it either.

Every child leads its own process group, carries PR_SET_PDEATHSIG and is ended at interpreter exit. Start children from the
main thread: the kernel sends the death signal when the *thread* that forked ends.
"""
import atexit
import ctypes
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from . import ports

PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)
_live = []
_dirs = []


class Failure(AssertionError):
    """A test fixture or expectation failed; the text says what and shows the evidence."""


def wait_until(check, what, seconds=20.0, alive=None, interval=0.02):
    """Polls `check` until it returns something true, and returns that. `alive` is a Process that must not end meanwhile."""
    deadline = time.monotonic() + seconds
    while True:
        value = check()
        if value:
            return value
        if alive is not None and alive.poll() is not None:
            raise Failure(f"{alive.name} ended with {alive.poll()} while waiting until {what}\n{alive.tail()}")
        if time.monotonic() > deadline:
            tail = "\n" + alive.tail() if alive is not None else ""
            raise Failure(f"waited {seconds:g} s in vain until {what}{tail}")
        time.sleep(interval)


def temp_dir(prefix):
    path = tempfile.mkdtemp(prefix=f"skep-{prefix}-")
    _dirs.append(path)
    return path


def remove_dir(path):
    shutil.rmtree(path, ignore_errors=True)
    if path in _dirs:
        _dirs.remove(path)


class Process:
    """One child with stdout and stderr appended to a log file (`log_path`)."""

    def __init__(self, name, argv, log_path, env=None, cwd=None, file_bytes_max=None, stdin=subprocess.DEVNULL):
        self.name = name
        self.log_path = log_path
        self._parent = os.getpid()

        def prepare():
            _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != self._parent:
                os._exit(1)
            if file_bytes_max is not None:
                signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
                resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes_max, file_bytes_max))

        with open(log_path, "ab") as log:
            self.child = subprocess.Popen(argv, stdin=stdin, stdout=log, stderr=subprocess.STDOUT, env=env,
                                          cwd=cwd, start_new_session=True, preexec_fn=prepare)
        self.pid = self.child.pid
        _live.append(self)

    def poll(self):
        return self.child.poll()

    def log(self):
        with open(self.log_path, "rb") as log:
            return log.read().decode("utf-8", "replace")

    def tail(self, lines=40):
        text = self.log().splitlines()[-lines:]
        return f"--- last lines of {self.name} ({self.log_path}) ---\n" + "\n".join(text)

    def signal(self, number):
        if self.poll() is None:
            os.kill(self.pid, number)

    def wait(self, seconds):
        """The exit code (negative: ended by that signal). Fails when it does not end in time."""
        try:
            return self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failure(f"{self.name} did not end within {seconds:g} s\n{self.tail()}") from None

    def stop(self, grace=10.0):
        """SIGTERM, then after `grace` seconds SIGKILL to the whole group. Returns the exit code."""
        self.signal(signal.SIGTERM)
        try:
            code = self.child.wait(grace)
        except subprocess.TimeoutExpired:
            code = None
        self._reap()
        return code

    def kill(self):
        """SIGKILL to the whole group, at once."""
        self._reap()

    def _reap(self):
        if self.poll() is None:   # once reaped, its number may belong to somebody else
            os.killpg(self.pid, signal.SIGKILL)
        self.child.wait()
        if self in _live:
            _live.remove(self)


def wait_for_port(process, port, seconds=30.0):
    wait_until(lambda: ports.accepts(port), f"port {port} accepts", seconds, alive=process)


def run(argv, env=None, seconds=60, cwd=None, stdin_text=None):
    """Runs a short command to its end; returns (exit code, stdout, stderr)."""
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env, cwd=cwd,
                          text=True, start_new_session=True) as child:
        try:
            out, err = child.communicate(stdin_text or "", seconds)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            out, err = child.communicate()
            raise Failure(f"{' '.join(argv)} did not end within {seconds} s\nstdout: {out}\nstderr: {err}") from None
        return child.returncode, out, err


def _end_everything():
    for process in list(_live):
        process.kill()
    for path in list(_dirs):
        remove_dir(path)


def _on_term(number, _frame):
    sys.exit(128 + number)   # runs the atexit handlers


atexit.register(_end_everything)
signal.signal(signal.SIGTERM, _on_term)
signal.signal(signal.SIGHUP, _on_term)
