"""XMPP under load: a room of 200 that never stops talking, a thousand conversations at once, ten thousand idle contacts, and a
cut connection that is taken up again.

The first three are on a bare component link (component_server.py), the last on a real Prosody with stream management. The model
is the built-in one, so that what is measured is the way and not the thinking.
"""
import asyncio
import contextlib
import os
import re
import statistics
import time

from support import skep
from support.prosody import Prosody
from support.proxy import Proxy
from support.xmpp_wire import WireClient
from support import xmpp_server

from .common import Row, at_most
from .component_server import DOMAIN, SECRET, ComponentServer

ROOM = "team@rooms.bench.test"
US = f"helper@{DOMAIN}/skep"     # who the room knows us as
OCCUPANTS, PER_SECOND, SECONDS, MENTION_EVERY = 200, 100, 20, 20
CONVERSATIONS = 1000
CONTACTS, AHEAD = 10_000, 1000
CUTS = 9   # of a link that ends ten times within moments the eleventh try waits for a minute
_TICK = os.sysconf("SC_CLK_TCK")


def run(_options):
    return [*asyncio.run(on_component()), resume_after_cut()]


# -- a component ---------------------------------------------------------------------------------------------------------

def component_config(port):
    config = skep.default_config()
    config["server"] = {"mode": "component", "host": "127.0.0.1", "port": port, "component_domain": DOMAIN,
                        "component_secret": SECRET}
    config["llm"] = {"provider": "demo"}
    config["agent"].update(allowed_jids=["*"], allowed_domains=["*"], flood_per_minute=10_000, flood_burst=10_000)
    config["rooms"] = [{"jid": ROOM, "nick": "Helper", "turns_per_minute": 600, "members": "everyone"}]
    return config


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as source:
        fields = source.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def rss_bytes(pid):
    with open(f"/proc/{pid}/statm", encoding="ascii") as source:
        return int(source.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def p99(values):
    return statistics.quantiles(values, n=100)[98]


async def on_component():
    rows = []
    for measure in (busy_room, many_conversations, idle_contacts):
        server = ComponentServer()
        await server.start()
        with skep.Skep(component_config(server.port)) as agent:
            agent.launch()
            await asyncio.wait_for(server.online.wait(), 20)
            rows += await measure(server, agent)
        await server.close()
    return rows


async def until(holds, seconds=60):
    deadline = time.perf_counter() + seconds
    while not holds():
        if time.perf_counter() > deadline:
            raise TimeoutError("the agent did not do it in time")
        await asyncio.sleep(0.005)


def presence(nick, extra=""):
    return (f"<presence from='{ROOM}/{nick}' to='{US}'><x xmlns='http://jabber.org/protocol/muc#user'>"
            f"<item affiliation='member' role='participant'/>{extra}</x></presence>")


def said(nick, number, text):
    return (f"<message from='{ROOM}/{nick}' to='{US}' type='groupchat' id='r{number}'><body>{text}</body></message>")


def shown(stanza):
    """What the agent said, as the room shows it to everybody, the agent too."""
    opening, rest = stanza.decode().split(">", 1)
    number = re.search(r"""\bid=["']([^"']+)""", opening).group(1)
    return f"<message from='{ROOM}/Helper' to='{US}' type='groupchat' id='{number}'>{rest}"


async def busy_room(server, agent):
    asked, begun, joined = {}, {}, asyncio.Event()
    waiting = []    # mentions not answered yet, in their order

    def seen(kind, stanza, when):
        if kind == "presence" and ROOM.encode() in stanza:
            joined.set()
        elif kind == "message" and b"<body" in stanza and waiting:
            begun.setdefault(waiting.pop(0), when)
            server.send(shown(stanza))

    server.watch(seen)
    await asyncio.wait_for(joined.wait(), 30)
    for number in range(OCCUPANTS):
        server.send(presence(f"p{number}"))
    server.send(presence("Helper", "<status code='110'/>"))
    server.send(f"<message from='{ROOM}' to='{US}' type='groupchat'><subject>bench</subject></message>")
    await server.drain()
    await asyncio.sleep(1)
    cpu, start = cpu_seconds(agent.process.pid), time.perf_counter()
    for number in range(PER_SECOND * SECONDS):
        await asyncio.sleep(max(0.0, start + number / PER_SECOND - time.perf_counter()))
        mention = number % MENTION_EVERY == 0
        if mention:
            waiting.append(number)
            asked[number] = time.perf_counter()
        server.send(said(f"p{number % OCCUPANTS}", number, f"Helper: hello {number}" if mention else f"line {number} of many"))
    wall = time.perf_counter() - start
    used = cpu_seconds(agent.process.pid) - cpu
    await until(lambda: len(begun) == len(asked))
    delays = [(begun[number] - asked[number]) * 1000 for number in asked]
    samples = f"{PER_SECOND * SECONDS} messages, {len(asked)} mentions"
    name = f"room of {OCCUPANTS}, {PER_SECOND} messages/s"
    return [Row(f"{name}: CPU", "% of a core", 100 * used / wall, samples),
            Row(f"{name}: reply, p50", "ms", statistics.median(delays), samples),
            Row(f"{name}: reply, p99", "ms", p99(delays), samples)]


async def many_conversations(server, agent):
    answered = {}

    def seen(kind, stanza, when):
        to = re.search(rb"""\bto=["'](c\d+)@""", stanza)
        if kind == "message" and to and b"<body" in stanza:
            answered.setdefault(to.group(1).decode(), when)

    server.watch(seen)
    cpu, start = cpu_seconds(agent.process.pid), time.perf_counter()
    for number in range(CONVERSATIONS):
        server.send(f"<message from='c{number}@bench.test/x' to='helper@{DOMAIN}' type='chat' id='q{number}'>"
                    f"<body>hello</body></message>")
    await server.drain()
    await until(lambda: len(answered) == CONVERSATIONS, 120)
    delays = [(when - start) * 1000 for when in answered.values()]
    used = cpu_seconds(agent.process.pid) - cpu
    name, samples = f"{CONVERSATIONS} conversations at once", f"{CONVERSATIONS} messages, 1 run"
    return [Row(f"{name}: all answered", "ms", max(delays), samples), Row(f"{name}: p50", "ms", statistics.median(delays), samples),
            Row(f"{name}: CPU for each", "us", used / CONVERSATIONS * 1e6, samples)]


async def idle_contacts(server, agent):
    granted = 0

    def seen(kind, stanza, _when):
        nonlocal granted
        granted += kind == "presence" and b"subscribed" in stanza

    server.watch(seen)
    before = rss_bytes(agent.process.pid)
    for number in range(CONTACTS):
        server.send(f"<presence from='contact{number}@people.bench.test' to='helper@{DOMAIN}' type='subscribe'/>"
                    f"<presence from='contact{number}@people.bench.test/phone' to='helper@{DOMAIN}'/>")
        if number % 100 == 0:
            await server.drain()
            await until(lambda: granted + AHEAD >= number)   # a burst of all of them would be a flood, and refused as one
    await until(lambda: granted >= CONTACTS, 300)
    await asyncio.sleep(1)
    each = (rss_bytes(agent.process.pid) - before) / CONTACTS
    return [at_most(Row("memory for each idle contact", "bytes", each, f"{CONTACTS} subscribed and online"), 2048, "< 2 KB")]


# -- an account ----------------------------------------------------------------------------------------------------------

def resume_after_cut():
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(Prosody(xmpp_server.Options()))
        proxy = stack.enter_context(Proxy(server.c2s_port))
        config = skep.default_config(server, "client")
        config["server"]["port"] = proxy.port
        config["llm"] = {"provider": "demo"}
        agent = stack.enter_context(skep.Skep(config))
        agent.start()
        ann = WireClient(server, "ann@example.test/bench").login()
        skep.wait_online(agent, ann, "client")
        times = []
        for number in range(CUTS):
            proxy.cut()
            began = time.perf_counter()
            ann.message("bot@example.test", f"hello {number}")
            ann.body("bot@example.test", 60)
            times.append((time.perf_counter() - began) * 1000)
        ann.close()
    return Row("cut, resumed, and the message of meanwhile answered, p50", "ms", statistics.median(times),
               f"{CUTS} cuts; [reconnect] initial_secs = 1, with jitter")
