"""Shared by the whole-house tests: one XMPP server for a class, one model server and agents per test."""
import unittest

from support import procs, skep, xmpp_server
from support.model_server import ModelServer
from support.xmpp_wire import WireClient


class WholeHouse(unittest.TestCase):
    """Failures carry the agent's log. Everything that was started is ended by tearDown."""
    server_kind = "prosody"
    options = None     # xmpp_server.Options; None with needs_server False: no server at all
    needs_server = True

    @classmethod
    def setUpClass(cls):
        cls.server = None
        if cls.needs_server:
            cls.server = xmpp_server.make(cls.server_kind, cls.options)
            cls.addClassCleanup(cls.server.close)
            cls.server.start()

    def setUp(self):
        self.model = ModelServer().start()
        self.addCleanup(self.model.close)
        self.agents = []

    def make_agent(self, mode="component", provider="anthropic", server=None, **overrides):
        """Not started. Overrides have dots written as two underscores: server__port=1."""
        config = skep.default_config(server or self.server, mode, self.model, provider)
        for key, value in overrides.items():
            skep.override(config, key.replace("__", "."), value)
        if mode == "client" and self.server is not None and server is None:
            skep.settle_account(self.server)
        agent = skep.Skep(config)
        agent.mode = mode
        self.agents.append(agent)
        self.addCleanup(agent.close)
        return agent

    def login(self, jid="ann@example.test/phone", server=None):
        client = WireClient(server or self.server, jid).login()
        self.addCleanup(client.close)
        client.ping(client.domain)   # offline messages of earlier tests are here now
        client.drop()
        return client

    def online(self, agent, client, seconds=30.0):
        skep.wait_online(agent, client, agent.mode, seconds)

    def address(self, agent):
        return skep.address(self.server, agent.mode)

    def ask(self, agent, client, text, expected=None):
        """Sends a chat message and returns the body of the reply."""
        client.message(self.address(agent), text)
        body = client.body(self.address(agent)).findtext("{jabber:client}body")
        if expected is not None:
            self.assertEqual(body, expected)
        return body

    def assert_gives_up(self, agent, *words):
        """The process ends by itself with an exit code that is not 0 and says why, naming one of `words`."""
        code = agent.launch().wait_for_exit(15)
        log = agent.log_text()
        self.assertGreater(code, 0, f"skep ended with {code}\n{log}")
        self.assertTrue(any(word.lower() in log.lower() for word in words), f"none of {words} in the output:\n{log}")
        for secret in (skep.API_KEY, self.server.component_secret, self.server.password("bot"), "wrong-secret"):
            self.assertNotIn(secret, log)
        return code

    def run(self, result=None):
        """Adds the agents' logs and the model's requests to what a failing test shows."""
        outcome = super().run(result)
        for entries in ((result.failures, result.errors) if result is not None else ()):
            if entries and getattr(entries[-1][0], "test_case", entries[-1][0]) is self:
                entries[-1] = (entries[-1][0], entries[-1][1] + "\n" + getattr(self, "_evidence", ""))
        return outcome

    def tearDown(self):
        self._evidence = "\n".join([agent.tail() for agent in self.agents] + [self.model.describe()])


__all__ = ["WholeHouse", "procs", "skep", "xmpp_server"]
