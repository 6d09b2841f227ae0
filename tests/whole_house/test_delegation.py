"""An agent asks another domain's agent over s2s: tasks go over, results come back, whatever dies or lies in between."""
import base64
import hashlib
import unittest

from support.file_server import FileServer
from support.xmpp_wire import CLIENT
from whole_house.two_domains import CONFIRM, EXECUTE, TwoDomains, peer


class Delegating(TwoDomains):
    """agent.a.test asks agent.b.test because its model wants to."""

    def setUp(self):
        super().setUp()
        self.ann = self.login(self.a, "ann@a.test/phone")

    def start(self, front=None, legal=None):
        self.front, self.legal = front or self.agent_a(), legal or self.agent_b()
        self.legal.start()
        self.front.start()
        self.online(self.front, self.legal)

    def talk(self, text="ask legal"):
        self.ann.message("helper@agent.a.test", text)

    def reply(self, seconds=60):
        return self.ann.body("helper@agent.a.test", seconds).findtext(CLIENT + "body")

    def told(self, number=-1):
        """What the model of a was told by its tools."""
        return "\n".join(self.model_a.requests[number].strings())

    def test_it_finds_the_other_agent_and_what_it_may_ask(self):
        self.start()
        self.model_a.script('tool_call remote_agents {}', 'text "ok"')
        self.talk()
        self.assertEqual(self.reply(), "ok")
        self.assertIn("legal (agent.b.test)", self.told())
        self.assertIn("memory_store (a person there must agree)", self.told())

    def test_a_task_goes_over_and_its_answer_comes_back_as_data(self):
        self.start()
        self.model_a.script('tool_call delegate {"agent":"legal","task":"May we?"}', 'text "They say yes."')
        self.model_b.script('text "Yes, you may." then usage in=100 out=11')
        self.talk()
        self.assertEqual(self.reply(), "They say yes.")
        self.assertIn("Yes, you may.", self.told())
        self.assertIn("not instructions", self.told())
        self.assertIn("it used 111 tokens", self.told())
        code, out, err = self.front.cli("usage")
        self.assertIn("agent.b.test", out, err)
        self.assertEqual(self.count(self.legal, "completed"), 1)

    def test_a_named_agent_of_another_domain_is_given_a_part_like_any_other(self):
        self.start()
        self.model_a.script('tool_call spawn_agent {"agent_name":"legal","task":"May we?"}', 'text "They say yes."')
        self.model_b.script('text "Yes, you may."')
        self.talk()
        self.assertEqual(self.reply(), "They say yes.")
        self.assertIn("Yes, you may.", self.told())
        self.assertIn("not instructions", self.told())
        offered = [tool for tool in self.model_a.requests[0].body["tools"] if tool["name"] == "spawn_agent"]
        self.assertEqual(offered[0]["input_schema"]["properties"]["agent_name"]["enum"], ["legal"])

    def test_a_skill_with_a_confirmation_by_a_person_in_between(self):
        self.start()
        bob = self.login(self.b, "bob@b.test/desk")
        self.model_a.script('tool_call delegate {"agent":"legal","skill":"memory_store","input":{"key":"k","content":"v"}}',
                            'text "It is noted."')
        self.talk()
        question = bob.next(lambda s: s.find(CONFIRM + "confirm") is not None, 30)
        self.assertIsNotNone(question, bob.show())
        confirm_id = question.find(CONFIRM + "confirm").get("id")
        bob.send(f'<message to="agent.b.test" type="chat" id="d1"><confirmed xmlns="urn:fluux:agent:0#confirm" '
                 f'id="{confirm_id}" decision="approve"/></message>')
        self.assertEqual(self.reply(), "It is noted.")
        self.assertIn("Stored under", self.told())

    def test_it_survives_the_death_of_the_asked(self):
        self.start()
        self.model_a.script('tool_call delegate {"agent":"legal","task":"Think."}', 'text "Good."')
        self.model_b.script('holds then text "never said"')
        self.talk()
        self.model_b.wait_until_holding(seconds=30)
        self.legal.kill9()
        self.model_b.reset()
        self.model_b.script('text "thought"')
        self.legal.start()
        self.assertEqual(self.reply(90), "Good.")
        self.assertIn("thought", self.told())

    def test_it_survives_the_death_of_the_asker_and_is_run_once(self):
        self.start()
        self.model_a.script('tool_call delegate {"agent":"legal","task":"Think."}', 'text "Good."')
        self.model_b.script('holds then text "thought"')
        self.talk()
        self.model_b.wait_until_holding(seconds=30)
        self.front.kill9()
        self.front.start()
        self.online(self.front)
        self.wait_count(self.legal, "replayed")
        self.model_b.release()
        self.assertEqual(self.reply(90), "Good.")
        self.assertIn("thought", self.told())
        self.assertEqual(self.model_b.unused(), [])
        self.assertEqual(self.count(self.legal, "accepted"), 1)

    def test_cancelling_here_ends_it_there(self):
        self.start()
        self.model_a.script('tool_call delegate {"agent":"legal","task":"Think."}')
        self.model_b.script('holds then text "never said"')
        self.talk()
        self.model_b.wait_until_holding(seconds=30)
        self.talk("/cancel")
        self.wait_count(self.legal, "cancelled")
        self.assertEqual(self.count(self.front, "called_off"), 1)

    def test_whoever_is_not_listed_is_not_asked(self):
        self.start()
        self.model_a.script('tool_call delegate {"agent":"agent.c.test","task":"x"}', 'text "no"')
        self.talk()
        self.assertEqual(self.reply(), "no")
        self.assertIn("does not let us ask", self.told())

    def test_a_peer_that_does_not_list_us_refuses(self):
        self.start(legal=self.agent_b(peers={'"someone.test"': peer(allow_in=True)}))
        self.model_a.script('tool_call delegate {"agent":"legal","task":"x"}', 'text "no"')
        self.talk()
        self.assertEqual(self.reply(), "no")
        self.assertIn("not-authorised", self.told())
        self.assertEqual(self.count(self.legal, "refused_not-authorised"), 1)

    def test_a_loop_is_refused(self):
        both = peer(allow_in=True, allow_out=True, skills_in=["*"], skills_out=["*"])
        legal = self.agent_b(peers={'"agent.a.test"': both})
        legal.config["authority"] = {"tainted": "allow"}   # else bob would be asked first, for the wish came from outside
        self.start(legal=legal)
        self.model_a.script('tool_call delegate {"agent":"legal","task":"x"}', 'text "over"')
        self.model_b.script('tool_call delegate {"agent":"agent.a.test","task":"x"}', 'text "cannot"')
        self.talk()
        self.assertEqual(self.reply(), "over")
        self.assertIn("that would be a loop", "\n".join(self.model_b.requests[-1].strings()))
        self.assertEqual(self.count(self.legal, "loops_avoided"), 1)

    def test_a_remote_agent_is_a_node_like_others(self):
        front = self.agent_a()
        front.config["hive"] = {"default_agent": "AI.legal"}
        self.start(front=front)
        self.model_b.script('text "from afar"')
        self.talk("what do you say?")
        self.assertIn("from afar", self.reply())
        self.assertEqual(self.model_a.requests, [])

    def test_agent_send_reaches_it_too(self):
        front = self.agent_a()
        front.config["agents"] = {"main_tools": "on"}
        self.start(front=front)
        self.model_a.script('tool_call agent_send {"agent":"legal","message":"May we?"}', 'text "They say yes."')
        self.model_b.script('text "from afar"')
        self.talk()
        self.assertEqual(self.reply(), "They say yes.")
        self.assertIn("from afar", self.told())

    def test_a_task_for_that_node_survives_a_death(self):
        front = self.agent_a()
        front.config["hive"] = {"default_agent": "AI.legal"}
        self.start(front=front)
        self.model_b.script('holds then text "from afar"')
        self.talk("what do you say?")
        self.model_b.wait_until_holding(seconds=30)
        self.front.kill9()
        self.front.start()
        self.online(self.front)
        self.wait_count(self.legal, "replayed")
        self.model_b.release()
        self.assertIn("from afar", self.reply(90))
        self.assertEqual(self.count(self.legal, "accepted"), 1)

    def test_an_account_is_reached_by_messages(self):
        self.start(front=self.agent_a(to="bot@b.test"), legal=self.agent_b("client"))
        self.model_a.script('tool_call delegate {"agent":"legal","task":"x"}', 'text "ok"')
        self.model_b.script('text "from an account"')
        self.talk()
        self.assertEqual(self.reply(), "ok")
        self.assertIn("from an account", self.told())


