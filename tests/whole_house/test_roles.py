"""People have roles ([[users]]): who may do what, over XMPP with several people, in the terminal, and while the file changes."""
import json
import unittest
import xml.etree.ElementTree as ET

from support.model_server import Step
from whole_house.base import WholeHouse, procs, skep

ROLES = {"eve": "viewer", "bob": "user", "ann": "admin", "adm": "owner"}
ORDER = ["viewer", "user", "admin", "owner"]
COMMANDS = "http://jabber.org/protocol/commands"
ITEMS = "http://jabber.org/protocol/disco#items"


def users(roles):
    return [{"name": name, "role": role, "addresses": [f"{name}@example.test", f"{name}@cli"]}
            for name, role in roles.items()]


class Roles(WholeHouse):
    def house(self, roles=None, **rest):
        house = self.make_agent(users=users(roles or ROLES), agents__main_tools="on",
                                agent__allowed_jids=["*"], **rest)
        house.start()
        self.people = {name: self.login(f"{name}@example.test/phone") for name in ROLES}
        self.online(house, self.people["adm"])
        return house

    def say(self, house, name, text):
        return self.ask(house, self.people[name], text)

    def audit(self, house, *arguments):
        code, out, err = house.cli("audit", "list", "--json", "-n", "1000", *arguments)
        self.assertEqual(code, 0, err)
        return json.loads(out)

    def names(self, house):
        return {entry["name"] for entry in json.loads(house.http_get("/api/agents")[1])["agents"]}

    def reload(self, house):
        house.write_config()
        code, _, err = house.cli("config", "reload")
        self.assertEqual(code, 0, err)

    # What each of the eight acts looks like when it is let through, asked for in words.
    SAID = {"chat": ("hello", "You said: hello"), "view_config": ("/config agent", 'agent.name = "Helper"'),
            "view_usage": ("/usage all", "Everybody:"), "manage_agents": ("/rooms", "room"),
            "manage_users": ("/allow", "Nobody has been let in"), "change_config": ("/reload", "Read again")}
    LEAST = {"chat": "user", "view_config": "user", "view_usage": "admin", "manage_agents": "admin", "agent_spawn": "admin",
             "agent_kill": "admin", "change_config": "owner", "manage_users": "owner"}

    def test_four_roles_times_eight_acts(self):
        house = self.house()
        for name, role in ROLES.items():
            for act, (text, good) in self.SAID.items():
                with self.subTest(role=role, act=act):
                    answer = self.say(house, name, text)
                    if ORDER.index(role) >= ORDER.index(self.LEAST[act]):
                        self.assertIn(good, answer)
                    else:
                        act = self.first(role, act)
                        self.assertIn(f"Not allowed: {act} is for the role {self.LEAST[act]} and above, and yours is {role}", answer)
            for act, tool in (("agent_spawn", {"manifest_toml": f'name = "kid_{name}"\n'}), ("agent_kill", {"agent": f"kid_{name}"})):
                with self.subTest(role=role, act=act):
                    self.tool(house, name, role, act, tool)
        outcomes = {(entry["principal"].split("@")[0], entry["action"], entry["outcome"]) for entry in self.audit(house)}
        for name, role in ROLES.items():
            for act, least in self.LEAST.items():
                act = self.first(role, act)
                least = self.LEAST[act]
                may = ORDER.index(role) >= ORDER.index(least)
                with self.subTest(role=role, act=act, what="audit"):
                    self.assertIn((name, act, "allow" if may else "deny"), outcomes)
                    self.assertNotIn((name, act, "deny" if may else "allow"), outcomes)

    @staticmethod
    def first(role, act):
        """What a viewer fails at: `/usage` belongs to those who talk, and no model is asked for them, so that it wants no tool."""
        return "chat" if role == "viewer" and act in ("view_usage", "agent_spawn", "agent_kill") else act

    def tool(self, house, name, role, act, arguments):
        """What the model wants to be done for the person is bound by the person's role."""
        other = f"kid_{name}"
        if act == "agent_kill" and other not in self.names(house):
            self.assertEqual(house.http("POST", "/api/agents", {"manifest": f'name = "{other}"\n'})[0], 201)
        word = f"{act} for {name}"
        before = len(self.model.requests)
        self.model.script(Step(calls=[(act, arguments)], when=word, label=word), Step(text="Seen.", when=word))
        answer = self.say(house, name, word)
        may = ORDER.index(role) >= ORDER.index("admin")
        self.assertEqual(other in self.names(house), may if act == "agent_spawn" else not may)
        if role == "viewer":
            self.assertIn("Not allowed: chat", answer)
            self.assertEqual(len(self.model.requests), before, "a model was asked for somebody who may not")
            self.model.reset()
            return
        self.assertEqual(answer, "Seen.")
        result = json.dumps(self.model.requests[-1].tool_results)
        self.assertEqual(f"{act} is for the role admin and above, and yours is {role}" in result, not may, result)

    def test_who_is_not_named_meets_silence(self):
        house = self.house(agent__admin_jids=[])
        stranger = self.login("bot@example.test/phone")
        stranger.message(self.address(house), "hello?")
        procs.wait_until(lambda: "bot@example.test is not answered: it is nobody's of [[users]]" in house.log_text(),
                         "the log says that a stranger wrote", 20)
        self.assertEqual(self.say(house, "bob", "hello"), "You said: hello")
        self.assertEqual(stranger.unread(lambda s: s.find("{jabber:client}body") is not None), [])
        # Until an owner lets them in: then they are a user.
        self.say(house, "adm", "/allow bot@example.test")
        self.people["bot"] = stranger
        self.assertEqual(self.say(house, "bot", "now?"), "You said: now?")
        self.assertIn("view_usage is for the role admin and above, and yours is user", self.say(house, "bot", "/usage all"))

    def test_ad_hoc_commands_are_offered_and_run_by_role(self):
        house = self.house()

        def offered(name):
            answer = self.people[name].iq("get", self.address(house), f'<query xmlns="{ITEMS}" node="{COMMANDS}"/>')
            return {item.get("node") for item in answer.iter(f"{{{ITEMS}}}item")}

        self.assertEqual(offered("eve"), {"help", "ping", "status"})
        self.assertIn("config", offered("bob"))
        self.assertNotIn("rooms", offered("bob"))
        self.assertIn("rooms", offered("ann"))
        self.assertNotIn("reload", offered("ann"))
        self.assertLessEqual({"reload", "allow", "block", "pair"}, offered("adm"))
        run = f'<command xmlns="{COMMANDS}" node="reload" action="execute"/>'
        refused = self.people["ann"].iq("set", self.address(house), run)
        self.assertEqual(refused.get("type"), "error", ET.tostring(refused))
        done = self.people["adm"].iq("set", self.address(house), run)
        self.assertEqual(done.get("type"), "result", ET.tostring(done))
        self.assertEqual({entry["principal"] for entry in self.audit(house) if entry["action"] == "change_config"},
                         {"adm@example.test"})

    def test_a_changed_file_holds_at_once(self):
        house = self.house()
        self.assertEqual(self.say(house, "bob", "hello"), "You said: hello")
        house.config["users"] = users({**ROLES, "bob": "viewer", "eve": "owner"})
        self.reload(house)
        self.assertIn("yours is viewer", self.say(house, "bob", "hello"))
        self.assertIn("Nobody has been let in", self.say(house, "eve", "/allow"))
        # An unknown role changes nothing; who is taken out is a stranger.
        house.config["users"] = users({**ROLES, "bob": "boss"})
        house.write_config()
        code, out, err = house.cli("config", "reload")
        self.assertIn("role", out + err)
        self.assertIn("yours is viewer", self.say(house, "bob", "hello"))
        house.config["users"] = users({"adm": "owner"})
        self.reload(house)
        self.people["bob"].message(self.address(house), "still there?")
        procs.wait_until(lambda: "bob@example.test is not answered: it is nobody's" in house.log_text(), "bob is a stranger", 20)
        self.assertEqual(self.say(house, "adm", "hello"), "You said: hello")
        self.assertEqual(self.people["bob"].unread(lambda s: s.find("{jabber:client}body") is not None), [])

    def test_roles_reach_through_agents_that_ask_each_other(self):
        house = self.house()
        text = 'name = "maker"\nprofile = "full"\n[model]\nsystem_prompt = "You are the agent maker."\n'
        self.assertEqual(house.http("POST", "/api/agents", {"manifest": text})[0], 201)
        maker = lambda request: request.contains("You are the agent maker.")
        for name, made in (("bob", False), ("ann", True)):
            self.model.script(Step(calls=[("agent_send", {"agent": "maker", "message": f"make far_{name}"})], when="have it made"),
                              Step(calls=[("agent_spawn", {"manifest_toml": f'name = "far_{name}"\n'})], predicate=maker),
                              Step(text="as far as I may", predicate=maker), Step(text="Passed on."))
            self.assertEqual(self.say(house, name, "have it made"), "Passed on.")
            self.assertEqual(f"far_{name}" in self.names(house), made)


