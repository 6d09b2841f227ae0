"""Agents in one skep as files and rows: what they are, who their children are, and how a person reaches them."""
import json
import os
import threading
import unittest

from support.model_server import Step
from whole_house.agents import Agents, calls, manifest, says
from whole_house.base import procs, skep


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
        self.assertEqual((code, out), (64, ""), err)
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
        self.assertEqual(code, 64, err)
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
