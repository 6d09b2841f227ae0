"""spawn_agent through a running skep: parts of the work done at the same time, with no memory to write and nobody to ask, on the
bill of whoever asked, seen in the trace, and unknown after a kill."""
import concurrent.futures
import contextlib
import glob
import json
import os
import unittest

from support import procs
from support.model_server import Step
from whole_house.base import WholeHouse

PART = "You do one task for the agent"   # in every sub-agent's instructions


def is_part(task):
    return lambda request: request.contains(PART) and request.contains(task)


def is_main(request):
    return not request.contains(PART)


def spawns(*arguments, **rest):
    return Step(calls=[("spawn_agent", each) for each in arguments], predicate=is_main, label="spawns", **rest)


def part(task, text=None, **rest):
    return Step(text=text, predicate=is_part(task), label=f"part {task}", **rest)


def says(text, **rest):
    return Step(text=text, predicate=is_main, label=f"says {text}", **rest)


class SubAgents(WholeHouse):
    needs_server = False

    def house(self, **overrides):
        return self.make_agent(**overrides).start()

    def chat(self, house, text, expected):
        code, out, err = house.cli("chat", "-m", text, seconds=60)
        self.assertEqual((code, out.strip()), (0, expected), err + self.model.describe())

    @contextlib.contextmanager
    def chatting(self, house, text):
        """`skep chat -m` beside what follows; gives a future of its (code, out, err)."""
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            yield pool.submit(house.cli, "chat", "-m", text, seconds=60)

    def parts(self):
        return [request for request in self.model.requests if request.contains(PART)]

    def lines(self, house, pattern):
        lines = []
        for path in sorted(glob.glob(os.path.join(house.home, pattern))):
            with open(path, encoding="utf-8") as source:
                lines += [json.loads(line) for line in source if line.startswith("{")]
        return lines

    def newest_turn(self, house):
        lines = self.lines(house, "turns/*.jsonl")
        return [line["turn"] for line in lines if "parent" not in line][-1]

    def test_two_parts_of_one_answer_are_done_at_the_same_time(self):
        house = self.house()
        self.model.script(spawns({"task": "count the bees"}, {"task": "count the hives"}),
                          part("count the bees", "twelve", hold_first=True), part("count the hives", "three", hold_first=True),
                          says("Twelve bees in three hives."))
        with self.chatting(house, "how many?") as chat:
            procs.wait_until(lambda: self.model.holding == 2, "both parts are with the model", 30)
            self.model.release()
            code, out, err = chat.result(60)
        self.assertEqual((code, out.strip()), (0, "Twelve bees in three hives."), err)
        self.assertEqual(sorted(self.model.requests[-1].tool_results), ["three", "twelve"])

    def test_a_part_cannot_spawn_nor_write_memory_and_knows_nothing_of_the_conversation(self):
        house = self.house()
        self.model.script(says("Kept in mind."))
        self.chat(house, "the password of the day is marmalade", "Kept in mind.")
        self.model.script(spawns({"task": "look around"}),
                          part("look around", calls=[("memory_store", {"key": "k", "content": "v"}),
                                                     ("spawn_agent", {"task": "deeper"})]),
                          part("look around", "I could not."), says("It could not."))
        self.chat(house, "go on", "It could not.")
        first, second = self.parts()
        self.assertFalse(first.contains("marmalade"))
        self.assertNotIn("spawn_agent", first.tool_names())
        self.assertNotIn("memory_store", first.tool_names())
        self.assertIn("memory_recall", first.tool_names())
        self.assertTrue(all("There is no tool" in result for result in second.tool_results), second.tool_results)
        self.assertEqual(house.files("memory/*/knowledge.jsonl"), [])

    def test_a_part_that_takes_too_long_is_an_error_with_what_it_had_said(self):
        house = self.house()
        self.model.script(spawns({"task": "think hard", "timeout_seconds": 1}),
                          part("think hard", "half an answer", hold_mid=True), says("It took too long."))
        self.chat(house, "think", "It took too long.")
        self.assertIn("no answer within 1 s", self.model.requests[-1].tool_results[0])
        self.assertIn("half", self.model.requests[-1].tool_results[0])

    def test_a_named_one_has_its_model_its_words_and_its_tools(self):
        house = self.house(llm__tiers={"light": "anthropic:small-model"},
                           llm__agents={"reader": {"description": "reads files", "model": "light", "skills": ["file_*"],
                                                   "instructions": "You read and never write.", "max_tokens": 300}})
        self.model.script(spawns({"task": "read the plan", "agent_name": "reader"}), part("read the plan", "read"),
                          says("done"))
        self.chat(house, "read it", "done")
        only = self.parts()[0]
        self.assertEqual((only.body["model"], only.body["max_tokens"]), ("small-model", 300))
        self.assertTrue(only.contains("You read and never write."))
        self.assertEqual(only.tool_names(), ["file_list", "file_read", "file_write"])
        self.assertTrue(any("reader (reads files)" in tool["description"] for tool in self.model.requests[0].body["tools"]))

    def test_parts_are_on_the_bill_of_who_asked_and_stand_in_the_trace(self):
        house = self.house()
        self.model.script(spawns({"task": "count"}, usage={"in": 100, "out": 10}),
                          part("count", "one", usage={"in": 1000, "out": 20}), says("one", usage={"in": 200, "out": 30}))
        self.chat(house, "count", "one")
        code, out, err = house.cli("usage", "--json")
        self.assertEqual(code, 0, err)
        people = json.loads(out)["people"]
        self.assertEqual(len(people), 1, people)
        code, out, err = house.cli("trace", self.newest_turn(house), "--json")
        self.assertEqual(code, 0, err)
        trace = json.loads(out)
        self.assertEqual([each["text"] for each in trace["sub_agents"]], ["one"])
        self.assertEqual((trace["usage"]["input"], trace["usage"]["output"]), (1300, 60))
        code, out, _ = house.cli("trace", self.newest_turn(house))
        self.assertIn("sub-agent of call 0.0/", out)
        lines = [line for line in self.lines(house, "usage/*.jsonl") if "turn" in line]
        self.assertEqual(sorted(line.get("purpose", "turn") for line in lines), ["sub-agent", "turn", "turn"])
        self.assertEqual(len({line["turn"] for line in lines}), 1)
        code, out, err = house.cli("replay", self.newest_turn(house))
        self.assertEqual(code, 0, out + err)

    def test_cancel_ends_the_parts_too(self):
        house = self.house()
        self.model.script(spawns({"task": "think for ever"}), part("think for ever", "never", hold_first=True))
        with self.chatting(house, "think") as chat:
            procs.wait_until(lambda: self.model.holding == 1, "the part is with the model", 30)
            self.chat(house, "/cancel", "I stop what I was working on.")
            _, out, _ = chat.result(60)
        self.assertIn("Cancelled.", out)
        procs.wait_until(lambda: self.parts()[0].client_closed, "its request is closed", 20)

    def test_after_a_kill_a_part_that_had_begun_is_unknown_and_not_begun_again(self):
        house = self.house()
        self.model.script(spawns({"task": "think for ever"}), part("think for ever", "never", hold_first=True))
        with self.chatting(house, "think"):
            procs.wait_until(lambda: self.model.holding == 1, "the part is with the model", 30)
            house.kill9()
        self.model.release()
        self.model.script(says("I do not know what became of it."))
        house.start()
        procs.wait_until(lambda: len(self.model.requests) == 3, "the turn goes on", 30)
        procs.wait_until(lambda: self.model.requests[2].ended, "it is answered", 30)
        self.assertIn("it may or may not have happened", self.model.requests[2].tool_results[0])
        self.assertEqual(len(self.parts()), 1)

    def test_they_can_be_turned_off(self):
        house = self.house(agent__allow_subagents=False)
        self.chat(house, "hello", "You said: hello")
        self.assertNotIn("spawn_agent", self.model.requests[-1].tool_names())


if __name__ == "__main__":
    unittest.main()