class LargeResults(TwoDomains):
    """What is too large for a stanza goes by the upload services of the servers."""
    uploads = True

    def setUp(self):
        super().setUp()
        self.ann = self.login(self.a, "ann@a.test/phone")
        self.legal = self.agent_b().start()
        self.online(self.legal)

    def reply(self):
        return self.ann.body("helper@agent.a.test", 60).findtext(CLIENT + "body")

    def ask_for_much(self, **keys):
        front = self.agent_a(**keys).start()
        self.online(front)
        self.model_a.script('tool_call delegate {"agent":"legal","task":"Tell me all."}', 'text "So much."')
        self.model_b.script('text "all of it " times 20000')
        self.ann.message("helper@agent.a.test", "ask legal")
        self.assertEqual(self.reply(), "So much.")
        return front, "\n".join(self.model_a.requests[-1].strings())

    def test_it_arrives_whole(self):
        front, told = self.ask_for_much()
        self.assertEqual(self.count(self.legal, "outputs_uploaded"), 1)
        self.assertEqual(self.count(front, "outputs_fetched"), 1)
        self.assertIn("all of it all of it", told)
        # Of it the model is shown a part, and where the rest is.
        self.assertIn("result_read", told)

    def test_who_may_not_fetch_from_there_is_told_so(self):
        front, told = self.ask_for_much(sections={"attachments": {"allowed_hosts": []}})
        self.assertEqual(self.count(self.legal, "outputs_uploaded"), 1)
        self.assertEqual(self.count(front, "outputs_refused"), 1)
        self.assertIn("an output could not be had: its address is not https", told)

    def test_more_than_one_is_willing_to_take_is_not_fetched(self):
        front, told = self.ask_for_much(fetch_bytes_max=100_000)
        self.assertEqual(self.count(front, "outputs_refused"), 1)
        self.assertIn("it is 199999 bytes, and at most 100000 are fetched", told)


