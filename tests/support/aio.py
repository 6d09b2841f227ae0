"""One asyncio loop on a background thread, shared by the model server, the proxies and the raw XMPP clients of a test.

Tests stay plain sequential code: `aio.run(coroutine)` waits for a result from the loop.
"""
import asyncio
import concurrent.futures
import threading

from .procs import Failure

_lock = threading.Lock()
_loop = None


def loop():
    global _loop
    with _lock:
        if _loop is None:
            _loop = asyncio.new_event_loop()
            threading.Thread(target=_loop.run_forever, name="aio", daemon=True).start()
        return _loop


def run(coroutine, seconds=60.0):
    future = asyncio.run_coroutine_threadsafe(coroutine, loop())
    try:
        return future.result(seconds)
    except concurrent.futures.TimeoutError:
        if future.done():
            raise   # the coroutine's own
        future.cancel()
        raise Failure(f"no result within {seconds:g} s") from None


def call(function, *args):
    """Runs a plain function on the loop and returns its value."""
    async def shim():
        return function(*args)
    return run(shim())


def run_alone(coroutine):
    """Runs it in a loop of its own on this thread, for clients that leave tasks behind, which end with it: slixmpp does."""
    alone = asyncio.new_event_loop()
    asyncio.set_event_loop(alone)
    try:
        return alone.run_until_complete(coroutine)
    finally:
        left = asyncio.all_tasks(alone)
        for task in left:
            task.cancel()
        alone.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        asyncio.set_event_loop(None)
        alone.close()
