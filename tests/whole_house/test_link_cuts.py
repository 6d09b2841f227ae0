"""The connection between an account and its server is cut at random, again and again, while people talk over it.

SKEP_LINK_CUTS (default 8) is how often, SKEP_LINK_SEED (default "random") what chance begins with. Every question is a number;
the agent answers with the same number. At the end each question was put to the model once, and each answer came once, in the
order of the questions.
"""
import json
import os
import random
import re
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from support.model_server import Step                       # noqa: E402
from support.proxy import Proxy                             # noqa: E402
from support.xmpp_wire import CLIENT                        # noqa: E402
from whole_house.base import WholeHouse, procs              # noqa: E402

CUTS = int(os.environ.get("SKEP_LINK_CUTS", "8"))
SEED = int(os.environ.get("SKEP_LINK_SEED", "random").replace("random", "0")) or random.randrange(1 << 30)
PEOPLE = ("ann@example.test/phone", "bob@example.test/desk")
AHEAD = 4        # questions a person may have open


class Talker(threading.Thread):
    """Asks numbered questions, a few ahead of the answers, until it is told to stop; then waits for what is open."""

    def __init__(self, client, address, name):
        super().__init__(name=name)
        self.client, self.address = client, address
        self.asked, self.answers, self.problem = 0, [], None
        self.enough = threading.Event()

    def run(self):
        try:
            while not self.enough.is_set() or len(self.answers) < self.asked:
                while not self.enough.is_set() and self.asked - len(self.answers) < AHEAD:
                    self.asked += 1
                    self.client.message(self.address, f"{self.name} {self.asked}", stanza_id=f"{self.name}-q{self.asked}")
                self.take(90)
                time.sleep(0.02)
        except Exception as problem:   # noqa: BLE001: told to the test
            self.problem = problem

    def take(self, seconds):
        stanza = self.client.next(lambda s: s.tag == CLIENT + "message" and (
            s.find(CLIENT + "body") is not None or s.get("type") == "error"), seconds)
        if stanza is None:
            raise AssertionError(f"{self.name}: question {len(self.answers) + 1} of {self.asked} is not answered")
        if stanza.get("type") == "error":
            raise AssertionError(f"{self.name}: an error came back for {stanza.get('id')}")
        self.answers.append((int(stanza.findtext(CLIENT + "body").rpartition(" ")[2]), stanza.get("id")))


class LinkCuts(WholeHouse):
    def test_every_message_arrives_once_and_in_order(self):
        chance = random.Random(SEED)
        print(f"{CUTS} cuts, SKEP_LINK_SEED={SEED}", flush=True)
        questions = []

        def answer(request):
            asked = re.findall(r"\b(ann|bob) (\d+)\b", request.last_user)
            if len(asked) != 1:
                return Step(text="They count.")   # a summary of what has become too long
            questions.append(asked[0])
            return Step(text=f"answer {asked[0][1]}")

        self.model.rule = answer
        proxy = Proxy(self.server.c2s_port).start()
        self.addCleanup(proxy.close)
        agent = self.make_agent("client", server__port=proxy.port, agent__flood_per_minute=10_000,
                                agent__flood_burst=10_000, reconnect__stable_secs=0, keepalive__ping_timeout_secs=20)
        agent.start()
        talkers = []
        for jid in PEOPLE:
            client = self.login(jid)
            self.online(agent, client)
            talkers.append(Talker(client, self.address(agent), jid.partition("@")[0]))
        for talker in talkers:
            talker.start()
        logins_cut = 0
        for _ in range(CUTS):
            # The cut may fall into a login as well, but not into so many that the agent waits a minute before the next.
            procs.wait_until(lambda: proxy.open > 0, "the agent connects again", 60, alive=agent.process, interval=0.01)
            logins_cut = logins_cut + 1 if logins_cut < 4 and chance.random() < 0.4 else 0
            time.sleep(chance.uniform(0.0, 0.03) if logins_cut else chance.uniform(0.1, 0.6))
            before = proxy.connections
            proxy.cut()
            procs.wait_until(lambda: proxy.open == 0 or proxy.connections > before, "the connection is cut", 60, interval=0.005)
        for talker in talkers:
            talker.enough.set()
        for talker in talkers:
            talker.join(180)
        for talker in talkers:
            self.assertIsNone(talker.problem, f"{talker.problem}\n{agent.tail(60)}")
            self.assertFalse(talker.is_alive())
            self.assertEqual([number for number, _ in talker.answers], list(range(1, talker.asked + 1)))
            self.assertEqual(len({stanza_id for _, stanza_id in talker.answers}), talker.asked)
            self.assertGreater(talker.asked, 0)
            self.assertEqual([int(number) for name, number in questions if name == talker.name],
                             list(range(1, talker.asked + 1)), "each question is put once, in order")
        xmpp = self.xmpp_status(agent)
        print(f"{sum(talker.asked for talker in talkers)} questions answered; {proxy.connections} connections, "
              f"{xmpp['resumes']} resumed, {xmpp['resumes_failed']} not resumed, "
              f"{xmpp['counters']['duplicates']} repetitions dropped", flush=True)
        self.assertGreater(xmpp["resumes"], 0)
        self.assertEqual(xmpp["false_counts"], 0)
        for talker in talkers:
            self.assertEqual(talker.client.unread(lambda s: s.find(CLIENT + "body") is not None), [])

    @staticmethod
    def xmpp_status(agent):
        return json.loads(agent.http_get("/api/status")[1])["xmpp"]


if __name__ == "__main__":
    unittest.main()
