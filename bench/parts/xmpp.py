"""XMPP echo through a real Prosody: skep's /ping beside a component on raw sockets, on the same server, asked by the same
clients. Skep's answer is authorised, deduplicated, journaled and routed through the agent; the floor's is none of that, but it
holds the same elements: reading and copying them is the server's work, a third more than for a bare <body/>.
"""
import contextlib

from support import skep, xmpp_server
from support.prosody import Prosody
from support.xmpp_wire import WireClient

from .common import Worker, alternate, compare, program

ROUNDS = 9
MESSAGES_ONE = 200
MESSAGES_MANY = 1500
MANY = 32
PEOPLE = ("ann", "bob", "eve", "adm")   # one after the other: no flood limit takes what a round sends
FLOOD_MAX = 10_000                      # the highest that the configuration takes, for each person
RAW_DOMAIN = "raw.example.test"
RAW_SECRET = "raw-s3cret"


class TwoComponents(Prosody):
    def _config(self):
        return super()._config() + f'Component "{RAW_DOMAIN}"\n  component_secret = "{RAW_SECRET}"\n'


def run(_options):
    with TwoComponents(xmpp_server.Options(starttls=False)) as server:
        config = skep.default_config(server, "component")
        config["llm"] = {"provider": "demo"}
        config["agent"].update(flood_per_minute=FLOOD_MAX, flood_burst=FLOOD_MAX,
                               allowed_jids=[f"{name}@{server.domain}" for name in PEOPLE])
        with skep.Skep(config) as agent:
            agent.start()
            probe = WireClient(server, "bob@example.test/probe").login()
            skep.wait_online(agent, probe, "component")
            probe.close()
            return measure(server, skep.address(server, "component"))


class Crowd:
    """The clients; each round of both sides is another one's."""

    def __init__(self, stack, server):
        self.clients = [stack.enter_context(Worker([program("bench_xmpp_load"), str(server.c2s_port), name, server.domain,
                                                    server.password(name)])) for name in PEOPLE]
        self.orders = 0

    def run(self, in_flight, count, target):
        client = self.clients[self.orders // 2 % len(self.clients)]
        self.orders += 1
        return client.run(in_flight, count, target)


def measure(server, address):
    raw = [str(server.component_port), RAW_DOMAIN, RAW_SECRET]
    floor_address = f"echo@{RAW_DOMAIN}"
    with contextlib.ExitStack() as stack:
        stack.enter_context(Worker([program("bench_raw_component"), *raw]))
        crowd = Crowd(stack, server)
        one = alternate(lambda: crowd.run(1, MESSAGES_ONE, address),
                        lambda: crowd.run(1, MESSAGES_ONE, floor_address), ROUNDS)
        many = alternate(lambda: crowd.run(MANY, MESSAGES_MANY, address),
                         lambda: crowd.run(MANY, MESSAGES_MANY, floor_address), ROUNDS)
    return [compare("XMPP echo, p50, 1 in flight", "us", "p50_us", one, "raw socket", "<= 1.1x", 1.1),
            compare(f"XMPP echo, p50, {MANY} in flight", "us", "p50_us", many, "raw socket", "<= 1.1x", 1.1),
            compare(f"XMPP echoes, {MANY} in flight", "msgs/s", "per_s", many, "raw socket", ">= 0.91x", 1 / 1.1, "more")]
