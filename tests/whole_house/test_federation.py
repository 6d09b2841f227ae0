"""Two domains, two XMPP servers, two agents: one asks the other over s2s, and every rule of the agent protocol holds."""
import json
import unittest
import xml.etree.ElementTree as ET

from support import procs, skep
from support.federation import Federation
from support.model_server import ModelServer
from support.xmpp_wire import CLIENT, WireClient, bare

EXECUTE = "{urn:fluux:agent:0#execute}"
SKILLS = "{urn:fluux:agent:0#skills}"
CONFIRM = "{urn:fluux:agent:0#confirm}"
ERRORS = "{urn:fluux:agent:0#errors}"
STANZAS = "{urn:ietf:params:xml:ns:xmpp-stanzas}"


def peer(**keys):
    return {"allow_in": False, "allow_out": False, **keys}


def execute(skill, exec_id="", params=(), attributes=""):
    inner = "".join(f'<param name="{name}">{value}</param>' for name, value in params)
    key = f' exec-id="{exec_id}"' if exec_id else ""
    return f'<execute xmlns="urn:fluux:agent:0#execute" skill="{skill}"{key} {attributes}>{inner}</execute>'


def delegate(work, chain, depth=1, most=2):
    return (f'<delegate xmlns="urn:fluux:agent:0#delegate" depth="{depth}" max-depth="{most}" chain="{chain}">{work}'
            '</delegate>')


class TwoDomains(unittest.TestCase):
    """agent.a.test may ask agent.b.test for anything; ann@a.test may run what b exposes."""
    names = ("a.test", "b.test")

    @classmethod
    def setUpClass(cls):
        cls.federation = Federation(*cls.names)
        cls.addClassCleanup(cls.federation.close)
        cls.a, cls.b = cls.federation.start()

    def setUp(self):
        self.started = []
        self.model_a, self.model_b = ModelServer().start(), ModelServer().start()
        for model in (self.model_a, self.model_b):
            self.addCleanup(model.close)

    def make_agent(self, domain, model, name, mode="component", **sections):
        config = skep.default_config(domain, mode, model)
        config["agent"] = {"name": name, "allowed_jids": [f"ann@{domain.domain}", f"bob@{domain.domain}"],
                           "admin_jids": [f"bob@{domain.domain}"]}
        config.update(sections)
        config["llm"].update(sections.get("llm", {}))
        agent = skep.Skep(config, name=name.lower())
        agent.mode = mode
        self.started.append(agent)
        self.addCleanup(agent.close)
        return agent

    def agent_a(self, to=None, **federation):
        to = to or self.b.component
        llm = {**skep.llm_section(self.model_a, "anthropic"), "agents": {"legal": {"jid": to}}}
        rules = {"peers": {f'"{bare(to)}"': peer(allow_out=True, skills_out=["*"])}, **federation}
        return self.make_agent(self.a, self.model_a, "Front", llm=llm, federation=rules)

    def agent_b(self, mode="component", **federation):
        everybody = peer(allow_in=True, skills_in=["*"])
        rules = {"expose": ["ask", "system_time", "memory_store", "memory_recall"], "owner": "bob@b.test",
                 "peers": {'"agent.a.test"': everybody, '"ann@a.test"': dict(everybody)}, **federation}
        return self.make_agent(self.b, self.model_b, "Legal", mode, federation=rules)

    def login(self, domain, jid):
        client = WireClient(domain, jid).login()
        self.addCleanup(client.close)
        client.ping(client.domain)
        client.drop()
        return client

    def online(self, *agents):
        for agent in agents:
            procs.wait_until(lambda a=agent: self.status(a)["xmpp"]["up"], f"{agent.name} is online", 30, alive=agent.process)

    def status(self, agent):
        return json.loads(agent.http_get("/api/status")[1])

    def count(self, agent, name):
        return self.status(agent)["federation"]["counters"].get(name, 0)

    def wait_count(self, agent, name, least=1):
        procs.wait_until(lambda: self.count(agent, name) >= least, f"{agent.name} counts {name} {least} times", 30,
                         alive=agent.process)

    def result(self, client, exec_id, seconds=30):
        """The final result that comes as a message."""
        stanza = client.next(lambda s: s.tag == CLIENT + "message" and s.find(EXECUTE + "result") is not None
                             and s.find(EXECUTE + "result").get("exec-id") == exec_id, seconds)
        self.assertIsNotNone(stanza, client.show())
        return stanza.find(EXECUTE + "result")

    def assert_refused(self, answer, condition, fault):
        self.assertEqual(answer.get("type"), "error", ET.tostring(answer))
        error = answer.find(CLIENT + "error")
        self.assertIsNotNone(error.find(STANZAS + condition), ET.tostring(answer))
        self.assertIsNotNone(error.find(ERRORS + fault), ET.tostring(answer))

    def tearDown(self):
        self._evidence = "\n".join([agent.tail() for agent in self.started] +
                                   [self.model_a.describe(), self.model_b.describe(), self.a.tail(), self.b.tail()])

    def run(self, result=None):
        outcome = super().run(result)
        for entries in ((result.failures, result.errors) if result is not None else ()):
            if entries and entries[-1][0] is self:
                entries[-1] = (entries[-1][0], entries[-1][1] + "\n" + getattr(self, "_evidence", ""))
        return outcome