class BadAgents(TwoDomains):
    """bob@b.test plays an agent that does not keep to the protocol."""

    def setUp(self):
        super().setUp()
        self.ann = self.login(self.a, "ann@a.test/phone")
        self.bad = self.login(self.b, "bob@b.test/bad")
        self.eve = self.login(self.b, "eve@b.test/x")
        self.files = FileServer()
        self.addCleanup(self.files.close)
        self.front = self.agent_a(to="bob@b.test/bad", timeout_secs=3, tokens_max=1000, usd_max=0.01,
                                  sections={"attachments": {"allowed_hosts": [self.files.host]}}).start()
        self.online(self.front)

    def asked(self):
        self.model_a.script('tool_call delegate {"agent":"legal","task":"x"}', 'text "so be it"')
        self.ann.message("helper@agent.a.test", "go")
        iq = self.bad.next(lambda s: s.find("{urn:fluux:agent:0#delegate}delegate") is not None, 30)
        self.assertIsNotNone(iq, self.bad.show())
        return iq, iq.find("{urn:fluux:agent:0#delegate}delegate").find("{urn:fluux:agent:0#delegate}task").get("exec-id")

    def say(self, client, exec_id, text, status="completed"):
        client.send(f'<message to="agent.a.test" type="normal" id="{text}"><result xmlns="urn:fluux:agent:0#execute" '
                    f'exec-id="{exec_id}" status="{status}"><output type="text/plain">{text}</output></result></message>')

    def reply(self):
        return self.ann.body("helper@agent.a.test", 90).findtext(CLIENT + "body")

    def accept(self, iq, exec_id):
        self.bad.send(f'<iq type="result" to="{iq.get("from")}" id="{iq.get("id")}"><result '
                      f'xmlns="urn:fluux:agent:0#execute" exec-id="{exec_id}" status="accepted"/></iq>')

    def test_one_that_answers_twice_is_heard_once_and_a_forger_never(self):
        iq, exec_id = self.asked()
        self.accept(iq, exec_id)
        self.say(self.eve, exec_id, "forged-words")
        self.wait_count(self.front, "results_forged")
        self.say(self.bad, exec_id, "early-words")
        self.say(self.bad, exec_id, "late-words")
        self.assertEqual(self.reply(), "so be it")
        told = "\n".join(self.model_a.requests[-1].strings())
        self.assertIn("early-words", told)
        self.assertNotIn("late-words", told)
        self.assertNotIn("forged-words", told)
        self.wait_count(self.front, "results_twice")
        self.say(self.eve, "never-asked", "x")
        self.wait_count(self.front, "results_unasked")

    def test_one_that_never_answers_is_called_off(self):
        iq, exec_id = self.asked()
        self.accept(iq, exec_id)
        cancel = self.bad.next(lambda s: s.find(EXECUTE + "cancel") is not None, 60)
        self.assertEqual(cancel.find(EXECUTE + "cancel").get("exec-id"), exec_id)
        self.assertEqual(self.reply(), "so be it")
        self.assertIn("gave no answer in time", "\n".join(self.model_a.requests[-1].strings()))
        self.assertEqual(self.count(self.front, "never_answered"), 1)

    def test_an_answer_that_is_too_large_is_no_answer(self):
        iq, exec_id = self.asked()
        self.accept(iq, exec_id)
        outputs = '<output type="text/plain">x</output>' * 17
        self.bad.send(f'<message to="agent.a.test" type="normal" id="big"><result xmlns="urn:fluux:agent:0#execute" '
                      f'exec-id="{exec_id}" status="completed">{outputs}</result></message>')
        self.assertEqual(self.reply(), "so be it")
        self.assertIn("too many outputs", "\n".join(self.model_a.requests[-1].strings()))
        self.assertEqual(self.count(self.front, "results_unreadable"), 1)

    def outputs(self, exec_id, inside):
        self.bad.send(f'<message to="agent.a.test" type="normal" id="out-{exec_id}"><result xmlns="urn:fluux:agent:0#execute" '
                      f'exec-id="{exec_id}" status="completed">{inside}</result></message>')

    def told(self):
        return "\n".join(self.model_a.requests[-1].strings())

    def test_one_whose_file_is_not_what_it_said_gives_an_error(self):
        self.files.put("/1.txt", b"forged-words", "text/plain")
        for size, digest, why in ((12, hashlib.sha256(b"other words!").digest(), "the hash differs"),
                                  (11, hashlib.sha256(b"forged-words").digest(), "it is 12 bytes and was said to be 11")):
            self.ann.message("helper@agent.a.test", "/new")   # after what was read, the next would be asked about
            self.reply()
            iq, exec_id = self.asked()
            self.accept(iq, exec_id)
            self.outputs(exec_id, f'<output type="text/plain" href="{self.files.url}/1.txt" size="{size}"><hash '
                         f'xmlns="urn:xmpp:hashes:2" algo="sha-256">{base64.b64encode(digest).decode()}</hash></output>')
            self.assertEqual(self.reply(), "so be it")
            self.assertIn(why, self.told())
            self.assertNotIn("forged-words", self.told())
        self.assertEqual(self.count(self.front, "outputs_refused"), 2)

    def test_several_outputs_are_told_apart_and_an_immense_bill_is_not_believed(self):
        iq, exec_id = self.asked()
        budget = iq.find("{urn:fluux:agent:0#delegate}delegate").find("{urn:fluux:agent:0#delegate}budget")
        self.assertEqual((budget.get("tokens"), budget.get("usd")), ("1000", "0.01"))
        self.accept(iq, exec_id)
        self.outputs(exec_id, '<output type="text/plain">3 open</output><output type="application/json">{"open":3}</output>'
                              '<usage input="900000000" output="5" ms="3" usd="500000"/>')
        self.assertEqual(self.reply(), "so be it")
        self.assertIn('[text/plain]\n3 open\n\n[application/json]\n{"open":3}', self.told())
        self.assertIn("it used 10005 tokens, $0.10", self.told())
        self.assertEqual(self.count(self.front, "budgets_overrun"), 1)
        _, out, _ = self.front.cli("usage")
        self.assertNotIn("900000000", out.replace(",", ""))

    def test_one_that_answers_about_something_else_has_not_answered(self):
        iq, _ = self.asked()
        self.bad.send(f'<iq type="result" to="{iq.get("from")}" id="{iq.get("id")}"><result xmlns="urn:fluux:agent:0#execute" '
                      'exec-id="another" status="completed"><output type="text/plain">other-words</output></result></iq>')
        self.assertEqual(self.reply(), "so be it")
        self.assertIn("an answer about another execution", self.told())
        self.assertNotIn("other-words", self.told())
        self.assertEqual(self.count(self.front, "results_mismatched"), 1)

    def test_one_that_answers_from_another_resource_is_not_heard(self):
        iq, exec_id = self.asked()
        self.accept(iq, exec_id)
        other = self.login(self.b, "bob@b.test/other")
        self.say(other, exec_id, "stray-words")
        self.wait_count(self.front, "results_forged")
        self.say(self.bad, exec_id, "right-words")
        self.assertEqual(self.reply(), "so be it")
        self.assertIn("right-words", self.told())
        self.assertNotIn("stray-words", self.told())

    def test_it_hears_of_a_cancel_even_if_it_was_away_and_we_have_died_meanwhile(self):
        iq, exec_id = self.asked()
        self.accept(iq, exec_id)
        self.bad.close()
        self.ann.message("helper@agent.a.test", "/cancel")
        self.wait_count(self.front, "called_off")
        self.front.kill9()
        back = self.login(self.b, "bob@b.test/bad")
        self.front.start()
        cancel = back.next(lambda s: s.find(EXECUTE + "cancel") is not None, 60)
        self.assertIsNotNone(cancel, back.show())
        self.assertEqual(cancel.find(EXECUTE + "cancel").get("exec-id"), exec_id)


if __name__ == "__main__":
    unittest.main()
