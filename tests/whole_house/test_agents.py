"""Several agents in one skep: as files and rows that survive restarts and kills, asking each other over the fabric."""
import json
import os
import threading
import time
import unittest
import urllib.error
import urllib.request

from support.model_server import Step
from whole_house.base import WholeHouse, procs, skep


def manifest(name, tools=None, prompt="", **rest):
    """A manifest with a system prompt by which the scripted model knows who asks."""
    lines = [f'name = "{name}"']
    lines += [f"{key} = {json.dumps(value)}" for key, value in rest.items() if "." not in key]
    lines += ["[model]", f'system_prompt = {json.dumps(prompt or f"You are the agent {name}.")}']
    lines += ["[capabilities]"]
    if tools is not None:
        lines.append(f"tools = {json.dumps(tools)}")
    lines += [f"{key.split('.')[1]} = {json.dumps(value)}" for key, value in rest.items() if "." in key]
    return "\n".join(lines) + "\n"


def asked_by(name):
    return lambda request: request.contains(f"You are the agent {name}.")


def says(name, text, **rest):
    return Step(text=text, predicate=asked_by(name), label=f"{name} says {text}", **rest)


def calls(name, *tool_calls, **rest):
    return Step(calls=list(tool_calls), predicate=asked_by(name), label=f"{name} calls {tool_calls}", **rest)


def sends(name, to, message):
    return calls(name, ("agent_send", {"agent": to, "message": message}))