class Terminal(WholeHouse):
    needs_server = False

    def said(self, house, name, text):
        code, out, err = house.cli("chat", "-m", text, "--as", name)
        self.assertEqual(code, 0, err)
        return out.strip()

    def test_it_is_its_owners_unless_somebody_is_named(self):
        house = self.make_agent(users=users({"eve": "viewer", "bob": "user"})).start()
        self.assertIn("Not allowed: chat is for the role user and above, and yours is viewer", self.said(house, "eve", "hello"))
        self.assertEqual(self.said(house, "bob", "hello"), "You said: hello")
        self.assertIn("yours is user", self.said(house, "bob", "/usage all"))
        self.assertIn("Everybody:", self.said(house, "me", "/usage all"))
        shown = self.said(house, "me", "/config llm")
        self.assertIn("llm.api_key = (not shown)", shown)
        self.assertNotIn(skep.API_KEY, shown)

    def test_without_users_everything_is_as_it_was(self):
        house = self.make_agent().start()
        self.assertEqual(self.said(house, "eve", "hello"), "You said: hello")
        code, out, err = house.cli("audit", "list", "--json")
        self.assertEqual((code, json.loads(out)), (0, []), err)

    def test_a_role_that_is_none_keeps_it_from_starting(self):
        house = self.make_agent(users=users({"eve": "superuser"}))
        self.assertNotEqual(house.launch().wait_for_exit(), 0)
        self.assertIn("role", house.log_text())
        self.assertIn("viewer", house.log_text())


if __name__ == "__main__":
    unittest.main()
