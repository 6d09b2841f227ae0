"""An agent asks another domain's agent over s2s: tasks go over, results come back, whatever dies or lies in between."""
import unittest

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


class BadAgents(TwoDomains):
    """bob@b.test plays an agent that does not keep to the protocol."""

    def setUp(self):
        super().setUp()
        self.ann = self.login(self.a, "ann@a.test/phone")
        self.bad = self.login(self.b, "bob@b.test/bad")
        self.eve = self.login(self.b, "eve@b.test/x")
        self.front = self.agent_a(to="bob@b.test/bad", timeout_secs=3).start()
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

if __name__ == "__main__":
    unittest.main()