class Agents(WholeHouse):
    needs_server = False

    def house(self, **overrides):
        return self.make_agent(**overrides).start()

    def request(self, house, method, path, body=None, seconds=30):
        """(status, JSON) of a request to the daemon."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(house.url + path, data=data, method=method)
        request.add_header("Authorization", "Bearer " + house.daemon()["token"])
        try:
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            with opener.open(request, timeout=seconds) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as problem:
            return problem.code, json.loads(problem.read())

    def spawn(self, house, text, mode=""):
        status, body = self.request(house, "POST", "/api/agents", {"manifest": text, "mode": mode})
        self.assertEqual(status, 201, body)
        return body

    def entry(self, house, name):
        status, body = self.request(house, "GET", f"/api/agents/{name}")
        return body if status == 200 else None

    def names(self, house):
        return [entry["name"] for entry in self.request(house, "GET", "/api/agents")[1]["agents"]]

    def chat(self, house, name, text, seconds=60):
        code, out, err = house.cli("chat", "--agent", name, "-m", text, seconds=seconds)
        return code, out.strip(), err

    def ask(self, house, name, text, expected):
        code, out, err = self.chat(house, name, text)
        self.assertEqual((code, out), (0, expected), err + self.model.describe())

    def cli_ok(self, house, *arguments, **rest):
        code, out, err = house.cli(*arguments, **rest)
        self.assertEqual(code, 0, f"skep {' '.join(arguments)} ended with {code}\nstdout: {out}\nstderr: {err}")
        return out


class Lifecycle(Agents):
    def test_a_manifest_with_a_name_is_an_agent_that_survives_a_restart(self):
        house = self.house()
        made = self.spawn(house, manifest("solo"))
        self.assertEqual((made["state"], made["mode"], made["node"]), ("running", "full", "AI.solo@local"))
        self.model.script(says("solo", "I am solo."))
        self.ask(house, "solo", "who are you?", "I am solo.")
        self.assertEqual(self.model.requests[-1].tool_names(), ["file_list", "file_read", "result_read", "system_time"])
        house.sigterm()
        house.start()
        after = self.entry(house, "solo")
        self.assertEqual((after["id"], after["state"]), (made["id"], "running"))
        self.model.script(says("solo", "Still."))
        self.ask(house, "solo", "and now?", "Still.")
        self.assertTrue(self.model.requests[-1].contains("who are you?"), "its session is gone\n" + self.model.describe())
        self.assertEqual(self.names(house), ["Helper", "solo"])

    def test_agents_keep_apart_what_they_know(self):
        house = self.house()
        for name in ("one", "two"):
            self.spawn(house, manifest(name, ["memory_*"]))
        self.model.script(calls("one", ("memory_store", {"key": "colour", "content": "blue"})), says("one", "kept"),
                          calls("two", ("memory_recall", {"query": ""})), says("two", "nothing"))
        self.ask(house, "one", "my colour is blue", "kept")
        self.ask(house, "two", "my colour?", "nothing")
        self.assertEqual(self.model.requests[-1].tool_results, ["There are no notes."])
        self.assertTrue(os.path.isdir(os.path.join(house.home, "agents", "one", "memory")))
        self.assertFalse(os.path.exists(os.path.join(house.home, "workspaces", "one")), "nobody may use it")

    def test_a_bad_manifest_is_refused_with_every_problem_and_its_line(self):
        house = self.house()
        status, body = self.request(house, "POST", "/api/agents", {
            "manifest": 'name = "bad"\nprofil = "coding"\n[capabilities]\ntools = "file_read"\n[routing]\nx = 1\n'})
        self.assertEqual(status, 400)
        for part in ('agent.toml:2', 'did you mean "profile"?', "agent.toml:4", "expected an array", "routing"):
            self.assertIn(part, body["error"]["message"])
        self.assertEqual(self.names(house), ["Helper"])
        self.assertFalse(os.path.exists(os.path.join(house.home, "agents", "bad")))

    def test_a_name_that_is_taken_leaves_nothing_behind(self):
        house = self.house()
        first = self.spawn(house, manifest("taken", ["file_read"]))
        for name in ("taken", "TAKEN", "helper", "Helper"):
            status, body = self.request(house, "POST", "/api/agents", {"manifest": manifest(name, ["file_write"])})
            self.assertEqual((status, body["error"]["code"]), (409, "exists"), name)
        self.assertEqual(self.entry(house, "taken")["id"], first["id"])
        self.assertIn("file_read", self.entry(house, "taken")["manifest"])
        self.assertEqual(sorted(os.listdir(os.path.join(house.home, "agents"))), ["taken"])

    def test_the_mode_survives_a_restart_and_observers_have_no_tools(self):
        house = self.house()
        self.spawn(house, manifest("watcher", ["file_*", "memory_*"]), mode="observe")
        house.sigterm()
        house.start()
        self.assertEqual(self.entry(house, "watcher")["mode"], "observe")
        self.model.script(says("watcher", "I look."))
        self.ask(house, "watcher", "hello", "I look.")
        self.assertEqual(self.model.requests[-1].tool_names(), [])
        self.cli_ok(house, "agent", "mode", "watcher", "assist")
        self.model.script(says("watcher", "I read."))
        self.ask(house, "watcher", "hello", "I read.")
        self.assertEqual(self.model.requests[-1].tool_names(), ["file_list", "file_read", "memory_recall", "memory_search", "result_read"])

    def test_a_suspended_agent_refuses_and_asks_no_model(self):
        house = self.house()
        self.spawn(house, manifest("sleeper"))
        self.cli_ok(house, "agent", "pause", "sleeper")
        for _ in range(2):   # as it is, and after a restart
            code, out, err = self.chat(house, "sleeper", "hello")
            self.assertEqual((code, out), (69, ""), err)
            self.assertIn("agent sleeper is suspended", err)
            self.assertEqual(self.model.requests, [])
            house.sigterm()
            house.start()
            self.assertEqual(self.entry(house, "sleeper")["state"], "suspended")
        self.cli_ok(house, "agent", "resume", "sleeper")
        self.model.script(says("sleeper", "Awake."))
        self.ask(house, "sleeper", "hello", "Awake.")

    def test_a_paused_turn_goes_on_when_it_is_resumed(self):
        house = self.house()
        self.spawn(house, manifest("slow"))
        self.model.script(says("slow", "never seen", hold_first=True), says("slow", "Done after all."))
        got = []
        thread = threading.Thread(target=lambda: got.append(self.chat(house, "slow", "work")))
        thread.start()
        self.model.wait_until_holding()
        self.cli_ok(house, "agent", "pause", "slow")
        procs.wait_until(lambda: self.model.holding == 0, "the request is cancelled")
        self.cli_ok(house, "agent", "resume", "slow")
        thread.join(60)
        self.assertEqual(got[0][:2], (0, "Done after all."))

    def test_killing_an_agent_ends_its_turn_and_all_traces_on_the_fabric(self):
        house = self.house()
        made = self.spawn(house, manifest("doomed", ["file_write"]))
        self.model.script(says("doomed", "never", hold_first=True))
        got = []
        thread = threading.Thread(target=lambda: got.append(self.chat(house, "doomed", "work")))
        thread.start()
        self.model.wait_until_holding()
        self.cli_ok(house, "agent", "kill", "doomed", "--yes")
        thread.join(60)
        procs.wait_until(lambda: self.model.holding == 0, "the model is left alone")
        self.assertEqual(got[0][:2], (0, "This agent was ended before it could answer."))
        self.assertIsNone(self.entry(house, "doomed"))
        routes = json.loads(house.http_get("/api/status")[1])["routes"]
        self.assertNotIn("AI.doomed@local", [route["name"] for route in routes])
        killed = os.path.join(house.home, "agents", ".killed", "doomed-" + made["id"][:8])
        self.assertTrue(os.path.exists(os.path.join(killed, "agent.toml")))
        again = self.spawn(house, manifest("doomed"))
        self.assertNotEqual(again["id"], made["id"])
        house.sigterm()
        house.start()
        self.assertEqual(self.names(house), ["Helper", "doomed"])
        self.assertEqual(self.entry(house, "doomed")["id"], again["id"])

    def test_folders_become_agents_and_broken_ones_say_why(self):
        house = self.make_agent()
        for name, text in (("good", manifest("good")), ("odd", 'name = "even"\n'), ("bad", "name = ["),
                           ("keyless", manifest("keyless").replace("[model]", '[model]\nprovider = "groq"'))):
            os.makedirs(os.path.join(house.home, "agents", name))
            with open(os.path.join(house.home, "agents", name, "agent.toml"), "w", encoding="utf-8") as file:
                file.write(text)
        house.start()
        states = {entry["name"]: entry for entry in self.request(house, "GET", "/api/agents")[1]["agents"]}
        self.assertEqual({name: entry["state"] for name, entry in states.items()},
                         {"Helper": "running", "good": "running", "odd": "crashed", "bad": "crashed", "keyless": "crashed"})
        self.assertIn("even", states["odd"]["why"])
        self.assertIn("agents/bad/agent.toml:1", states["bad"]["why"])
        self.assertIn("GROQ_API_KEY", states["keyless"]["why"])
        code, _, err = self.chat(house, "bad", "hello")
        self.assertEqual(code, 69)
        self.assertIn("cannot start", err)
        with open(os.path.join(house.home, "agents", "bad", "agent.toml"), "w", encoding="utf-8") as file:
            file.write(manifest("bad"))
        self.cli_ok(house, "agent", "resume", "bad")
        self.model.script(says("bad", "Mended."))
        self.ask(house, "bad", "hello", "Mended.")

    def test_idle_agents_are_dropped_and_come_back(self):
        house = self.house(agents__idle_secs=1)
        self.spawn(house, manifest("napper"))
        self.model.script(says("napper", "One."), says("napper", "Two."))
        self.ask(house, "napper", "one", "One.")
        procs.wait_until(lambda: json.loads(house.http_get("/api/status")[1])["agents"]["open"] == 0, "it is dropped")
        self.ask(house, "napper", "two", "Two.")
        self.assertTrue(self.model.requests[-1].contains("One."))


class Family(Agents):
    PARENT = ["file_read", "agent_spawn", "agent_send", "memory_*"]

    def family(self):
        house = self.house()
        self.spawn(house, manifest("parent", self.PARENT, **{"cap.memory_write": ["self.*"]}))
        return house

    def try_child(self, house, text):
        """The result of agent_spawn, as the parent's model reads it."""
        self.model.script(calls("parent", ("agent_spawn", {"manifest_toml": text})), says("parent", "tried"))
        self.ask(house, "parent", "go", "tried")
        return self.model.requests[-1].tool_results[-1]

    def test_a_child_gets_nothing_that_its_parent_lacks(self):
        house = self.family()
        for text, named in ((manifest("kid", ["shell_exec"]), "shell_exec"),
                            (manifest("kid", ["file_read"], profile="full", exec_policy="full"), None),
                            (manifest("kid", ["*"]), "tool_invoke"),
                            (manifest("kid", ["memory_store"], **{"cap.memory_write": ["*"]}), "memory_write"),
                            (manifest("kid", ["file_read"]).replace("[model]", '[model]\nprovider="openai"\nbase_url="http://evil.test"'),
                             "base_url")):
            result = self.try_child(house, text)
            if named is not None:
                self.assertIn("privilege escalation", result)
                self.assertIn(named, result)
                self.assertEqual(self.names(house), ["Helper", "parent"])
            else:
                self.assertIn("Spawned kid", result)
                self.cli_ok(house, "agent", "kill", "kid", "--yes")

    def test_a_narrower_scope_is_a_childs_to_have(self):
        house = self.family()
        result = self.try_child(house, manifest("kid", ["memory_store"], **{"cap.memory_write": ["self.notes.*"]}))
        self.assertIn("Spawned kid", result)
        house.sigterm()
        house.start()
        parent, kid = self.entry(house, "parent"), self.entry(house, "kid")
        self.assertEqual((kid["parent"], parent["children"]), (parent["id"], ["kid"]))
        self.cli_ok(house, "agent", "kill", "parent", "--yes")
        self.assertIsNone(self.entry(house, "kid")["parent"])

    def test_a_parent_that_loses_something_takes_it_from_its_children(self):
        house = self.family()
        self.assertIn("Spawned kid", self.try_child(house, manifest("kid", ["file_read"])))
        house.sigterm()
        with open(os.path.join(house.home, "agents", "parent", "agent.toml"), "w", encoding="utf-8") as file:
            file.write(manifest("parent", ["system_time"]))
        house.start()
        code, _, err = self.chat(house, "kid", "hello")
        self.assertEqual(code, 69)
        self.assertIn("privilege escalation", err)
        self.assertEqual(self.entry(house, "kid")["state"], "crashed")


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


