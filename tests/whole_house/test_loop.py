"""What a turn does with a model and with tools that behave badly: through a running skep, without a network of chats."""
import json
import os
import re
import socket
import unittest
import urllib.parse

from support import procs
from support.model_script import Step
from whole_house.base import WholeHouse

SUMMARY = "You keep the memory of a conversation"


class Loop(WholeHouse):
    needs_server = False

    def start(self, **overrides):
        self.agent = self.make_agent(**overrides)
        return self.agent.start()

    def say(self, text, seconds=60):
        code, out, err = self.agent.cli("chat", "-m", text, "--as", "ann", "--json", seconds=seconds)
        self.assertEqual(code, 0, f"{err}\n{self.agent.tail()}")
        return json.loads(out)["reply"]

    def told(self, number=-1):
        return "\n".join(self.model.requests[number].strings())

    def runs(self, tool):
        return self.agent.log_text().count(f"run {tool} ")

    def chat_file(self):
        return "**/history.jsonl"

    def test_thirty_one_calls_end_the_turn_and_the_next_one_works(self):
        self.start()
        for first in (0, 10, 20):
            self.model.script(" then ".join(f'tool_call memory_recall {{"query":"q{n}"}}' for n in range(first, first + 10)))
        self.model.script('tool_call memory_recall {"query":"one more"}')
        self.assertIn("I stopped: 30 tool calls in one answer are too many", self.say("go"))
        self.assertEqual(self.runs("memory_recall"), 30)
        self.model.script('text "Better."')
        self.assertEqual(self.say("and now?"), "Better.")
        self.assertEqual(self.model.problems, [], "what came of the turn that was ended is a history for any provider")

    def test_asking_how_something_is_doing_is_no_loop(self):
        self.start(tools__shell__enabled=True)
        self.model.script(*['tool_call shell_exec {"command":"ps -e > /dev/null; echo still busy"}'] * 8, 'text "Done."')
        self.assertEqual(self.say("wait for it"), "Done.")
        self.assertEqual(self.runs("shell_exec"), 8)
        self.assertNotIn("[This is the same call", self.told())

    def test_the_same_results_of_other_calls_are_no_loop(self):
        self.start()
        self.model.script(*[f'tool_call memory_recall {{"query":"never heard of {n}"}}' for n in range(6)], 'text "Nothing."')
        self.assertEqual(self.say("look"), "Nothing.")
        self.assertEqual(self.runs("memory_recall"), 6)
        self.assertNotIn("[This is the same call", self.told())

    def test_a_tool_that_hangs_ends_at_its_time_with_all_that_it_started(self):
        self.start(tools__shell__enabled=True)
        self.model.script('tool_call shell_exec {"command":"(while :; do echo . >> child; sleep 0.05; done) & sleep 300","timeout_seconds":1}',
                          'tool_call shell_exec {"command":"a=$(wc -c < child); sleep 0.5; b=$(wc -c < child); test $a = $b && echo quiet"}',
                          'text "It hung."')
        self.assertEqual(self.say("run it"), "It hung.")
        self.assertIn("1 s", self.told(1))
        self.assertIn("stdout:\nquiet", self.told())

    def test_a_long_result_is_cut_and_can_be_read_on(self):
        self.start()
        self.long_file()
        self.model.script('tool_call file_read {"path":"long.txt"}', 'text "Long."')
        self.assertEqual(self.say("read it"), "Long.")
        self.assertLess(max(len(text) for text in self.model.requests[-1].strings()), 51_000)
        self.assertIn("of 3000; go on with offset", self.told())

    def test_a_cut_result_is_read_by_its_handle(self):
        self.start(llm__context_window=32_768)
        self.long_file()
        self.model.script('tool_call file_read {"path":"long.txt"}', 'text "Long."')
        self.assertEqual(self.say("read it"), "Long.")
        self.assertLess(max(len(text) for text in self.model.requests[-1].strings()), 20_000, "three tenths of the window")
        handle = re.search(r'result_read {"handle":"([0-9a-f]+)"}', self.told())
        self.assertIsNotNone(handle, self.told()[-3000:])
        self.model.script(f'tool_call result_read {{"handle":"{handle.group(1)}","find":"line 333 "}}', 'text "Read."')
        self.assertEqual(self.say("read on"), "Read.")
        self.assertIn("line 333 xxx", self.told())

    def long_file(self):
        folder = os.path.join(self.agent.home, "workspaces", os.listdir(os.path.join(self.agent.home, "workspaces"))[0])
        with open(os.path.join(folder, "long.txt"), "w", encoding="utf-8") as out:
            out.write("\n".join(f"line {n} " + "x" * 90 for n in range(3000)))   # 300 KB

    def test_too_long_for_the_model_is_summarised_once_and_asked_once_more(self):
        self.start(llm__retries=0)
        for number in range(4):
            self.model.script(f'text "Answer {number}."')
            self.say(f"Word {number}: " + "the bees fly over the hill when it is warm. " * 40)
        before = len(self.model.requests)
        self.model.script('error 400 "prompt is too long: 300000 tokens > 200000 maximum"')
        self.model.script('always text "Summarised or answered."')
        self.assertEqual(self.say("and now?"), "Summarised or answered.")
        asked = [request for request in self.model.requests[before:] if not request.contains(SUMMARY)]
        self.assertEqual(len(asked), 2, self.model.describe())

    def test_too_long_twice_is_said(self):
        self.start(llm__retries=0)
        self.model.script('always error 400 "prompt is too long: 300000 tokens > 200000 maximum"')
        self.assertIn("too long for the model", self.say("hello"))
        self.assertEqual(len(self.model.requests), 2)

    def test_summaries_that_fail_cost_no_answer(self):
        self.start(llm__history_token_budget=200, llm__retries=0)
        self.model.script('text "One."')
        long = "the bees fly over the hill when it is warm and the lime trees are in flower. " * 12
        self.say("First. " + long)
        self.model.rule = lambda request: Step(status=500, label="no summary") if request.contains(SUMMARY) else None
        for number in range(3):
            self.model.script(f'text "Answer {number}."')
            self.assertEqual(self.say(f"More {number}. " + long), f"Answer {number}.")
        procs.wait_until(lambda: sum(request.contains(SUMMARY) for request in self.model.requests) >= 2, "a summary was tried, and once more", 20)

    def test_who_leaves_in_the_middle_misses_nothing(self):
        """The client of the stream goes away: the turn goes on and its answer stands in the transcript."""
        self.start()
        self.model.script('text "It goes on without you." then holds mid-stream')
        self.chat_and_leave("are you there?")
        self.model.release()
        procs.wait_until(lambda: "It goes on without you." in (self.agent.read(self.chat_file()) or ""), "the answer is kept", 20)
        self.assertFalse(self.model.requests[0].client_closed)

    def chat_and_leave(self, text):
        daemon = self.agent.daemon()
        body = json.dumps({"peer": "ann", "thread": "", "text": text, "agent": ""}).encode()
        where = urllib.parse.urlsplit(self.agent.url)
        with socket.create_connection((where.hostname, where.port), timeout=20) as client:
            client.sendall((f"POST /api/chat HTTP/1.1\r\nHost: {where.netloc}\r\nAuthorization: Bearer {daemon['token']}\r\n"
                            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n").encode() + body)
            self.model.wait_until_holding()
            self.assertTrue(client.recv(100).startswith(b"HTTP/1.1 200"))

    def test_a_budget_that_is_reached_in_the_middle_ends_the_turn(self):
        self.start(quota__total__daily_tokens=20_000)
        self.model.script('tool_call system_time {} then usage in=18000 out=1000', 'text "never"')
        said = self.say("how late is it?")
        self.assertIn("of 20,000 tokens", said)
        self.assertEqual(len(self.model.requests), 1)
        self.assertEqual(self.model.unused(), ['text "never"'])

    def test_a_history_that_somebody_tore_is_mended(self):
        """Results without calls, the same answer twice, blank lines: what goes to the provider is a conversation."""
        self.start()
        self.model.script('tool_call system_time {}', 'text "Late."')
        self.say("how late?")
        self.assertEqual(self.agent.sigterm(), 0)
        path = self.agent.files(self.chat_file())[0]
        with open(path, encoding="utf-8") as source:
            lines = source.read().splitlines()
        tool = next(line for line in lines if '"system_time"' in line)
        answer = next(line for line in lines if "Late." in line)
        with open(path, "a", encoding="utf-8") as out:
            out.write("\n".join([tool, answer, answer, tool, tool, answer.replace("Late.", "   ")]) + "\n")
        self.agent.start()
        self.model.script('text "Still here."')
        self.assertEqual(self.say("and now?"), "Still here.")
        self.assertEqual(self.model.problems, [])


if __name__ == "__main__":
    unittest.main()
