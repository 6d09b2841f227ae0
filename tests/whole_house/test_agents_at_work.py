"""Several agents in one skep at work: asking each other over the fabric, within their limits, through kills."""
import json
import os
import threading
import unittest

from support.model_server import Step
from whole_house.agents import Agents, asked_by, calls, manifest, says, sends
from whole_house.base import procs


class Asking(Agents):
    def asking(self, *names, tools=("agent_send", "agent_list", "agent_find", "agent_kill")):
        house = self.house()
        for name in names:
            self.spawn(house, manifest(name, list(tools), description=f"does {name} things", tags=[f"tag-{name}"]))
        return house

    def test_one_agent_asks_another(self):
        house = self.asking("a", "b")
        self.model.script(sends("a", "b", "/forget what is 2+2?"), says("b", "4"), says("a", "b says 4"))
        self.ask(house, "a", "ask b", "b says 4")
        self.assertEqual(self.model.requests[-1].tool_results, ["4"])
        self.assertIn("/forget what is 2+2?", self.model.requests[1].last_user, "another agent's words are no command")

    def test_the_main_agent_asks_too_once_there_is_another(self):
        house = self.house()
        self.model.script('text "alone"')
        self.cli_ok(house, "chat", "-m", "hello")
        self.assertNotIn("agent_send", self.model.requests[-1].tool_names())
        self.spawn(house, manifest("b"))
        self.model.script('tool_call agent_send {"agent":"b","message":"hi"}', says("b", "hi yourself"), 'text "done"')
        self.assertEqual(self.cli_ok(house, "chat", "-m", "hello").strip(), "done")
        self.assertEqual(self.model.requests[-1].tool_results[-1], "hi yourself")

    def test_agents_are_listed_and_found(self):
        house = self.asking("a", "b", "c")
        self.model.script(calls("a", ("agent_list", {}), ("agent_find", {"query": "TAG-c"})), says("a", "seen"))
        self.ask(house, "a", "who is there?", "seen")
        listed, found = self.model.requests[-1].tool_results
        self.assertIn("- b (running, full): does b things", listed)
        self.assertNotIn("- a ", listed)
        self.assertEqual(found.strip(), "- c (running, full): does c things")

    def test_five_deep_and_no_deeper(self):
        names = [f"d{number}" for number in range(1, 8)]
        house = self.asking(*names)
        for name, to in zip(names[:6], names[1:]):
            self.model.script(sends(name, to, "pass it on"))
        self.model.script(*[says(name, f"{name} done") for name in reversed(names[:6])])
        self.ask(house, "d1", "go", "d1 done")
        refused = [text for request in self.model.requests for text in request.tool_results if "5 deep" in text]
        self.assertEqual(len(refused), 1, self.model.describe(20))
        self.assertFalse(any(asked_by("d7")(request) for request in self.model.requests))

    def test_a_circle_ends(self):
        house = self.asking("a", "b")
        self.model.script(sends("a", "b", "ask a"), sends("b", "a", "ask b"), sends("a", "b", "enough"),
                          says("b", "b inner"), says("a", "a inner"), says("b", "b outer"), says("a", "a outer"))
        self.ask(house, "a", "go", "a outer")

    def test_as_many_circles_at_once_as_there_are_turns_do_not_wait_for_each_other(self):
        house = self.house(agent__turns_max=2)
        for name in ("a", "b"):
            self.spawn(house, manifest(name, ["agent_send"]))
        def rule(request):
            depth = request.body["system"] if isinstance(request.body.get("system"), str) else json.dumps(request.body.get("system"))
            me = "a" if "You are the agent a." in depth else "b"
            if request.tool_results or "inner" in request.last_user:
                return Step(text="end")
            text = "inner" if "middle" in request.last_user else "middle"
            return Step(calls=[("agent_send", {"agent": "b" if me == "a" else "a", "message": text})])
        self.model.rule = rule
        results = []
        def one(number):
            results.append(house.cli("chat", "--agent", "a", "--as", f"p{number}", "-m", "go", seconds=90)[:2])
        threads = [threading.Thread(target=one, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        self.assertEqual(results, [(0, "end\n")] * 4)

    def test_nobody_asks_whom_it_may_not_ask_or_who_is_not_there(self):
        house = self.house()
        self.spawn(house, manifest("a", ["agent_send"], **{"cap.agent_message": ["b*"]}))
        self.spawn(house, manifest("bob"))
        self.spawn(house, manifest("carl"))
        self.cli_ok(house, "agent", "pause", "bob")
        self.model.script(calls("a", ("agent_send", {"agent": "carl", "message": "x"}), ("agent_send", {"agent": "bobb", "message": "x"}),
                                ("agent_send", {"agent": "bob", "message": "x"}), ("agent_send", {"agent": "a", "message": "x"})),
                          says("a", "alone"))
        self.ask(house, "a", "go", "alone")
        carl, bobb, bob, own = self.model.requests[-1].tool_results
        self.assertIn("agent_message", carl)
        self.assertIn('did you mean "bob"?', bobb)
        self.assertIn("suspended", bob)
        self.assertIn('no capability for agent_message of "a"', own)

    def test_an_agent_that_is_ended_while_it_is_asked_is_an_error_for_who_asks(self):
        house = self.asking("a", "b")
        self.model.script(sends("a", "b", "think"), says("b", "never", hold_first=True), says("a", "b is gone"))
        got = []
        thread = threading.Thread(target=lambda: got.append(self.chat(house, "a", "go")))
        thread.start()
        self.model.wait_until_holding()
        self.cli_ok(house, "agent", "kill", "b", "--yes")
        thread.join(60)
        self.assertEqual(got[0][:2], (0, "b is gone"))
        self.assertIn("ended before it could answer", self.model.requests[-1].tool_results[-1])

    def test_cancel_reaches_the_agent_that_is_asked(self):
        house = self.asking("a", "b")
        self.model.script(sends("a", "b", "think"), says("b", "never", hold_first=True))
        got = []
        thread = threading.Thread(target=lambda: got.append(self.chat(house, "a", "go")))
        thread.start()
        self.model.wait_until_holding()
        self.assertEqual(self.chat(house, "a", "/cancel")[0], 0)
        thread.join(60)
        procs.wait_until(lambda: self.model.holding == 0, "b's request is cancelled")
        self.assertIn("ancel", got[0][1])

    def test_an_agent_ends_its_own_children_only(self):
        house = self.house()
        self.spawn(house, manifest("boss", ["agent_spawn", "agent_kill", "system_time"], **{"cap.agent_kill": []}))
        self.spawn(house, manifest("other"))
        self.model.script(calls("boss", ("agent_spawn", {"manifest_toml": manifest("temp", ["system_time"])})),
                          calls("boss", ("agent_kill", {"agent": "other"}), ("agent_kill", {"agent": "temp"}), ("agent_kill", {"agent": "boss"})),
                          says("boss", "done"))
        self.ask(house, "boss", "go", "done")
        other, temp, own = self.model.requests[-1].tool_results[-3:]
        self.assertIn("agent_kill", other)
        self.assertEqual(temp, "temp is ended.")
        self.assertIn('no capability for agent_kill of "boss"', own)
        self.assertEqual(self.names(house), ["Helper", "boss", "other"])


class Budget(Agents):
    def test_an_agents_own_limit_holds(self):
        house = self.house()
        self.spawn(house, manifest("thrifty").replace("[capabilities]", "[resources]\nmax_llm_tokens_per_day = 5000\n[capabilities]"))
        self.spawn(house, manifest("free"))
        self.model.script(says("thrifty", "one", usage={"in": 4000, "out": 900}),
                          says("free", "fine"))
        self.ask(house, "thrifty", "first", "one")
        _, out, _ = self.chat(house, "thrifty", "second")
        self.assertIn("tokens", out)
        self.ask(house, "free", "first", "fine")
        self.assertEqual(len(self.model.requests), 2)

    def test_only_so_many_tool_calls_a_minute(self):
        house = self.house()
        self.spawn(house, manifest("busy", ["memory_*"]).replace("[capabilities]", "[resources]\nmax_tool_calls_per_minute = 2\n[capabilities]"))
        self.model.script(calls("busy", *[("memory_store", {"key": key, "content": key}) for key in "abc"]), says("busy", "done"))
        self.ask(house, "busy", "go", "done")
        results = self.model.requests[-1].tool_results
        self.assertEqual(["Stored" in text for text in results], [True, True, False])
        self.assertIn("2 calls a minute", results[2])


class Killed(Agents):
    """kill -9 in the middle of things."""

    def test_an_agents_turn_goes_on_after_kill_9(self):
        house = self.house()
        self.spawn(house, manifest("worker", ["memory_*"]))
        self.model.script(calls("worker", ("memory_store", {"key": "once", "content": "x"})),
                          says("worker", "never", hold_first=True), says("worker", "finished"))
        thread = threading.Thread(target=lambda: self.chat(house, "worker", "work"))
        thread.start()
        self.model.wait_until_holding()
        house.kill9()
        thread.join(60)
        house.start()
        procs.wait_until(lambda: "finished" in self.transcript(house, "worker"), "the turn is finished")
        self.assertEqual(house.log_text().count("run memory_store"), 1)

    def transcript(self, house, name):
        text = ""
        for folder, _, files in os.walk(os.path.join(house.home, "agents", name, "memory")):
            for file in files:
                with open(os.path.join(folder, file), encoding="utf-8", errors="replace") as source:
                    text += source.read()
        return text

    def test_a_question_to_another_agent_is_not_asked_twice(self):
        house = self.house()
        for name in ("a", "b"):
            self.spawn(house, manifest(name, ["agent_send"]))
        self.model.script(sends("a", "b", "think"), says("b", "never", hold_first=True))
        thread = threading.Thread(target=lambda: self.chat(house, "a", "go"))
        thread.start()
        self.model.wait_until_holding()
        house.kill9()
        thread.join(60)
        self.model.script(says("b", "b's answer"), says("a", "not known"))
        house.start()
        procs.wait_until(lambda: "not known" in self.transcript(house, "a"), "a's turn is finished")
        procs.wait_until(lambda: "b's answer" in self.transcript(house, "b"), "b's turn is finished")
        self.assertEqual(house.log_text().count("run agent_send"), 1)
        self.assertEqual(self.model.problems, [])
        results = [text for request in self.model.requests for text in request.tool_results]
        self.assertTrue(any("may" in text for text in results), results)

    def test_spawns_and_kills_are_done_or_not_done(self):
        house = self.house()
        kept, ended = set(), set()
        for round_number in range(4):
            stop = threading.Event()
            pending = {}

            def work(round_number=round_number, stop=stop, pending=pending):
                number = 0
                while not stop.is_set():
                    name = f"r{round_number}n{number}"
                    try:
                        pending["what"] = name
                        if self.request(house, "POST", "/api/agents", {"manifest": manifest(name)})[0] == 201:
                            kept.add(name)
                        if number % 2:
                            pending["what"] = name
                            kept.discard(name)
                            if self.request(house, "POST", f"/api/agents/{name}/kill", {})[0] == 200:
                                ended.add(name)
                        pending["what"] = None
                    except OSError:
                        return
                    number += 1

            thread = threading.Thread(target=work)
            thread.start()
            before = len(kept)
            procs.wait_until(lambda before=before: len(kept) > before + 1 + round_number, "some are spawned", 60)
            house.kill9()
            stop.set()
            thread.join(60)
            house.start()
            there = set(self.names(house)) - {"Helper"}
            unsure = {pending.get("what")} - {None}
            self.assertEqual(there - unsure, kept - unsure, "what was answered holds")
            self.assertFalse(there & (ended - unsure))
            for name in there:
                self.assertEqual(self.entry(house, name)["state"], "running", name)
                self.assertTrue(os.path.exists(os.path.join(house.home, "agents", name, "agent.toml")))
            kept |= there
            kept &= there
        folders = {name for name in os.listdir(os.path.join(house.home, "agents")) if not name.startswith(".")}
        self.assertEqual(folders, kept)


if __name__ == "__main__":
    unittest.main()