class Executing(TwoDomains):
    """What a person's program of another domain may ask of agent.b.test."""

    def setUp(self):
        super().setUp()
        self.agent = self.agent_b().start()
        self.online(self.agent)
        self.ann = self.login(self.a, "ann@a.test/phone")

    def ask(self, payload, kind="set", client=None):
        return (client or self.ann).iq(kind, "agent.b.test", payload, seconds=30)

    def skills(self, client=None):
        answer = self.ask('<query xmlns="urn:fluux:agent:0#skills"/>', "get", client)
        return answer, {skill.get("id"): skill for skill in answer.iter(SKILLS + "skill")}

    def test_the_catalogue_names_what_the_asker_may_run(self):
        answer, skills = self.skills()
        self.assertEqual(set(skills), {"ask", "system_time", "memory_store", "memory_recall"})
        self.assertEqual(skills["memory_store"].get("destructive"), "true")
        self.assertEqual(json.loads(skills["ask"].findtext(SKILLS + "schema"))["required"], ["task"])
        version = answer.find(SKILLS + "query").get("ver")
        again = self.ask(f'<query xmlns="urn:fluux:agent:0#skills" ver="{version}"/>', "get")
        self.assertEqual(len(again.find(SKILLS + "query")), 0)
        eve = self.login(self.a, "eve@a.test/x")
        self.assert_refused(self.skills(eve)[0], "forbidden", "not-authorised")

    def test_disco_says_what_is_spoken(self):
        info = self.ask('<query xmlns="http://jabber.org/protocol/disco#info"/>', "get")
        features = {node.get("var") for node in info.iter("{http://jabber.org/protocol/disco#info}feature")}
        base = "urn:fluux:agent:0"
        self.assertLessEqual({base, *(base + part for part in ("#skills", "#execute", "#confirm", "#progress", "#delegate"))},
                             features)
        values = [node.text for node in info.iter("{jabber:x:data}value")]
        self.assertIn(base + "#info", values)

    def test_an_execute_as_drafted_gives_a_result(self):
        answer = self.ask(execute("system_time"))
        result = answer.find(EXECUTE + "result")
        self.assertEqual(result.get("status"), "completed", ET.tostring(answer))
        self.assertIn("UTC", result.findtext(EXECUTE + "output"))

    def test_a_turn_of_the_agent_can_be_asked_for_and_is_accounted(self):
        self.model_b.script('text "42" then usage in=900 out=7')
        answer = self.ask(execute("ask", params=[("task", "6*7?")]))
        result = answer.find(EXECUTE + "result")
        self.assertEqual(result.findtext(EXECUTE + "output"), "42", ET.tostring(answer))
        usage = result.find(EXECUTE + "usage")
        self.assertEqual((usage.get("input"), usage.get("output")), ("900", "7"))
        code, out, _ = self.agent.cli("audit", "verify")
        self.assertEqual(code, 0, out)

    def test_wrong_requests_get_the_errors_of_the_protocol(self):
        self.assert_refused(self.ask(execute("shell_exec")), "item-not-found", "unknown-skill")
        self.assert_refused(self.ask(execute("memory_recall", params=[("no", "1")])), "bad-request", "invalid-params")
        self.assert_refused(self.ask(execute("ask", params=[("task", "x" * 70_000)])), "not-acceptable", "payload-too-large")
        eve = self.login(self.a, "eve@a.test/x")
        self.assert_refused(self.ask(execute("system_time"), client=eve), "forbidden", "not-authorised")
        self.assertEqual(self.ask('<dance xmlns="urn:fluux:agent:0#execute"/>').get("type"), "error")
        for name in ("refused_unknown-skill", "refused_invalid-params", "refused_payload-too-large", "refused_not-authorised"):
            self.assertEqual(self.count(self.agent, name), 1, name)

    def test_the_same_exec_id_is_run_once_and_answered_alike_even_after_a_kill(self):
        self.model_b.script('text "first"')
        work = execute("ask", "e7", [("task", "go")])
        first = self.ask(work).find(EXECUTE + "result")
        again = self.ask(work).find(EXECUTE + "result")
        self.assertEqual(ET.tostring(first), ET.tostring(again))
        self.agent.kill9()
        self.agent.start()
        self.online(self.agent)
        after = self.ask(work).find(EXECUTE + "result")
        self.assertEqual(ET.tostring(first), ET.tostring(after))
        self.assertEqual(self.model_b.unused(), [])
        self.assertEqual(self.count(self.agent, "replayed"), 1)
        other = self.ask(execute("ask", "e7", [("task", "something else")]))
        self.assert_refused(other, "bad-request", "invalid-params")
        self.assertEqual(self.count(self.agent, "exec_ids_reused"), 1)

    def test_what_takes_long_is_accepted_shows_progress_and_ends_in_one_result(self):
        self.model_b.script('tool_call system_time {}', 'text "done"')
        answer = self.ask(execute("ask", "e8", [("task", "go")], 'reply="async"'))
        self.assertEqual(answer.find(EXECUTE + "result").get("status"), "accepted")
        result = self.result(self.ann, "e8")
        self.assertEqual((result.get("status"), result.findtext(EXECUTE + "output")), ("completed", "done"))
        notes = [s for _, s in self.ann.history if s.find(EXECUTE + "progress") is not None]
        self.assertEqual([n.find(EXECUTE + "progress").text for n in notes], ["uses system_time"])
        self.ann.ping("a.test")
        self.assertIsNone(self.ann.next(lambda s: s.find(EXECUTE + "result") is not None, 0))
        status = self.ask('<status xmlns="urn:fluux:agent:0#execute" exec-id="e8"/>', "get")
        self.assertEqual(status.find(EXECUTE + "result").get("status"), "completed")

    def test_a_kill_in_the_middle_loses_nothing_and_tells_one_result(self):
        self.model_b.script("holds then text \"never said\"")
        self.ask(execute("ask", "e9", [("task", "go")], 'reply="async"'))
        self.model_b.wait_until_holding()
        self.agent.kill9()
        self.model_b.reset()
        self.model_b.script('text "after all"')
        self.agent.start()
        result = self.result(self.ann, "e9", 60)
        self.assertEqual((result.get("status"), result.findtext(EXECUTE + "output")), ("completed", "after all"))

    def test_a_task_can_be_called_off(self):
        self.model_b.script("holds then text \"never said\"")
        self.ask(execute("ask", "e10", [("task", "go")], 'reply="async"'))
        self.model_b.wait_until_holding()
        self.assertEqual(self.ask('<cancel xmlns="urn:fluux:agent:0#execute" exec-id="e10"/>').get("type"), "result")
        self.assertEqual(self.result(self.ann, "e10").get("status"), "cancelled")

    def test_what_takes_too_long_ends_in_a_timeout(self):
        self.model_b.script("holds then text \"never said\"")
        answer = self.ask(execute("ask", "e11", [("task", "go")], 'timeout="1"'))
        self.assert_refused(answer, "remote-server-timeout", "timeout")

    def test_a_delegation_is_refused_when_it_lies_or_has_come_too_far(self):
        work = execute("system_time")
        self.assert_refused(self.ask(delegate(work, "agent.c.test")), "forbidden", "not-authorised")
        self.assert_refused(self.ask(delegate(work, "agent.b.test ann@a.test", 2)), "policy-violation", "delegation-loop")
        self.assert_refused(self.ask(delegate(work, "x.test y.test ann@a.test", 3)), "policy-violation", "delegation-depth")
        self.assert_refused(self.ask(delegate(work, "x.test y.test ann@a.test", 1)), "policy-violation", "delegation-depth")
        self.assertEqual(self.count(self.agent, "chains_forged"), 1)
        good = self.ask(delegate(work, "ann@a.test"))
        self.assertEqual(good.find(EXECUTE + "result").get("status"), "completed", ET.tostring(good))


