"""How many bytes the model is sent for "hello" with the default tools, through the real binary."""
import json
import os
import subprocess

from . import model
from .common import SKEP, Row, at_most, procs
from .start import environment

LIMIT = 6 * 1024


def run(_options):
    rows = []
    for provider in ("anthropic", "openai"):
        body = hello(provider)
        total = Row(f'"hello" request, {provider}', "bytes", len(body), "1")
        rows.append(at_most(total, LIMIT, "<= 6 KB"))
        rows += breakdown(provider, json.loads(body), len(body))
    return rows


def hello(provider):
    """The body of the first request of a fresh home."""
    home = model.home()
    record = os.path.join(home, "record")
    with model.ModelServer(record) as server:
        model.write_config(home, server.port, provider)
        subprocess.run([SKEP, "chat", "--home", home, "-m", "hello"], env=environment(home), check=True, timeout=30,
                       stdout=subprocess.DEVNULL)
    body = model.recorded(record)[0][1]
    procs.remove_dir(home)
    return body


def size(value):
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


def breakdown(provider, body, total):
    messages = body["messages"]
    system = body.get("system") or [message for message in messages if message["role"] in ("system", "developer")]
    messages = [message for message in messages if message["role"] not in ("system", "developer")]
    parts = {"system": size(system), "tools": size(body.get("tools", [])), "messages": size(messages)}
    parts["rest"] = total - sum(parts.values())
    names = ", ".join(tool.get("name") or tool["function"]["name"] for tool in body.get("tools", []))
    return [Row(f"  {part}", "bytes", count, names if part == "tools" else "") for part, count in parts.items()]
