"""What people publish about how they are (XEP-0163) is known to the agent while it lasts, and kept nowhere."""
import json
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from support.xmpp_wire import CLIENT, bare      # noqa: E402
from whole_house.base import WholeHouse, procs  # noqa: E402

MOOD = "http://jabber.org/protocol/mood"
WORDS = "sunshine-4711"


class Signals(WholeHouse):
    mode = "component"

    def setUp(self):
        super().setUp()
        self.ann = self.login()
        self.agent = self.make_agent(self.mode, signals__enabled=["mood", "tune"]).start()
        self.online(self.agent, self.ann)
        self.befriend()

    def befriend(self):
        """Each sees the other's presence, as friends in a roster do."""
        address = self.address(self.agent)
        self.ann.send(f'<presence to="{address}" type="subscribe"/>')

        def answered():
            asked = self.ann.next(lambda s: s.tag == CLIENT + "presence" and s.get("type") == "subscribe"
                                  and bare(s.get("from", "")) == address, 0.2)
            if asked is not None:
                self.ann.send(f'<presence to="{address}" type="subscribed"/>')
            roster = self.ann.iq("get", "", '<query xmlns="jabber:iq:roster"/>')
            return any(item.get("jid") == address and item.get("subscription") == "both"
                       for item in roster.iter("{jabber:iq:roster}item"))

        procs.wait_until(answered, "ann and the agent see each other", 20)

    def publish(self, inside, item_id="current"):
        answer = self.ann.iq("set", "", '<pubsub xmlns="http://jabber.org/protocol/pubsub"><publish '
                             f'node="{MOOD}"><item id="{item_id}"><mood xmlns="{MOOD}">{inside}</mood></item></publish></pubsub>')
        self.assertEqual(answer.get("type"), "result")

    def counter(self, name):
        return json.loads(self.agent.http_get("/api/status")[1])["xmpp"]["counters"][name]

    def wait_for_counter(self, name, least):
        procs.wait_until(lambda: self.counter(name) >= least, f"{name} is {least} or more", 20)

    def test_a_mood_is_known_in_the_next_turn_and_nowhere_else(self):
        self.publish(f"<happy/><text>{WORDS}</text>")
        self.wait_for_counter("events", 1)
        self.ask(self.agent, self.ann, "how am I?", "You said: how am I?")
        self.assertTrue(self.model.requests[-1].contains(f"says of themselves now: mood: happy ({WORDS})"))
        bob = self.login("bob@example.test/desk")
        self.ask(self.agent, bob, "how is ann?", "You said: how is ann?")
        self.assertFalse(self.model.requests[-1].contains(WORDS))
        self.agent.sigterm()
        for folder, _, names in os.walk(self.agent.home):
            for name in names:
                path = os.path.join(folder, name)
                if os.path.isfile(path):
                    with open(path, "rb") as source:
                        self.assertNotIn(WORDS.encode(), source.read(), path)

    def test_a_flood_of_moods_is_dropped_and_counted(self):
        def heard():
            self.publish("<happy/>")   # again and again: until the server knows that the agent wants them
            return self.counter("events") >= 1
        procs.wait_until(heard, "the server knows that the agent wants moods", 30, interval=1.0)
        for number in range(40):
            self.publish(f"<happy/><text>{number}</text>")
        self.wait_for_counter("event_floods", 1)
        self.assertLessEqual(self.counter("events"), 13)
        self.ask(self.agent, self.ann, "still there?", "You said: still there?")


class SignalsOfAnAccount(Signals):
    mode = "client"


class SignalsOnEjabberd(Signals):
    server_kind = "ejabberd"


class SignalsOfAnAccountOnEjabberd(SignalsOfAnAccount):
    server_kind = "ejabberd"


if __name__ == "__main__":
    unittest.main()
