"""Turns one can look at: what they did, the same once more, and results that were too long for the model."""
import glob
import json
import os
import unittest

from whole_house.base import WholeHouse


class Turns(WholeHouse):
    needs_server = False

    def agent(self, **overrides):
        agent = self.make_agent(**overrides)
        agent.start()
        return agent

    def chat(self, agent, text):
        code, out, err = agent.cli("chat", "-m", text, "--as", "ann")
        self.assertEqual(code, 0, err)
        return out.strip()

    def recorded(self, agent):
        """The newest turn of the log."""
        [path] = glob.glob(os.path.join(agent.home, "turns", "*.jsonl"))
        with open(path, encoding="utf-8") as lines:
            return json.loads(lines.readlines()[-1])

    def test_trace_shows_each_step_and_replay_runs_them_again(self):
        agent = self.agent()
        self.model.script('tool_call memory_store {"key":"bees","content":"three hives"}', 'text "Noted."')
        self.assertEqual(self.chat(agent, "I keep three hives"), "Noted.")
        turn = self.recorded(agent)
        code, out, err = agent.cli("trace", turn["reply"])
        self.assertEqual(code, 0, err)
        for expected in ("ann@cli", "answered", "tool memory_store", "calls memory_store", "Stored under", "Noted.", "$", "granted by"):
            self.assertIn(expected, out)
        asked = len(self.model.requests)
        code, out, err = agent.cli("replay", turn["turn"], "--config", agent.config_file)
        self.assertEqual(code, 0, out + err)
        self.assertIn("2 model calls, 1 tool calls: the turn runs as it did", out)
        self.assertEqual(len(self.model.requests), asked, "a replay asks nobody")

        with open(os.path.join(agent.home, "memory", "instructions.md"), "w", encoding="utf-8") as file:
            file.write("Speak like a bee.")
        code, out, _ = agent.cli("replay", turn["turn"], "--config", agent.config_file)
        self.assertEqual(code, 1)
        self.assertIn("other words go to the model now", out)

    def test_a_turn_that_is_not_there_is_said_to_be(self):
        agent = self.agent()
        code, _, err = agent.cli("trace", "01NOSUCHTURN")
        self.assertNotEqual(code, 0)
        self.assertIn('no turn "01NOSUCHTURN" is recorded', err)

    def test_the_model_reads_on_in_a_result_that_was_cut(self):
        agent = self.agent(llm__context_window=20_000)
        text = "".join(f"line {number}\n" for number in range(3000))
        folder = os.path.join(agent.home, "workspaces", "Helper")
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, "long.txt"), "w", encoding="utf-8") as file:
            file.write(text)
        self.model.script('tool_call file_read {"path":"long.txt","limit":3000}', 'text "Long."')
        self.assertEqual(self.chat(agent, "read it"), "Long.")
        [kept] = glob.glob(os.path.join(agent.home, "memory", "ann@cli", "results", "*.txt"))
        handle = os.path.splitext(os.path.basename(kept))[0]
        self.assertIn(handle, json.dumps(self.model.requests[-1].body))
        self.model.script('tool_call result_read {"handle":"%s","find":"line 1500"}' % handle, 'text "Found."')
        self.assertEqual(self.chat(agent, "what is in line 1500?"), "Found.")
        self.assertIn("line 1500\\nline 1501", json.dumps(self.model.requests[-1].body))
        self.assertEqual(agent.cli("chat", "-m", "/forget", "--as", "ann")[0], 0)
        self.assertFalse(os.path.exists(kept))


if __name__ == "__main__":
    unittest.main()
