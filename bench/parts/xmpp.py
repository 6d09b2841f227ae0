"""XMPP echo through a real Prosody: skep's /ping beside a component on raw sockets, on the same server, asked by the same
client. Skep's answer is authorised, deduplicated, journaled and routed through the agent; the floor's is none of that.
"""
from support import skep, xmpp_server
from support.prosody import Prosody
from support.xmpp_wire import WireClient

from .common import Worker, alternate, compare, program, say

ROUNDS = 9
MESSAGES_ONE = 200
MESSAGES_MANY = 1500
MANY = 32
RAW_DOMAIN = "raw.example.test"
RAW_SECRET = "raw-s3cret"


class TwoComponents(Prosody):
    def _config(self):
        return super()._config() + f'Component "{RAW_DOMAIN}"\n  component_secret = "{RAW_SECRET}"\n'


def run(_options):
    with TwoComponents(xmpp_server.Options(starttls=False)) as server:
        config = skep.default_config(server, "component")
        config["llm"] = {"provider": "demo"}
        config["agent"].update(flood_per_minute=1_000_000, flood_burst=100_000)
        with skep.Skep(config) as agent:
            agent.start()
            probe = WireClient(server, "bob@example.test/probe").login()
            skep.wait_online(agent, probe, "component")
            probe.close()
            return measure(server, skep.address(server, "component"))


def measure(server, address):
    login = [str(server.c2s_port), "ann", server.domain, server.password("ann")]
    raw = [str(server.component_port), RAW_DOMAIN, RAW_SECRET]
    with Worker([program("bench_raw_component"), *raw]), Worker([program("bench_xmpp_load"), *login]) as person:
        floor_address = f"echo@{RAW_DOMAIN}"
        one = alternate(lambda: person.run(1, MESSAGES_ONE, address),
                        lambda: person.run(1, MESSAGES_ONE, floor_address), ROUNDS)
        many = alternate(lambda: person.run(MANY, MESSAGES_MANY, address),
                         lambda: person.run(MANY, MESSAGES_MANY, floor_address), ROUNDS)
    say(f"xmpp: {ROUNDS} rounds each")
    return [compare("XMPP echo, p50, 1 in flight", "us", "p50_us", one, "raw socket", "<= 1.1x", 1.1),
            compare(f"XMPP echo, p50, {MANY} in flight", "us", "p50_us", many, "raw socket", "<= 1.1x", 1.1),
            compare(f"XMPP echoes, {MANY} in flight", "msgs/s", "per_s", many, "raw socket", ">= 0.91x", 1 / 1.1, "more")]
