"""Answers that can be read while they are written: a draft, corrections of it (XEP-0308), and the whole answer as the last one."""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from support.xmpp_wire import CLIENT      # noqa: E402
from whole_house.base import WholeHouse   # noqa: E402

REPLACE = "{urn:xmpp:message-correct:0}replace"
ANSWER = "one two three four five six seven eight nine ten eleven twelve"


class Drafts(WholeHouse):
    mode = "component"

    def start(self, **overrides):
        self.ann = self.login()
        self.agent = self.make_agent(self.mode, **overrides).start()
        self.online(self.agent, self.ann)
        # With the first message the agent asks what ann's client can do; its answer goes in front of her next message.
        self.ask(self.agent, self.ann, "hello", "You said: hello")

    def body(self):
        return self.ann.body(self.address(self.agent))

    def until_whole(self, first):
        """All corrections of `first` up to the whole answer, which is there once."""
        while True:
            message = self.body()
            replaced = message.find(REPLACE)
            self.assertIsNotNone(replaced)
            self.assertEqual(replaced.get("id"), first.get("id"))
            if message.findtext(CLIENT + "body") == ANSWER:
                return message
            self.assertTrue(ANSWER.startswith(message.findtext(CLIENT + "body")))

    def test_an_answer_grows_by_corrections_and_ends_with_the_whole(self):
        self.start(agent__stream_corrections=True)
        self.model.script(f'holds mid-stream then text "{ANSWER}"')
        self.ann.message(self.address(self.agent), "count")
        first = self.body()
        self.assertIsNone(first.find(REPLACE))
        self.assertTrue(ANSWER.startswith(first.findtext(CLIENT + "body")))
        self.model.release()
        whole = self.until_whole(first)
        self.assertEqual(self.ask(self.agent, self.ann, "and?"), "You said: and?")
        history = self.agent.read("ann@example.test/history.jsonl")
        self.assertEqual(history.count(ANSWER), 1)
        self.assertIn(whole.get("id"), history)

    def test_what_was_shown_before_a_kill_is_replaced_after_it(self):
        self.start(agent__stream_corrections=True)
        self.model.script(f'holds mid-stream then text "{ANSWER}"')
        self.ann.message(self.address(self.agent), "count")
        first = self.body()
        self.agent.kill9()
        self.model.script(f'text "{ANSWER}"')
        self.model.release()
        self.agent.start()
        self.until_whole(first)

    def test_without_being_asked_for_an_answer_comes_whole(self):
        self.start()
        self.model.script(f'text "{ANSWER}"')
        self.assertEqual(self.ask(self.agent, self.ann, "count"), ANSWER)


class DraftsOfAnAccount(Drafts):
    mode = "client"


if __name__ == "__main__":
    unittest.main()
