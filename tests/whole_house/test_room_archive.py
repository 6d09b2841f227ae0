"""What a room said while the agent was away (XEP-0313 of the room, in pages) is read before it answers, in its order and once."""
import json
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from support.xmpp_wire import CLIENT, bare      # noqa: E402
from whole_house.base import WholeHouse, procs  # noqa: E402

ROOM = "absence@conference.example.test"
SAID_MEANWHILE = 120    # three pages, and more than any room sends to who comes in


class RoomArchive(WholeHouse):
    def say(self, text):
        self.ann.message(ROOM, text, kind="groupchat")
        reflected = self.ann.next(lambda s: s.tag == CLIENT + "message" and s.findtext(CLIENT + "body") == text)
        self.assertIsNotNone(reflected, f"the room did not show {text!r}")

    def join(self):
        """Whether ann is in: a room that was made just now is locked until its maker has accepted its settings."""
        self.ann.send(f'<presence to="{ROOM}/ann"><x xmlns="http://jabber.org/protocol/muc"/></presence>')
        answer = self.ann.next(lambda s: s.tag == CLIENT + "presence" and s.get("from") == f"{ROOM}/ann")
        return answer is not None and answer.get("type") is None

    def answer(self):
        stanza = self.ann.next(lambda s: s.tag == CLIENT + "message" and s.get("type") == "groupchat" and bare(s.get("from", "")) == ROOM
                               and s.get("from").endswith("/Helper") and s.find(CLIENT + "body") is not None)
        self.assertIsNotNone(stanza, "the agent said nothing")
        return stanza.findtext(CLIENT + "body")

    def absence(self, leave):
        self.ann = self.login()
        agent = self.make_agent("component", rooms=[{"jid": ROOM, "nick": "Helper", "history_max": 5}]).start()
        agent.wait_for_log(f"{ROOM}: in as Helper")
        procs.wait_until(self.join, "ann is in the room", 20)
        self.model.script('text "Yes."')
        self.say("Helper, are you there?")
        self.assertEqual(self.answer(), "ann: Yes.")
        self.say("before it went")
        self.model.script('text "Noted."')
        self.say("Helper, note that")
        self.assertEqual(self.answer(), "ann: Noted.")
        place = os.path.join(agent.home, "run", "xmpp-room-archive.json")
        procs.wait_until(lambda: os.path.exists(place) and json.loads(agent.http_get("/api/status")[1])["journal_unfinished"] == 0,
                         "the agent knows how far it has read, and that its replies are out", 20)
        leave(agent)
        for number in range(SAID_MEANWHILE):
            self.say(f"meanwhile number {number:03}.")
        self.ann.drop()
        agent.start()
        self.model.script('text "All of it."')
        back = self.ann.next(lambda s: s.tag == CLIENT + "presence" and s.get("from") == f"{ROOM}/Helper" and not s.get("type"))
        self.assertIsNotNone(back, "the agent did not come back")
        self.say("Helper, what did I say?")
        self.assertEqual(self.answer(), "ann: All of it.")
        history = agent.read(f"{ROOM}/history.jsonl")
        at = [history.find(f"meanwhile number {number:03}.") for number in range(SAID_MEANWHILE)]
        self.assertNotIn(-1, at)
        self.assertEqual(at, sorted(at))
        self.assertLess(history.find("before it went"), at[0])
        self.assertLess(at[-1], history.find("what did I say?"))
        for number in range(SAID_MEANWHILE):
            self.assertEqual(history.count(f"meanwhile number {number:03}."), 1)
        self.assertTrue(self.model.requests[-1].contains("meanwhile number 000."))
        self.assertEqual(len(self.model.requests), 3)

    def test_after_an_orderly_end(self):
        self.absence(lambda agent: agent.sigterm())

    def test_after_a_kill(self):
        self.absence(lambda agent: agent.kill9())


class RoomArchiveOnEjabberd(RoomArchive):
    server_kind = "ejabberd"


if __name__ == "__main__":
    unittest.main()
