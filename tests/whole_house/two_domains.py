"""Shared by the tests of the agent protocol: two domains with an XMPP server each, and an agent in both."""
import json
import unittest
import xml.etree.ElementTree as ET

from support import procs, skep
from support.federation import Federation
from support.model_server import ModelServer
from support.xmpp_wire import CLIENT, WireClient, bare

EXECUTE = "{urn:fluux:agent:0#execute}"
SKILLS = "{urn:fluux:agent:0#skills}"
CONFIRM = "{urn:fluux:agent:0#confirm}"
ERRORS = "{urn:fluux:agent:0#errors}"
STANZAS = "{urn:ietf:params:xml:ns:xmpp-stanzas}"


def peer(**keys):
    return {"allow_in": False, "allow_out": False, **keys}


def execute(skill, exec_id="", params=(), attributes=""):
    inner = "".join(f'<param name="{name}">{value}</param>' for name, value in params)
    key = f' exec-id="{exec_id}"' if exec_id else ""
    return f'<execute xmlns="urn:fluux:agent:0#execute" skill="{skill}"{key} {attributes}>{inner}</execute>'


def delegate(work, chain, depth=1, most=2):
    return (f'<delegate xmlns="urn:fluux:agent:0#delegate" depth="{depth}" max-depth="{most}" chain="{chain}">{work}'
            '</delegate>')


class TwoDomains(unittest.TestCase):
    """agent.a.test may ask agent.b.test for anything; ann@a.test may run what b exposes."""
    names = ("a.test", "b.test")
    uploads = False   # whether the servers have an upload service

    @classmethod
    def setUpClass(cls):
        cls.federation = Federation(*cls.names)
        cls.addClassCleanup(cls.federation.close)
        for domain in cls.federation.domains:
            domain.uploads = cls.uploads
        cls.a, cls.b = cls.federation.start()

    def setUp(self):
        self.started = []
        self.model_a, self.model_b = ModelServer().start(), ModelServer().start()
        for model in (self.model_a, self.model_b):
            self.addCleanup(model.close)

    def make_agent(self, domain, model, name, mode="component", **sections):
        config = skep.default_config(domain, mode, model)
        config["agent"] = {"name": name, "allowed_jids": [f"ann@{domain.domain}", f"bob@{domain.domain}"],
                           "admin_jids": [f"bob@{domain.domain}"]}
        if self.uploads:
            config["attachments"] = {"allowed_hosts": [f"{one.host}:{one.http_port}" for one in (self.a, self.b)]}
        config.update(sections)
        config["llm"].update(sections.get("llm", {}))
        agent = skep.Skep(config, name=name.lower())
        agent.mode = mode
        self.started.append(agent)
        self.addCleanup(agent.close)
        return agent

    def agent_a(self, to=None, sections=None, **federation):
        to = to or self.b.component
        llm = {**skep.llm_section(self.model_a, "anthropic"), "agents": {"legal": {"jid": to}}}
        rules = {"peers": {f'"{bare(to)}"': peer(allow_out=True, skills_out=["*"])}, **federation}
        return self.make_agent(self.a, self.model_a, "Front", llm=llm, federation=rules, **(sections or {}))

    def agent_b(self, mode="component", **federation):
        everybody = peer(allow_in=True, skills_in=["*"])
        rules = {"expose": ["ask", "system_time", "memory_store", "memory_recall"], "owner": "bob@b.test",
                 "peers": {'"agent.a.test"': everybody, '"ann@a.test"': dict(everybody)}, **federation}
        return self.make_agent(self.b, self.model_b, "Legal", mode, federation=rules)

    def login(self, domain, jid):
        client = WireClient(domain, jid).login()
        self.addCleanup(client.close)
        client.ping(client.domain)
        client.drop()
        return client

    def online(self, *agents):
        for agent in agents:
            procs.wait_until(lambda a=agent: self.status(a)["xmpp"]["up"], f"{agent.name} is online", 30, alive=agent.process)

    def status(self, agent):
        return json.loads(agent.http_get("/api/status")[1])

    def count(self, agent, name):
        return self.status(agent)["federation"]["counters"].get(name, 0)

    def wait_count(self, agent, name, least=1):
        procs.wait_until(lambda: self.count(agent, name) >= least, f"{agent.name} counts {name} {least} times", 30,
                         alive=agent.process)

    def result(self, client, exec_id, seconds=30):
        """The final result that comes as a message."""
        stanza = client.next(lambda s: s.tag == CLIENT + "message" and s.find(EXECUTE + "result") is not None
                             and s.find(EXECUTE + "result").get("exec-id") == exec_id, seconds)
        self.assertIsNotNone(stanza, client.show())
        return stanza.find(EXECUTE + "result")

    def assert_refused(self, answer, condition, fault):
        self.assertEqual(answer.get("type"), "error", ET.tostring(answer))
        error = answer.find(CLIENT + "error")
        self.assertIsNotNone(error.find(STANZAS + condition), ET.tostring(answer))
        self.assertIsNotNone(error.find(ERRORS + fault), ET.tostring(answer))

    def tearDown(self):
        self._evidence = "\n".join([agent.tail() for agent in self.started] +
                                   [self.model_a.describe(), self.model_b.describe(), self.a.tail(), self.b.tail()])

    def run(self, result=None):
        outcome = super().run(result)
        for entries in ((result.failures, result.errors) if result is not None else ()):
            if entries and entries[-1][0] is self:
                entries[-1] = (entries[-1][0], entries[-1][1] + "\n" + getattr(self, "_evidence", ""))
        return outcome
