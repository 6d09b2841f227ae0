"""An agent is asked by people and programs of another domain, and every rule of the agent protocol holds."""
import json
import os
import re
import unittest
import xml.etree.ElementTree as ET

from support.xmpp_wire import CLIENT
from whole_house.two_domains import CONFIRM, ERRORS, EXECUTE, SKILLS, STANZAS, TwoDomains, delegate, execute

PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "protocol", "agent-protocol.md")
COMMANDS = "{http://jabber.org/protocol/commands}"


class Executing(TwoDomains):
    """What a person's program of another domain may ask of agent.b.test."""

    def setUp(self):
        super().setUp()
        self.agent = self.agent_b(languages=["en", "de"], contact=["mailto:ops@b.test"]).start()
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
        said = {field.get("var"): [value.text for value in field] for field in info.iter("{jabber:x:data}field")}
        self.assertEqual(said.pop("FORM_TYPE"), [base + "#info"])
        with open(PAGE, encoding="utf-8") as page:
            listed = re.search(r"^\| Field \| Values \|\n.*?\n\n", page.read(), re.MULTILINE | re.DOTALL).group()
        self.assertEqual(set(said), set(re.findall(r"^\| `(\w+)`", listed, re.MULTILINE)))
        self.assertEqual((said["languages"], said["contact"], said["omemo"], said["auth"]),
                         (["en", "de"], ["mailto:ops@b.test"], ["false"], ["allowlist"]))

    def test_an_execute_as_drafted_gives_a_result(self):
        answer = self.ask(execute("system_time"))
        result = answer.find(EXECUTE + "result")
        self.assertEqual(result.get("status"), "completed", ET.tostring(answer))
        self.assertEqual(result.find(EXECUTE + "output").get("type"), "application/json")
        self.assertIn("UTC", result.findtext(EXECUTE + "output"))

    def test_a_turn_of_the_agent_can_be_asked_for_and_is_accounted(self):
        self.model_b.script('text "42" then usage in=900 out=7')
        answer = self.ask(execute("ask", params=[("task", "6*7?")]))
        result = answer.find(EXECUTE + "result")
        self.assertEqual(result.findtext(EXECUTE + "output"), "42", ET.tostring(answer))
        usage = result.find(EXECUTE + "usage")
        self.assertEqual((usage.get("input"), usage.get("output"), usage.get("usd")), ("900", "7", "0.000921"))
        code, out, _ = self.agent.cli("audit", "verify")
        self.assertEqual(code, 0, out)

    def test_a_message_without_an_id_is_a_bad_request(self):
        self.ann.send(f'<message to="agent.b.test" type="normal">{execute("system_time")}</message>')
        answer = self.ann.next(lambda s: s.tag == CLIENT + "message" and s.get("type") == "error", 20)
        self.assertIsNotNone(answer, self.ann.show())
        self.assertIsNotNone(answer.find(CLIENT + "error").find(STANZAS + "bad-request"), ET.tostring(answer))
        self.assertEqual(self.count(self.agent, "accepted"), 0)

    def test_a_budget_in_dollars_ends_the_task_before_the_next_call(self):
        self.model_b.script('tool_call system_time {} then usage in=900 out=7', 'text "never asked for"')
        work = execute("ask", "e20", [("task", "go")]).replace("</execute>", '<budget usd="0.0009"/></execute>')
        answer = self.ask(work)
        self.assert_refused(answer, "resource-constraint", "quota-exceeded")
        self.assertEqual(len(self.model_b.unused()), 1)
        self.model_b.reset()
        self.model_b.script('tool_call system_time {} then usage in=900 out=7', 'text "done"')
        enough = execute("ask", "e21", [("task", "go")]).replace("</execute>", '<budget usd="0.01" tokens="5000"/></execute>')
        self.assertEqual(self.ask(enough).find(EXECUTE + "result").findtext(EXECUTE + "output"), "done")
        for none in ('usd="0"', 'usd="much"', 'tokens="0"'):
            bad = execute("ask", "e22", [("task", "go")]).replace("</execute>", f"<budget {none}/></execute>")
            self.assert_refused(self.ask(bad), "bad-request", "invalid-params")

    def test_without_an_upload_service_a_large_answer_is_cut_and_says_so(self):
        self.model_b.script('text "0123456789" times 20000')
        answer = self.ask(execute("ask", "e23", [("task", "go")]))
        output = answer.find(EXECUTE + "result").find(EXECUTE + "output")
        self.assertEqual(output.get("size"), "200000")
        self.assertIn("of 200000 bytes; there is no upload service here]", output.text)
        self.assertTrue(output.text.startswith("0123456789" * 1000))
        self.assertEqual(self.count(self.agent, "outputs_cut"), 1)

    def test_what_was_called_off_stays_so_over_a_kill(self):
        self.model_b.script("holds then text \"never said\"")
        self.ask(execute("ask", "e24", [("task", "go")], 'reply="async"'))
        self.model_b.wait_until_holding()
        # Its answer is proof that the next process knows of it, whether this one gets on with it or not.
        self.assertEqual(self.ask('<cancel xmlns="urn:fluux:agent:0#execute" exec-id="e24"/>').get("type"), "result")
        self.agent.kill9()
        self.model_b.reset()
        self.model_b.script('always text "never said"')
        self.agent.start()
        self.online(self.agent)
        self.assertEqual(self.result(self.ann, "e24", 60).get("status"), "cancelled")

    # -- the same from an ordinary client (XEP-0050) -------------------------------------------------------------------------
    def command(self, skill, inside="", attributes=""):
        return self.ann.iq("set", "agent.b.test", f'<command xmlns="http://jabber.org/protocol/commands" '
                           f'node="urn:fluux:agent:0#skill/{skill}" {attributes}>{inside}</command>')

    @staticmethod
    def form(**values):
        fields = "".join(f'<field var="{name}"><value>{value}</value></field>' for name, value in values.items())
        return f'<x xmlns="jabber:x:data" type="submit">{fields}</x>'

    def test_skills_are_commands_with_forms(self):
        items = self.ann.iq("get", "agent.b.test", '<query xmlns="http://jabber.org/protocol/disco#items" '
                            'node="http://jabber.org/protocol/commands"/>')
        nodes = [item.get("node") for item in items.iter("{http://jabber.org/protocol/disco#items}item")]
        self.assertIn("urn:fluux:agent:0#skill/ask", nodes)
        answer = self.command("ask").find(COMMANDS + "command")
        self.assertEqual(answer.get("status"), "executing")
        fields = [one.get("var") for one in answer.iter("{jabber:x:data}field")]
        self.assertEqual(fields, ["task"])
        session = f'sessionid="{answer.get("sessionid")}" action="complete"'
        self.model_b.script('text "by form"')
        for _ in range(2):   # sent twice, run once
            answer = self.command("ask", self.form(task="say something"), session).find(COMMANDS + "command")
            self.assertEqual((answer.get("status"), answer.findtext(COMMANDS + "note")), ("completed", "by form"))
        self.assertEqual(len(self.model_b.requests), 1)
        self.assertEqual(self.count(self.agent, "replayed"), 1)

    def test_commands_that_are_none_or_not_for_them_are_refused(self):
        eve = self.login(self.a, "eve@a.test/x")
        for client, skill in ((self.ann, "file_write"), (self.ann, "nothing"), (eve, "ask")):
            answer = client.iq("set", "agent.b.test", '<command xmlns="http://jabber.org/protocol/commands" '
                               f'node="urn:fluux:agent:0#skill/{skill}"/>')
            self.assertEqual(answer.get("type"), "error", ET.tostring(answer))
        blank = self.command("ask", self.form(task=" "), 'sessionid="s1" action="complete"')
        self.assert_refused(blank, "bad-request", "invalid-params")
        more = "".join(f'<value>{"x" * 60_000}</value>' for _ in range(2))
        for fields in (f'<field var="task">{more}</field>', f'<field var="{"n" * 200}"><value>1</value></field>'):
            answer = self.command("ask", f'<x xmlns="jabber:x:data" type="submit">{fields}</x>', 'sessionid="s2" action="complete"')
            self.assertEqual(answer.find(CLIENT + "error").get("type"), "modify", ET.tostring(answer))
        two = f'<field var="task"><value>{"x" * 40_000}</value></field><field var="n"><value>{"x" * 40_000}</value></field>'
        large = self.command("ask", f'<x xmlns="jabber:x:data" type="submit">{two}</x>', 'sessionid="s3" action="complete"')
        self.assert_refused(large, "not-acceptable", "payload-too-large")
        self.assertEqual(self.count(self.agent, "refused_payload-too-large"), 1)

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

    high_risk = ()

    def setUp(self):
        super().setUp()
        self.agent = self.agent_b(high_risk=list(self.high_risk)).start()
        self.online(self.agent)
        self.ann = self.login(self.a, "ann@a.test/phone")
        self.bob = self.login(self.b, "bob@b.test/desk")

    def react(self, client, confirm_id, emoji):
        client.send(f'<message to="agent.b.test" type="chat" id="r-{confirm_id}"><reactions xmlns="urn:xmpp:reactions:0" '
                    f'id="confirm-{confirm_id}"><reaction>{emoji}</reaction></reactions></message>')

    def store(self, exec_id):
        answer = self.ann.iq("set", "agent.b.test", execute("memory_store", exec_id, [("key", "k"), ("content", "v")]))
        self.assertEqual(answer.find(EXECUTE + "result").get("status"), "needs-confirmation", ET.tostring(answer))
        question = self.bob.next(lambda s: s.find(CONFIRM + "confirm") is not None, 20)
        self.assertIsNotNone(question, self.bob.show())
        self.assertIn("memory_store", question.findtext(CLIENT + "body"))
        confirm = question.find(CONFIRM + "confirm")
        self.assertEqual(confirm.find(CONFIRM + "action").get("type"), "memory_store")
        self.assertIsNotNone(confirm.find(CONFIRM + "expires"))
        self.assertEqual(confirm.find(CONFIRM + "risk").get("level"), "high" if self.high_risk else "medium")
        self.buttons = [one.get("value") for one in question.iter("{urn:xmpp:tmp:quick-response}response")]
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

    def test_yes_in_words_is_enough(self):
        self.store("c0")
        self.bob.message("helper@agent.b.test", "yes")
        self.assertEqual(self.result(self.ann, "c0").get("status"), "completed")

    def test_a_thumb_is_enough_if_it_is_the_owners(self):
        confirm_id = self.store("c4")
        self.react(self.ann, confirm_id, "👍")
        self.wait_count(self.agent, "confirmations_refused")
        self.react(self.bob, confirm_id, "👍")
        self.assertEqual(self.result(self.ann, "c4").get("status"), "completed")
        self.assertEqual(self.outcome(), "executed")

    def test_a_button_says_what_one_would_type(self):
        confirm_id = self.store("c5")
        self.assertEqual(self.buttons, [f"/confirm {confirm_id}", f"/deny {confirm_id}"])
        self.bob.message("helper@agent.b.test", self.buttons[0])
        self.assertEqual(self.result(self.ann, "c5").get("status"), "completed")

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


class HighRisk(Confirming):
    """What is named as a high risk is not done for a thumb."""
    high_risk = ("memory_store",)
    test_a_thumb_is_enough_if_it_is_the_owners = test_a_button_says_what_one_would_type = None

    def test_it_wants_words(self):
        confirm_id = self.store("h1")
        self.assertEqual(self.buttons, [])
        self.react(self.bob, confirm_id, "👍")
        self.wait_count(self.agent, "confirmations_untyped")
        self.bob.send(f'<message to="agent.b.test" type="chat" id="bare"><confirmed xmlns="urn:fluux:agent:0#confirm" '
                      f'id="{confirm_id}" decision="approve"/></message>')
        self.wait_count(self.agent, "confirmations_untyped", 2)
        self.bob.message("helper@agent.b.test", "yes")
        self.assertEqual(self.result(self.ann, "h1").get("status"), "completed")


if __name__ == "__main__":
    unittest.main()