class Confirming(TwoDomains):
    """What changes something waits for a person of the agent's own domain."""

    def setUp(self):
        super().setUp()
        self.agent = self.agent_b().start()
        self.online(self.agent)
        self.ann = self.login(self.a, "ann@a.test/phone")
        self.bob = self.login(self.b, "bob@b.test/desk")

    def store(self, exec_id):
        answer = self.ann.iq("set", "agent.b.test", execute("memory_store", exec_id, [("key", "k"), ("content", "v")]))
        self.assertEqual(answer.find(EXECUTE + "result").get("status"), "needs-confirmation", ET.tostring(answer))
        question = self.bob.next(lambda s: s.find(CONFIRM + "confirm") is not None, 20)
        self.assertIsNotNone(question, self.bob.show())
        self.assertIn("memory_store", question.findtext(CLIENT + "body"))
        confirm = question.find(CONFIRM + "confirm")
        self.assertEqual(confirm.find(CONFIRM + "action").get("type"), "memory_store")
        self.assertIsNotNone(confirm.find(CONFIRM + "expires"))
        return confirm.get("id")

    def decide(self, client, confirm_id, decision, to="agent.b.test"):
        client.send(f'<message to="{to}" type="chat" id="d-{confirm_id}"><body>{decision}</body>'
                    f'<confirmed xmlns="urn:fluux:agent:0#confirm" id="{confirm_id}" decision="{decision}"/></message>')

    def outcome(self):
        notice = self.bob.next(lambda s: s.find(CONFIRM + "confirm-result") is not None, 20)
        return notice.find(CONFIRM + "confirm-result").get("outcome")

    def test_yes_runs_it_and_nobody_elses_yes_does(self):
        confirm_id = self.store("c1")
        self.decide(self.ann, confirm_id, "approve")
        self.wait_count(self.agent, "confirmations_refused")
        self.decide(self.bob, confirm_id, "approve")
        self.assertEqual(self.result(self.ann, "c1").get("status"), "completed")
        self.assertEqual(self.outcome(), "executed")

    def test_no_means_no(self):
        confirm_id = self.store("c2")
        self.decide(self.bob, confirm_id, "deny")
        result = self.result(self.ann, "c2")
        self.assertEqual(result.get("status"), "failed")
        self.assertIsNotNone(result.find(ERRORS + "denied"))
        self.assertEqual(self.outcome(), "denied")

    def test_the_question_survives_a_kill(self):
        confirm_id = self.store("c3")
        self.agent.kill9()
        self.agent.start()
        self.online(self.agent)
        self.decide(self.bob, confirm_id, "approve")
        self.assertEqual(self.result(self.ann, "c3", 60).get("status"), "completed")


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
        self.start(legal=self.agent_b(peers={'"agent.a.test"': both}))
        self.model_a.script('tool_call delegate {"agent":"legal","task":"x"}', 'text "over"')
        self.model_b.script('tool_call delegate {"agent":"agent.a.test","task":"x"}', 'text "cannot"')
        self.talk()
        self.assertEqual(self.reply(), "over")
        self.assertIn("that would be a loop", "\n".join(self.model_b.requests[-1].strings()))
        self.assertEqual(self.count(self.legal, "loops_avoided"), 1)

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
        self.say(self.eve, exec_id, "forged")
        self.wait_count(self.front, "results_forged")
        self.say(self.bad, exec_id, "first")
        self.say(self.bad, exec_id, "second")
        self.assertEqual(self.reply(), "so be it")
        told = "\n".join(self.model_a.requests[-1].strings())
        self.assertIn("first", told)
        self.assertNotIn("second", told)
        self.assertNotIn("forged", told)
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
        self.say(self.bad, exec_id, "x" * 300_000)
        self.assertEqual(self.reply(), "so be it")
        self.assertIn("bytes of output", "\n".join(self.model_a.requests[-1].strings()))
        self.assertEqual(self.count(self.front, "results_unreadable"), 1)


if __name__ == "__main__":
    unittest.main()