class CommandLine(Agents):
    def test_the_whole_life_of_an_agent(self):
        house = self.house()
        self.assertIn("coordinator", self.cli_ok(house, "agent", "templates"))
        self.assertIn("is running", self.cli_ok(house, "agent", "new", "pen", "--template", "writer"))
        self.assertRegex(self.cli_ok(house, "agent", "list"), r"(?m)^Helper +skep.toml.*\n^pen +running +full")
        self.assertIn("You write for people", self.cli_ok(house, "agent", "show", "pen"))
        self.model.script('text "Dear Ann"')
        self.assertEqual(self.cli_ok(house, "agent", "chat", "pen", "-m", "a letter").strip(), "Dear Ann")
        self.cli_ok(house, "agent", "pause", "pen")
        self.cli_ok(house, "agent", "resume", "pen")
        logs = self.cli_ok(house, "agent", "logs", "pen")
        for event in ("spawned", "message", "reply", "suspended", "running"):
            self.assertIn(event, logs)
        self.cli_ok(house, "agent", "kill", "pen", stdin_text="y\n")
        code, _, err = house.cli("agent", "show", "pen")
        self.assertEqual(code, 66)
        self.assertIn('there is no agent "pen"', err)

    def test_every_template_starts(self):
        house = self.house()
        offered = json.loads(self.cli_ok(house, "agent", "templates", "--json"))
        self.assertEqual(len(offered), 10)
        for one in offered:
            self.cli_ok(house, "agent", "new", f"my-{one['name']}", "--template", one["name"])
            self.model.script('text "ready"')
            self.ask(house, f"my-{one['name']}", "hello", "ready")
            self.assertEqual(self.model.problems, [])

    def test_a_wish_becomes_a_manifest_when_a_person_says_yes(self):
        house = self.house()
        draft = "```toml\n" + manifest("rhymer", ["memory_store"]) + "```"
        self.model.script(Step(text="name = ["), Step(text=draft), Step(text=draft))
        code, out, _ = house.cli("agent", "new", "someone who writes rhymes", stdin_text="n\n")
        self.assertEqual(code, 1)
        self.assertIn('name = "rhymer"', out)
        self.assertEqual(self.names(house), ["Helper"])
        self.assertIn("no valid manifest", self.model.requests[1].last_user)
        self.cli_ok(house, "agent", "new", "someone who writes rhymes", "--yes")
        self.assertEqual(self.names(house), ["Helper", "rhymer"])
        self.assertEqual(json.loads(house.http_get("/api/usage")[1])["total"]["day"]["calls"], 3)

    def drafted(self, text):
        return Step(text="Here it is:\n```toml\n" + text + "\n```")

    def test_a_draft_with_a_bad_schedule_is_mended_once_or_refused(self):
        """Scenario 69."""
        house = self.house()
        draft = 'name = "crier"\nschedule = { periodic = { cron = "%s" } }\n[capabilities]\ntools = ["web_fetch"]\nnetwork = ["example.org"]\n'
        bad, good = self.drafted(draft % "0 25 * * *"), self.drafted(draft % "0 7 * * mon-fri")
        self.model.script(bad, self.drafted(draft % "whenever I like"))
        code, out, err = house.cli("agent", "new", "tell me the news each morning", "--yes")
        self.assertEqual((code, out), (65, ""), err)
        self.assertIn("the model's draft cannot be used", err)
        self.assertRegex(err, r"draft:2: \[schedule\.periodic\] cron: |draft:2: .*cron")
        self.assertIn("cron", self.model.requests[1].last_user, "the model was told what is wrong")
        self.assertEqual(len(self.model.requests), 2)
        self.assertEqual(self.names(house), ["Helper"])
        self.model.script(bad, good)
        out = self.cli_ok(house, "agent", "new", "tell me the news each morning", "--yes")
        self.assertIn("it may read the web (example.org), act by itself.", out)
        self.assertEqual(self.names(house), ["Helper", "crier"])
        self.assertIn('cron = "0 7 * * mon-fri"', self.cli_ok(house, "agent", "show", "crier"))

    def test_a_draft_gets_nothing_that_its_tools_do_not_need(self):
        house = self.house()
        greedy = ('name = "reader"\n[capabilities]\ntools = ["file_read"]\nnetwork = ["*"]\nshell = ["*"]\nagent_message = ["*"]\n'
                  'agent_spawn = true\nmemory_write = ["*"]\n')
        self.model.script(self.drafted('name = "reader"\n[capabilities]\ntools = ["*", "telepathy"]\n'), self.drafted(greedy))
        out = self.cli_ok(house, "agent", "new", "somebody who reads my files to me", "--yes")
        told = self.model.requests[1].last_user
        self.assertIn('"*" is more than it needs', told)
        self.assertIn('there is no tool "telepathy"', told)
        for right in ("network", "shell", "agent_message", "agent_spawn", "memory_write"):
            self.assertNotIn(right, out)
        self.assertIn("it may do nothing.", out)
        self.model.script('tool_call shell_exec {"command":"id"}', 'text "I cannot."')
        self.ask(house, "reader", "run id", "I cannot.")
        self.model.script(self.drafted('name = "x"\nprofile = "full"\n'), self.drafted('name = "x"\nprofile = "full"\n'))
        code, _, err = house.cli("agent", "new", "somebody", "--yes")
        self.assertEqual(code, 65, err)
        self.assertIn("list the tools that it needs", err)

    def test_without_a_daemon_the_same_commands_work(self):
        agent = self.make_agent()
        agent.write_config()
        self.cli_ok(agent, "agent", "new", "pen", "--template", "writer")
        self.assertIn("pen", self.cli_ok(agent, "agent", "list"))
        self.model.script('text "Here."')
        self.assertEqual(self.cli_ok(agent, "chat", "--agent", "pen", "-m", "hello").strip(), "Here.")


if __name__ == "__main__":
    unittest.main()
