"""A configuration that is read again while Skep runs: what may change does, at once and whole, and the rest is named."""
import threading

from support.model_server import ModelServer, Step
from whole_house.base import procs
from whole_house.agents import manifest, says
from whole_house.test_schedules import Jobs


class Reload(Jobs):
    def reload(self, house, expected=0):
        house.write_config()
        code, out, err = house.cli("config", "reload")
        self.assertEqual(code, expected, out + err)
        return out

    def stored(self, house):
        """What memory_store answers now."""
        self.model.script(Step(calls=[("memory_store", {"key": "k", "content": "c"})]), Step(text="so"))
        self.assertEqual(house.cli("chat", "-m", "keep it")[0], 0)
        return self.model.requests[-1].tool_results[0]

    def test_what_may_change_does_and_the_rest_is_named(self):
        house = self.house()
        self.assertNotIn("never allowed", self.stored(house))
        house.config["authority"] = {"deny": ["memory_write:*"]}
        house.config.setdefault("api", {})["listen"] = "127.0.0.1:1"
        out = self.reload(house)
        self.assertIn("Read again: authority.deny.", out)
        self.assertIn("After a restart: api.listen.", out)
        self.assertIn("never allowed", self.stored(house))
        del house.config["authority"]
        self.assertIn("Read again: authority.deny.", self.reload(house))
        self.assertNotIn("never allowed", self.stored(house))

    def test_a_file_with_a_mistake_changes_nothing(self):
        house = self.house(schedules__jobs_per_agent=1)
        self.add(house, "@yearly", "a")
        house.config["schedules"] = {"jobs_per_agent": 5, "jobs_maxx": 7}
        house.config["authority"] = {"deny": ["memory_write:*"]}
        self.assertIn("jobs_maxx", self.reload(house, expected=78))
        _, body = self.request(house, "POST", "/api/jobs", {"when": "@yearly", "text": "b", "peer": "ann@cli"})
        self.assertEqual(body["error"]["code"], "exhausted")
        house.config["schedules"] = {"jobs_per_agent": 5}
        self.assertIn("authority.deny, schedules.jobs_per_agent", self.reload(house))
        self.add(house, "@yearly", "b")
        self.assertIn("never allowed", self.stored(house))

    def test_a_quota_is_lowered_and_raised_while_it_runs(self):
        house = self.house()
        self.model.script(Step(text="one"), Step(text="two"))
        self.assertEqual(house.cli("chat", "-m", "hello")[1].strip(), "one")
        house.config["quota"] = {"admins_exempt": False, "daily_tokens": 1}
        self.assertIn("quota.daily_tokens", self.reload(house))
        self.assertIn("/usage", house.cli("chat", "-m", "hello")[1])
        house.config["quota"] = {}
        self.reload(house)
        self.assertEqual(house.cli("chat", "-m", "hello")[1].strip(), "two")

    def second_model(self):
        other = ModelServer().start()
        self.addCleanup(other.close)
        return other

    def test_model_and_address_are_others_from_the_next_turn_on(self):
        other = self.second_model()
        house = self.house()
        self.model.script(Step(text="from the first", hold_first=True))
        slow = threading.Thread(target=lambda: said.append(house.cli("chat", "--thread", "slow", "-m", "hello")[1].strip()))
        said = []
        slow.start()
        self.model.wait_until_holding(1, 60)   # a turn that runs
        house.config["llm"] |= {"base_url": other.url, "model": "second-model"}
        self.assertIn("Read again: llm.base_url, llm.model.", self.reload(house))
        other.script(Step(text="from the second"))
        self.assertEqual(house.cli("chat", "-m", "hello")[1].strip(), "from the second")
        self.assertEqual(other.requests[-1].body["model"], "second-model")
        self.model.release()
        slow.join(60)
        self.assertEqual(said, ["from the first"])   # ended as it began
        self.assertIn("second-model", self.cli_ok(house, "status"))
        self.assertEqual((len(self.model.requests), len(other.requests)), (1, 1))

    def test_fallbacks_tiers_and_limits_are_others_from_the_next_turn_on(self):
        other = self.second_model()
        house = self.house(llm__retries=2)
        house.config["llm"]["fallback"] = [{"provider": "openai", "model": "spare", "api_key": "sk-spare",
                                            "base_url": other.url + "/v1"}]
        self.assertIn("llm.fallback", self.reload(house))
        self.model.rule = lambda request: Step(status=529, error="overloaded")
        other.script(Step(text="the spare one"))
        self.assertEqual(house.cli("chat", "-m", "hello")[1].strip(), "the spare one")
        del house.config["llm"]["fallback"]
        house.config["llm"] |= {"tiers": {"light": "anthropic:small-model"}, "default": "light", "max_tokens_per_request": 321}
        self.reload(house)
        self.model.rule = None
        self.model.script(Step(text="small"))
        self.assertEqual(house.cli("chat", "-m", "hello")[1].strip(), "small")
        self.assertEqual((self.model.requests[-1].body["model"], self.model.requests[-1].body["max_tokens"]), ("small-model", 321))
        self.assertIn("light", house.cli("chat", "-m", "/tier")[1])

    def test_agents_with_a_model_of_their_own_move_along(self):
        other = self.second_model()
        house = self.house()
        self.spawn(house, manifest("own").replace("[model]", '[model]\nmodel = "own-model"'))
        self.spawn(house, manifest("plain"))
        for name in ("own", "plain"):
            self.model.script(says(name, "first"))
            self.ask(house, name, "hello", "first")
        house.config["llm"] |= {"base_url": other.url, "model": "second-model"}
        self.reload(house)
        for name, model in (("own", "own-model"), ("plain", "second-model")):
            other.script(says(name, "second"))
            self.ask(house, name, "hello", "second")
            self.assertEqual(other.requests[-1].body["model"], model)

    def test_models_that_cannot_work_change_nothing(self):
        house = self.house(schedules__jobs_per_agent=1)
        house.config["llm"]["provider"] = "gorq"
        house.config["schedules"] = {"jobs_per_agent": 5}
        self.assertIn("gorq", self.reload(house, expected=78))
        job = {"when": "@yearly", "text": "look", "peer": "ann@cli"}
        self.assertEqual(self.request(house, "POST", "/api/jobs", job)[0], 201)
        _, body = self.request(house, "POST", "/api/jobs", job)
        self.assertEqual(body["error"]["code"], "exhausted")   # nor is the rest of the file in force
        house.config["llm"]["provider"] = "anthropic"
        house.write_config()   # the command line reads it too
        self.model.script(Step(text="still here"))
        self.assertEqual(house.cli("chat", "-m", "hello")[1].strip(), "still here")
        house.config["llm"] |= {"tiers": {"light": "anthropic:small-model"}, "default": "heavy"}
        self.assertIn("heavy", self.reload(house, expected=78))

    def test_personas_are_allowed_and_forbidden_while_it_runs(self):
        house = self.house()
        self.assertIn("Coach", house.cli("chat", "-m", "/persona coach")[1])
        house.config["personas"] = {"restrictions": [{"jid": "*", "allowed": ["concise"]}], "default": "concise"}
        self.assertIn("personas.default, personas.restrictions", self.reload(house))
        self.assertIn("not for you", house.cli("chat", "-m", "/persona coach")[1])
        self.model.script(Step(text="ok"))
        self.assertEqual(house.cli("chat", "-m", "hello")[1].strip(), "ok")
        self.assertTrue(self.model.requests[-1].contains("as briefly as the matter allows"))
        house.config["personas"] = {"default": "nobody"}
        self.assertIn('no persona "nobody"', self.reload(house, expected=78))
        self.assertIn("not for you", house.cli("chat", "-m", "/persona coach")[1])
