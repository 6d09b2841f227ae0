"""Nodes for the chaos test that may be killed at any moment and go on where they were, each a process with a record of its own.

    chaos_node.py send WHERE NAME TO RECORD     says numbered things until SIGTERM, then until all are acknowledged
    chaos_node.py take WHERE NAME RECORD        writes down what it is given

A record has a line for each event, written before anybody can rely on it: "said TEXT ID", "acknowledged TEXT TIME",
"took TEXT SRC ID". The last line may be torn; then it did not happen.
"""
import asyncio
import os
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "sdk", "python"))
import skep_node  # noqa: E402

UNDER_WAY = 8    # messages that are not answered yet
PAUSE = 0.02     # between two messages


def read(path):
    """The whole lines of a record, split."""
    try:
        with open(path, "rb") as record:
            return [line.decode().split("\t") for line in record.read().split(b"\n")[:-1]]
    except FileNotFoundError:
        return []


class Record:
    def __init__(self, path):
        self.lines = read(path)
        self.file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with open(path, "rb") as old:
            if not old.read().endswith(b"\n") and os.path.getsize(path):
                os.write(self.file, b"\n")   # torn: an empty line of its own tells nobody anything

    def add(self, *fields):
        os.write(self.file, "\t".join(fields).encode() + b"\n")


async def connect(where, name, **rest):
    while True:
        try:
            return await skep_node.connect(where, name, **rest)
        except (skep_node.LinkLost, OSError):   # the router is being killed, too
            await asyncio.sleep(0.1)


class Sender:
    def __init__(self, node, name, to, record):
        self.node, self.name, self.to, self.record = node, name, to, record
        self.slots = asyncio.Semaphore(UNDER_WAY)
        self.going_on = True

    async def run(self):
        said = {line[1]: line[2] for line in self.record.lines if line[0] == "said" and len(line) == 3}
        acknowledged = {line[1] for line in self.record.lines if line[0] == "acknowledged"}
        tasks = [asyncio.ensure_future(self._deliver(text, key)) for text, key in said.items() if text not in acknowledged]
        number = len(said)
        while self.going_on:
            await self.slots.acquire()
            number += 1
            text, key = f"{self.name} {number}", skep_node.wire.new_id()
            self.record.add("said", text, key)
            task = asyncio.ensure_future(self._deliver(text, key))
            task.add_done_callback(lambda _: self.slots.release())
            tasks = [one for one in tasks if not one.done()] + [task]
            await asyncio.sleep(PAUSE)
        await asyncio.gather(*tasks)

    async def _deliver(self, text, key):
        while True:
            try:
                await (await self.node.send(skep_node.text_message(self.to, text, id=key)))
                break
            except (skep_node.Unreachable, skep_node.Refused, skep_node.QueueFull):
                await asyncio.sleep(0.2)
        self.record.add("acknowledged", text, repr(time.time()))


async def send(where, name, to, path):
    sender = Sender(await connect(where, name), name, to, Record(path))

    def stop():
        sender.going_on = False
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop)
    await sender.run()
    await sender.node.close()


async def take(where, name, path):
    record = Record(path)
    taken = {(line[2], line[3]) for line in record.lines if line[0] == "took" and len(line) == 4}

    async def write_down(message):
        if message.kind != "user" or (message.src, message.id) in taken:
            return
        record.add("took", message.text, message.src, message.id)
        taken.add((message.src, message.id))
    await connect(where, name, take=write_down)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run({"send": send, "take": take}[sys.argv[1]](*sys.argv[2:]))
