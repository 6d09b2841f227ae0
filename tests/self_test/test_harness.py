"""The harness tests itself: conversations that must pass and conversations that must fail, with a tiny fake agent."""
import os
import unittest
from unittest import mock

from support import conversation, procs, proxy, skep, stanza_match, xmpp_server, xmpp_wire
from support.conversation_run import Player

FAKE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fake_skep.py")

GOOD = """# The fake agent answers
Clients: Romeo=ann@example.test/phone Eve=eve@example.test/x

Romeo sends:     <message to="{agent}" type="chat" id="q1"><body>2+2?</body></message>
Model answers:   text "4"
Romeo receives:  <message from="{agent}" type="chat"><composing xmlns="http://jabber.org/protocol/chatstates"/></message>
Romeo receives:  <message from="{agent}" type="chat" id="{reply=any}"><body>4</body></message>
Model was asked 1 time
Model was asked: contains "2+2?" lacks "q1"

Eve sends:       <message to="{agent}" type="chat"><body>hello?</body></message>
Eve receives nothing
Model was not asked

Romeo sends:     <iq to="{agent_full}" type="get" id="v1"><query xmlns="urn:example:unknown"/></iq>
Romeo receives:  <iq from="{agent}" type="error" id="v1"><error type="cancel">
                   <service-unavailable xmlns="urn:ietf:params:xml:ns:xmpp-stanzas"/></error></iq>

File ann@example.test/history.jsonl has in order "2+2?" "4"
File eve@example.test/history.jsonl absent
Agent is killed
Romeo sends:     <message to="{agent}" type="chat"><body>again</body></message>
Romeo receives:  <message><body>You said: again</body><absent><received xmlns="urn:xmpp:receipts"/></absent></message>
Agent restarts
Server restarts
"""

# flaw of the agent (or ""), the step that must fail, words of the report
BAD = [
    ("double", 'Romeo receives: <message><body>pong</body></message>', "what nobody expected"),
    ("wrong-from", 'Romeo receives: <message from="{agent}"><body>pong</body></message>', "@from"),
    ("", 'Romeo receives: <message><body>pang</body></message>', "expected 'pang', got 'pong'"),
    ("", 'Romeo receives: <message><body>pong</body><thread>t</thread></message>', "<thread> is missing"),
    ("", 'Romeo receives exactly: <message><body>pong</body></message>', "unexpected <active"),
    ("", 'Romeo receives nothing', "expected silence"),
    ("", 'Romeo receives: <message><body>pong</body><absent><active xmlns="http://jabber.org/protocol/chatstates"/></absent>'
         '</message>', "must not be there"),
    ("", 'Model answers: text "never"\nRomeo receives: <message><body>pong</body></message>', "not asked for these answers"),
    ("", 'Romeo receives: <message><body>pong</body></message>\nFile ann@example.test/history.jsonl exists', "in vain"),
    ("", 'Romeo receives: <message><body>pong</body></message>\nModel was asked: contains "x"', "got 1 requests"),
    ("", 'Romeo receives: <message><body>{any}</body></message>\nLast body contains "pang"', "the last body was 'pong'"),
]


def fake_binary(flaw=""):
    return mock.patch.dict(os.environ, {"SKEP_BIN": FAKE, "FAKE_SKEP_FLAW": flaw})


class ConversationsWithTheFakeAgent(unittest.TestCase):
    def play(self, text, server, mode="component", flaw=""):
        with fake_binary(flaw):
            Player(conversation.parse(text, "self.conv"), server, mode).play()

    def test_a_right_conversation_passes_on_both_servers_in_both_modes(self):
        for kind in ("prosody", "ejabberd"):
            with xmpp_server.make(kind) as server:
                for mode in skep.MODES:
                    with self.subTest(server=kind, mode=mode):
                        self.play(GOOD, server, mode)

    def test_what_is_wrong_fails_and_says_why(self):
        head = "# t\nClients: Romeo=ann@example.test/phone\nRomeo sends: <message to='{agent}' type='chat'><body>/ping</body></message>\n"
        with xmpp_server.make("prosody") as server, mock.patch("support.conversation_run.RECEIVE_SECONDS", 1.0), \
                mock.patch("support.conversation_run.procs.wait_until",
                           lambda check, what, seconds=1.0, **rest: procs_wait(check, what, min(seconds, 1.0), **rest)):
            for flaw, step, words in BAD:
                with self.subTest(step=step), mock.patch("support.model_server.wait_until",
                                                         lambda check, what, seconds: procs_wait(check, what, 0.3)):
                    with self.assertRaises(AssertionError) as caught:
                        self.play(head + step + "\n", server, flaw=flaw)
                    self.assertIn(words, str(caught.exception))
                    self.assertIn("self.conv", str(caught.exception))

    def test_a_malformed_request_fails_the_conversation(self):
        text = ("# t\nClients: Romeo=ann@example.test/x\nRomeo sends: <message to='{agent}' type='chat'><body>a</body></message>\n"
                "Romeo receives: <message><body>{any}</body></message>\n")
        with xmpp_server.make("prosody") as server, self.assertRaises(AssertionError) as caught:
            self.play(text, server, flaw="malformed")
        self.assertIn("roles must alternate", str(caught.exception))

    def test_a_missing_binary_is_named(self):
        with mock.patch.dict(os.environ, {"SKEP_BIN": "/nowhere/skep"}), self.assertRaises(AssertionError) as caught:
            skep.binary()
        self.assertIn("/nowhere/skep", str(caught.exception))


