"""Agents among themselves: two that can write to each other, a stranger that never stops, two processes of one address."""
import json
import re
import unittest

from support.component import WireComponent
from support.xmpp_server import Options
from whole_house.base import WholeHouse, procs, skep

CLIENT = "{jabber:client}"
DISCO = "{http://jabber.org/protocol/disco#info}"
BOTS = "bots.example.test"
BOT = ('<query xmlns="http://jabber.org/protocol/disco#info"><identity category="client" type="bot"/>'
       '<feature var="http://jabber.org/protocol/disco#info"/></query>')


def status(agent):
    return json.loads(agent.http_get("/api/status")[1])["xmpp"]


class TwoAgents(WholeHouse):
    options = Options(components=(BOTS,))

    def test_an_agent_does_not_answer_what_another_says_by_itself(self):
        ann = self.login()
        first = self.make_agent("component")
        first.config["agent"]["allowed_jids"] = ["ann@example.test", "bot@example.test"]
        first.config["skills"] = {"xmpp_send": {"enabled": True, "allowed_contacts": ["bot@example.test"],
                                                "require_first_contact_confirmation": False}}
        second = self.make_agent("client")
        second.config["agent"]["allowed_jids"] = ["ann@example.test", f"helper@{self.server.component}"]
        for agent in (first, second):
            agent.start()
            self.online(agent, ann)
        self.model.script('tool_call xmpp_send {"to": "bot@example.test", "body": "Are you there?"}', 'text "Asked."')
        ann.message(self.address(first), "ask the other")
        self.assertEqual(ann.body(self.address(first)).findtext(CLIENT + "body"), "Asked.")
        procs.wait_until(lambda: status(second)["counters"]["loops"] == 1, "what the other says by itself is known as automatic", 30)
        for agent in (first, second):
            self.ask(agent, ann, "still there?", "You said: still there?")
        self.assertEqual((status(first)["counters"]["loops"], status(second)["counters"]["loops"]), (0, 1))
        self.assertEqual(len(self.model.requests), 4)

    @staticmethod
    def replies(client):
        return client.unread(lambda s: s.tag == CLIENT + "message" and s.find(CLIENT + "body") is not None)

    def test_a_program_that_answers_everything_is_answered_three_times(self):
        """It marks nothing; after three turns in five minutes it is asked what it is, and says so."""
        bot = WireComponent(self.server, BOTS, lambda iq: BOT if iq.find(DISCO + "query") is not None else "").login()
        self.addCleanup(bot.close)
        agent = self.make_agent("component", agent__allowed_jids=[f"echo@{BOTS}"], agent__allowed_domains=[BOTS]).start()
        procs.wait_until(lambda: status(agent)["up"], "the agent is online", 30, alive=agent.process)
        address = self.address(agent)

        def say(number):
            bot.send(f'<message from="echo@{BOTS}/x" to="{address}" type="chat" id="b{number}"><body>line {number}</body></message>')

        for number in range(12):
            say(number)
            procs.wait_until(lambda: len(self.replies(bot)) > number or status(agent)["counters"]["loops"] > 0,
                             f"line {number} is answered, or no more", 30, alive=agent.process)
            if status(agent)["counters"]["loops"] > 0:
                break
        self.assertGreater(status(agent)["counters"]["loops"], 0, "it answers for ever")
        self.assertLessEqual(len(self.model.requests), 5)


class TwoProcesses(WholeHouse):
    def test_of_two_processes_of_one_account_both_stay_and_none_pushes_the_other_out_again(self):
        ann = self.login()
        first, second = self.make_agent("client"), self.make_agent("client")
        first.start()
        self.online(first, ann)
        second.start()
        procs.wait_until(lambda: status(first)["up"] and status(second)["up"]
                         and status(first)["address"] != status(second)["address"] and status(first)["connects"] == 2
                         and ann.ping(status(first)["address"]) and ann.ping(status(second)["address"]),
                         "both are there under names of their own", 60)
        self.assertEqual(status(second)["address"], f"bot@example.test/{skep.RESOURCE}")
        for agent in (first, second):
            name = status(agent)["address"]
            ann.message(name, "hello")
            reply = ann.next(lambda s, name=name: s.tag == CLIENT + "message" and s.get("from") == name
                             and s.find(CLIENT + "body") is not None)
            self.assertIsNotNone(reply, ann.show())
        self.assertEqual((status(first)["connects"], status(second)["connects"]), (2, 1))


class OneAccountOnEjabberd(TwoProcesses):
    server_kind = "ejabberd"


class OneComponent(WholeHouse):   # ejabberd lets several connections share a component
    def test_of_two_processes_of_one_component_the_newer_one_works_and_the_older_waits(self):
        ann = self.login()
        first, second = self.make_agent("component"), self.make_agent("component")
        first.start()
        self.online(first, ann)
        second.start()
        procs.wait_until(lambda: status(second)["up"] and not status(first)["up"], "the older one was sent away", 60)
        self.assertIn("conflict", status(first)["last_error"])
        waits = re.findall(r"conflict.*trying again in ([0-9.]+) s", first.log_text())
        self.assertEqual(len(waits), 1)
        self.assertGreaterEqual(float(waits[0]), 60, "the two would throw each other out for ever")
        self.ask(second, ann, "hello", "You said: hello")
        self.assertEqual((status(first)["connects"], status(second)["connects"]), (1, 1))


if __name__ == "__main__":
    unittest.main()
