"""Models by tier through a running skep: who answers what, and what the trace says of it."""
import json
import os
import unittest

from support.model_server import Step
from whole_house.base import WholeHouse

TIERS = {"light": "anthropic:model-light", "heavy": "anthropic:model-heavy"}
CODE = "```\nstruct A\nclass B\nimport c\nasync fn f() { await g; return 1; }\n```\n" + "x" * 200


class Tiers(WholeHouse):
    needs_server = False

    def house(self, **overrides):
        overrides.setdefault("llm__tiers", TIERS)
        return self.make_agent(**overrides).start()

    def chat(self, house, text, expected=None):
        code, out, err = house.cli("chat", "-m", text, seconds=60)
        self.assertEqual(code, 0, err + self.model.describe())
        if expected is not None:
            self.assertEqual(out.strip(), expected)
        return out.strip()

    def model_for(self, house, text):
        self.chat(house, text)
        return self.model.requests[-1].body["model"]

    def turns(self, house):
        folder = os.path.join(house.home, "turns")
        names = [name for name in os.listdir(folder) if name.endswith(".jsonl")]
        lines = []
        for name in sorted(names):
            with open(os.path.join(folder, name), encoding="utf-8") as source:
                lines += [json.loads(line) for line in source]
        return lines

    def test_a_greeting_is_for_the_simple_model_and_code_in_a_long_conversation_for_the_complex_one(self):
        house = self.house(llm__router={"mode": "auto"})
        self.assertEqual(self.model_for(house, "hello"), "model-light")
        self.assertEqual(self.model_for(house, CODE), "scripted-model")
        for number in range(14):
            self.chat(house, f"and {number}")
        self.assertEqual(self.model_for(house, CODE), "model-heavy")
        self.assertEqual(self.turns(house)[-1]["tier"], "heavy")
        self.assertRegex(self.turns(house)[-1]["tier_why"], r"^score [5-9]\d\d$")

    def test_a_stable_house_is_pinned(self):
        house = self.house(llm__router={"mode": "stable", "pinned": "light"})
        self.assertEqual(self.model_for(house, CODE), "model-light")
        self.assertNotIn("escalate", self.model.requests[-1].tool_names())

    def test_the_choice_of_a_conversation_survives_a_restart(self):
        house = self.house()
        self.assertEqual(self.model_for(house, "hello"), "scripted-model")
        self.assertIn("From now on heavy answers here", self.chat(house, "/tier heavy"))
        self.assertEqual(self.model_for(house, "hello"), "model-heavy")
        house.kill9()
        house.start()
        self.assertEqual(self.model_for(house, "hello"), "model-heavy")
        self.assertIn("Nothing is chosen any more", self.chat(house, "/tier reset"))
        self.assertEqual(self.model_for(house, "hello"), "scripted-model")

    def test_a_model_hands_its_turn_to_the_stronger_one_and_a_kill_does_not_take_it_back(self):
        house = self.house()
        self.model.script(Step(calls=[("escalate", {"why": "it is hard"})]), 'text "Thought through."')
        self.chat(house, "prove it", "Thought through.")
        self.assertEqual([request.body["model"] for request in self.model.requests], ["scripted-model", "model-heavy"])
        code, out, err = house.cli("replay", self.turns(house)[-1]["turn"])
        self.assertEqual(code, 0, out + err)
        self.assertEqual(self.model_for(house, "thanks"), "scripted-model")

    def test_summaries_are_made_by_the_light_model(self):
        house = self.house(llm__history_token_budget=400)
        for number in range(8):
            self.model.script(f'text "{"word " * 40}{number}"')
            self.chat(house, f"tell me more, number {number}, of all that you know about the bees and their hives")
        self.model.wait_for_requests(9)
        asked = {request.body["model"] for request in self.model.requests}
        self.assertEqual(asked, {"scripted-model", "model-light"})

    def test_the_bill_says_which_model_was_asked(self):
        house = self.house()
        self.chat(house, "/tier light")
        self.chat(house, "hello")
        code, out, err = house.cli("usage", "--json")
        self.assertEqual(code, 0, err)
        self.assertEqual([each["name"] for each in json.loads(out)["models"]], ["anthropic model-light"])

    def test_skep_models_shows_them(self):
        house = self.house(llm__default="light")
        code, out, err = house.cli("models")
        self.assertEqual(code, 0, err)
        self.assertRegex(out, r"light +anthropic:model-light +\(default\)")
        self.assertRegex(out, r"standard +scripted-model")
        code, out, err = house.cli("models", "--json")
        self.assertEqual((json.loads(out)["tiers"], json.loads(out)["default_tier"]), (TIERS, "light"))


if __name__ == "__main__":
    unittest.main()