class CrashTestWithTheFakeAgent(unittest.TestCase):
    """Without a kill: the judge must see what is right and what is not."""

    def crash(self, flaw):
        tests = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        env = {**os.environ, "SKEP_BIN": FAKE, "FAKE_SKEP_FLAW": flaw, "SKEP_CRASH_KILLS": "0", "SKEP_CRASH_PEOPLE": "2",
               "SKEP_CRASH_JOB": "0"}
        return procs.run(["/usr/bin/python3", "-m", "unittest", "whole_house/test_crash.py"], env=env, cwd=tests)

    def test_an_agent_without_faults_passes(self):
        code, out, err = self.crash("")
        self.assertEqual(code, 0, out + err)
        self.assertIn("0 problems", out)

    def test_a_second_reply_and_a_second_run_of_a_tool_are_found(self):
        for flaw, words in (("double", "2 different replies"), ("twice", "written at")):
            with self.subTest(flaw=flaw):
                code, _, err = self.crash(flaw)
                self.assertNotEqual(code, 0)
                self.assertIn(words, err)


procs_wait = procs.wait_until


class Parsing(unittest.TestCase):
    def test_every_conversation_of_the_suite_can_be_read(self):
        folder = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "conversations")
        names = sorted(name for name in os.listdir(folder) if name.endswith(".conv"))
        self.assertGreater(len(names), 20)
        for name in names:
            with self.subTest(name=name):
                read = conversation.load(os.path.join(folder, name))
                for step in read.steps:
                    if step.verb in ("receives", "sends"):
                        stanza_match.parse(step.rest)
                    elif step.verb == "model_answers":
                        from support.model_script import parse_step
                        parse_step(step.rest.replace("\n", " "))

    def test_bad_lines_are_refused_with_their_place(self):
        head = "# t\nClients: A=ann@example.test/x\n"
        for line in ("B sends: <message/>", "A does: nothing", "Set: a.b = nonsense", "Only: server"):
            with self.subTest(line=line), self.assertRaises(conversation.ConversationError) as caught:
                conversation.parse(head + line + "\n", "bad.conv")
            self.assertIn("bad.conv:3", str(caught.exception))

    def test_the_configuration_writer_keeps_dollars_quotes_and_lists(self):
        import tomllib
        text = skep.toml({"a": {"s": 'q"\\$x', "l": ["b"], "n": 1, "t": True, "sub": {"k": 0.5}}})
        self.assertEqual(tomllib.loads(text), {"a": {"s": 'q"\\$$x', "l": ["b"], "n": 1, "t": True, "sub": {"k": 0.5}}})


class Proxies(unittest.TestCase):
    def test_one_byte_delay_and_cut(self):
        with xmpp_server.make("prosody") as server, proxy.Proxy(server.c2s_port) as middle:
            server.c2s_port = middle.port
            middle.one_byte = True
            client = xmpp_wire.WireClient(server, "ann@example.test/x").login()
            self.assertTrue(client.ping(server.domain))
            middle.blackhole()
            client.send('<iq type="get" id="lost" to="example.test"><ping xmlns="urn:xmpp:ping"/></iq>')
            self.assertIsNone(client.next(lambda stanza: stanza.get("id") == "lost", seconds=0.3))
            middle.cut()
            procs.wait_until(lambda: client.closed, "the cut is noticed", 5)


if __name__ == "__main__":
    unittest.main()
