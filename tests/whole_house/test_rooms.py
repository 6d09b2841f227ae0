"""Rooms while links break and the process dies: what was asked is answered once, and nothing twice."""
import os
import random
import re
import time
import unittest

from support.proxy import Proxy
from whole_house.base import WholeHouse, procs

CLIENT = "{jabber:client}"
MUC = '<x xmlns="http://jabber.org/protocol/muc"/>'
ROUNDS = int(os.environ.get("SKEP_ROOM_FAULTS", "30"))
QUESTION = re.compile(r"question (\d+) of the day")


class RoomFaults(WholeHouse):
    def enter(self, client, room, nick):
        client.send(f'<presence to="{room}/{nick}">{MUC}</presence>')
        client.iq("set", room, '<query xmlns="http://jabber.org/protocol/muc#owner">'
                               '<x xmlns="jabber:x:data" type="submit"/></query>')

    def wait_until_in(self, agent, client, room):
        def answers():
            try:
                return client.ping(f"{room}/Helper", 1)
            except procs.Failure:
                return False   # the question went to a session that was about to end
        procs.wait_until(answers, "the agent answers inside the room", 60, alive=agent.process)

    def answers(self, client, room):
        """number of the question -> how often it was answered, late copies of a room's history not counted"""
        counts = {}
        for _, stanza in client.history:
            if stanza.get("from") != f"{room}/Helper" or stanza.find("{urn:xmpp:delay}delay") is not None:
                continue
            echoed = QUESTION.findall(stanza.findtext(CLIENT + "body") or "")   # the newest stands last
            if echoed:
                counts[int(echoed[-1])] = counts.get(int(echoed[-1]), 0) + 1
        return counts

    def asked(self):
        """Questions that reached the model as the newest message."""
        numbers = set()
        for request in self.model.requests:
            newest = QUESTION.findall(str(request.body["messages"][-1]))
            if newest:
                numbers.add(int(newest[-1]))
        return numbers

    def play(self, mode):
        random.seed(f"{mode} 7")
        room = f"faults-{mode}@conference.example.test"
        client = self.login()
        self.enter(client, room, "ann")
        target = self.server.component_port if mode == "component" else self.server.c2s_port
        proxy = Proxy(target).start()
        self.addCleanup(proxy.close)
        agent = self.make_agent(mode, server__port=proxy.port)
        agent.config["rooms"] = [{"jid": room, "nick": "Helper", "turns_per_minute": 600, "history_max": 50}]
        agent.config["agent"].update({"flood_per_minute": 10000, "flood_burst": 10000})
        agent.start()
        for number in range(ROUNDS):
            self.wait_until_in(agent, client, room)
            client.message(room, f"Helper: question {number} of the day", kind="groupchat")
            time.sleep(random.uniform(0, 0.03))
            if number % 3 == 2:
                agent.kill9()
                agent.start()
            else:
                proxy.cut()
            self.wait_until_in(agent, client, room)
            procs.wait_until(lambda: self.asked() <= set(self.answers(client, room)), "what was asked is answered", 40,
                             alive=agent.process)
        self.wait_until_in(agent, client, room)
        answers, asked = self.answers(client, room), self.asked()
        self.assertEqual({number: count for number, count in answers.items() if count != 1}, {})
        self.assertEqual(asked - set(answers), set())
        self.assertGreater(len(answers), ROUNDS // 4, "too few were heard for this to prove anything")
        noted = agent.read(f"{room}/history.jsonl") or ""
        missing = [n for n in range(ROUNDS) if f"Helper: question {n} of the day" not in noted]
        self.assertEqual(missing, [], "said while the agent was away and not in its memory")

    def test_a_component_answers_once_through_cuts_and_kills(self):
        self.play("component")

    def test_an_account_answers_once_through_cuts_and_kills(self):
        self.play("client")


if __name__ == "__main__":
    unittest.main()
