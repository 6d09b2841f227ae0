"""Every wire format of models against a server that fails in every known way: what each must come to is the same. One table; each row is
played with each format by a running skep."""
import dataclasses
import json
import os
import struct
import typing
import unittest
import zlib

from support import skep
from whole_house.base import WholeHouse

SORRY = "Sorry, I could not answer that"
LONG = "Grüße aus Zürich: äöü 漢字 👋🏽 <tag> & \"so\" "


def png(width=2, height=3):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    rows = zlib.compress(b"".join(b"\0" + b"\xff\0\0" * width for _ in range(height)))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) + chunk(b"IDAT", rows)
            + chunk(b"IEND", b""))


@dataclasses.dataclass
class Row:
    steps: tuple                 # what the model does, in order
    reply: str                   # the whole answer, or its beginning with begins
    requests: int                # how often it is asked, exactly
    begins: bool = False
    apart: float = 0.0           # seconds between the first two requests, at least
    check: typing.Optional[typing.Callable] = None    # of the test case, after the answer
    lacks: tuple = ()            # not in the answer and not in the log


def results_in_last(test, *wanted):
    test.assertEqual(len(test.model.requests[-1].tool_results), len(wanted))
    for want in wanted:
        test.assertTrue(test.model.requests[-1].contains(want), test.model.describe())


def last_has(*texts):
    def check(test):
        for text in texts:
            test.assertTrue(test.model.requests[-1].contains(text), test.model.describe())
    return check


def nothing_stored(test):
    test.assertFalse(test.agent.files("**/knowledge.jsonl"), "the cut call was run")


ROWS = {
    "text": Row(('text "Hello."',), "Hello.", 1),
    "tool_and_answer": Row(('tool_call system_time {}', 'text "Late."'), "Late.", 2,
                           check=lambda t: results_in_last(t, "UTC")),
    "two_tools_in_one_answer": Row(('tool_call system_time {} then tool_call memory_recall {"query":"x"}', 'text "Both."'), "Both.", 2,
                                   check=lambda t: t.assertEqual(len(t.model.requests[-1].tool_results), 2)),
    "the_same_call_twice_runs_once": Row(
        ('tool_call memory_store {"key":"k","content":"once"} then tool_call memory_store {"key":"k","content":"once"}', 'text "Kept."'),
        "Kept.", 2, check=lambda t: (t.assertEqual(len(t.model.requests[-1].tool_results), 2), t.assertEqual(t.runs("memory_store"), 1))),
    "reused_ids": Row(('tool_call memory_recall {"query":"one"} then same ids', 'tool_call memory_recall {"query":"two"} then same ids',
                       'text "Both."'), "Both.", 3,
                      check=lambda t: t.assertEqual([text for text in t.model.requests[-1].strings() if text.startswith('No note')], ['No note matches.'] * 2)),
    "split_utf8": Row((f'text {json.dumps(LONG)} then splits 1',), LONG.strip(), 1),
    "crlf": Row((f'text {json.dumps(LONG)} then crlf',), LONG.strip(), 1),
    "crlf_split_anywhere": Row((f'text {json.dumps(LONG)} then crlf then splits 3',), LONG.strip(), 1),
    "slow_drip": Row(('stalls 200ms then text "slowly but surely" then drips 20ms then stalls mid-stream 200ms',), "slowly but surely", 1),
    "empty_then_text": Row(('empty', 'text "Something."'), "Something.", 2),
    "empty_twice": Row(('empty', 'empty'), "", 2, begins=True),
    "bad_json": Row(('bad json', 'text "whole"'), "whole", 2),
    "breaks_off": Row(('text "half an ans" then drops mid-stream', 'text "whole"'), "whole", 2),
    "error_event": Row(('text "half an ans" then error-event "Overloaded"', 'text "whole"'), "whole", 2),
    "refused_key": Row((f'error 401 "bad key {skep.API_KEY}"',), SORRY, 1, begins=True, lacks=(skep.API_KEY,)),
    "no_credit": Row(('error 402 "pay first"',), SORRY, 1, begins=True),
    "not_permitted": Row(('error 403 "not for you"',), SORRY, 1, begins=True),
    "no_such_model": Row(('error 404 "no such model"',), SORRY, 1, begins=True),
    "refused_request": Row(('error 400 "your request is odd"',), SORRY, 1, begins=True, lacks=("your request is odd",)),
    "rate_limit": Row(('error 429 retry-after 1', 'text "Here."'), "Here.", 2, apart=1.0),
    "rate_limit_for_ever": Row(('error 429 retry-after 0',) * 5, SORRY, 5, begins=True),
    "cut_at_the_limit": Row(('text "It began" then stop max_tokens', 'text " with a bang."'), "It began with a bang.", 2),
    "cut_for_ever": Row(('text "a" then stop max_tokens', 'text "b" then stop max_tokens', 'text "c" then stop max_tokens',
                         'text "d" then stop max_tokens'), "abcd\n\n[This is as much", 4, begins=True),
    "cut_inside_a_call": Row(('tool_call memory_store {"key":"k","content":"cut"} then stop max_tokens', 'text "Again, shorter."'),
                             "Again, shorter.", 2, check=nothing_stored),
    "tells_what_a_tool_failed_with": Row(('tool_call no_such_tool {}', 'text "It is not there."'), "It is not there.", 2,
                                         check=last_has("There is no tool")),
    **{f"status_{status}": Row((f'error {status} retry-after 0', 'text "Here."'), "Here.", 2) for status in (500, 502, 503, 504, 529)},
}


class Rows:
    """The table with one provider. An agent for each row: what fails rests (breakers), and rows must not know of each other."""
    needs_server = False
    provider = ""

    def start(self, **overrides):
        self.agent = self.make_agent(provider=self.provider, llm__retries=4, **overrides)
        return self.agent.start()

    def say(self, text="hello", seconds=60):
        code, out, err = self.agent.cli("chat", "-m", text, "--as", "ann", "--json", seconds=seconds)
        self.assertEqual(code, 0, err + self.agent.tail())
        return json.loads(out)["reply"]

    def runs(self, tool):
        return self.agent.log_text().count(f"run {tool} ")

    def check_row(self, row):
        self.model.script(*row.steps)
        said = self.say()
        if row.begins:
            self.assertTrue(said.strip() and said.startswith(row.reply), f"{said!r}\n{self.model.describe()}")
        else:
            self.assertEqual(said, row.reply, self.model.describe())
        self.assertEqual(len(self.model.requests), row.requests, self.model.describe())
        self.assertEqual(self.model.problems, [])
        self.assertEqual(self.model.unused(), [])
        if row.apart:
            first, second = self.model.requests[:2]
            self.assertGreaterEqual(second.started - first.started, row.apart)
        for word in row.lacks + (skep.API_KEY,):
            self.assertNotIn(word, said)
        self.assertNotIn(skep.API_KEY, self.agent.log_text())
        self.assertNotIn("half an ans", "".join(self.agent.read("**/history.jsonl") or ""))
        if row.check:
            row.check(self)

    def test_it_hangs_in_mid_answer(self):
        """The server says a part and then nothing: given up after idle_timeout, and tried again."""
        self.start(llm__idle_timeout=1)
        self.model.script('text "half an ans" then holds mid-stream', 'always text "whole"')
        self.assertEqual(self.say(), "whole")
        self.assertTrue(self.model.requests[0].client_closed)

    def test_it_never_begins_to_answer(self):
        self.start(llm__timeout=1)
        self.model.script('holds', 'always text "there"')
        self.assertEqual(self.say(), "there")
        self.assertTrue(self.model.requests[0].client_closed)

    def test_an_image_reaches_it_in_its_own_form(self):
        self.model.capabilities.append("vision")
        self.start()
        with open(os.path.join(self.agent.home, "models.json"), "w", encoding="utf-8") as out:
            json.dump({"models": [{"id": "scripted-model", "provider": self.provider, "vision": True}]}, out)
        self.assertEqual(self.agent.sigterm(), 0)
        self.agent.start()
        folder = os.path.join(self.agent.home, "workspaces", os.listdir(os.path.join(self.agent.home, "workspaces"))[0])
        for name, content in (("a.png", png()), ("b.bmp", b"BM" + bytes(60)), ("c.txt", b"no image"),
                              ("d.png", png() + bytes(5 << 20))):
            with open(os.path.join(folder, name), "wb") as out:
                out.write(content)
        self.model.script('tool_call image_analyze {"path":"a.png","prompt":"what colour?"}', 'tool_call image_analyze {"path":"b.bmp"}',
                          'tool_call image_analyze {"path":"c.txt"}', 'tool_call image_analyze {"path":"d.png"}', 'tool_call image_analyze {"path":"../x.png"}', 'text "Red."')
        self.assertEqual(self.say(), "Red.")
        last = self.model.requests[-1]
        for wanted in ("a.png: PNG, 2 x 3 pixels", "what colour?", "b.bmp: BMP", "cannot be shown", "c.txt is no image", "Not looked at",
                       "d.png: PNG, 2 x 3 pixels, 5.0 MB. It cannot be shown"):
            self.assertTrue(last.contains(wanted), f"{wanted}\n{self.model.describe()}")
        self.assertEqual(last.raw.count(b"iVBORw0KGgo"), 1, "the image itself, once")

    def test_the_smallest_request_is_small(self):
        """What a person pays for with every word: the target of `./dev bench request`."""
        self.start()
        self.model.script('text "Hello."')
        self.assertEqual(self.say("hello"), "Hello.")
        request = self.model.requests[0]
        self.assertLessEqual(len(request.raw), 6 * 1024)
        self.assertIn("file_read", request.tool_names())
        self.model.script('text "Again."')
        self.assertEqual(self.say("again"), "Again.")
        self.assertNotIn("image_analyze", self.model.requests[-1].tool_names(), "this model is known to have no use for it")

    def test_the_next_is_asked_when_this_one_is_out_of_order_and_billed(self):
        other = "openai" if self.provider != "openai" else "anthropic"
        fallback = {**skep.llm_section(self.model, other), "model": "second-model"}
        self.start(llm__fallback=[fallback])
        self.model.script('error 402 "pay first"', 'text "From the second."', 'text "Again."')
        self.assertEqual(self.say(), "From the second.")
        self.assertEqual(self.say("and now?"), "Again.")
        self.assertEqual([request.provider for request in self.model.requests], [self.provider, other, other],
                         "who cannot be paid rests without being asked")
        code, out, err = self.agent.cli("usage", "--json")
        self.assertEqual(code, 0, err)
        self.assertIn("second-model", out)
        self.assertNotIn("scripted-model", out.replace("second-model", ""))

    def test_a_model_that_is_not_there_gives_way_to_the_next(self):
        other = "openai" if self.provider != "openai" else "anthropic"
        self.start(llm__fallback=[{**skep.llm_section(self.model, other), "model": "second-model"}])
        self.model.script('error 404 "no such model"', 'text "From the second."')
        self.assertEqual(self.say(), "From the second.")
        self.assertEqual(self.model.requests[-1].body["model"], "second-model")


def row_test(row):
    def test(self):
        self.start()
        self.check_row(row)
    return test


for _name, _row in ROWS.items():
    setattr(Rows, f"test_row_{_name}", row_test(_row))


class Anthropic(Rows, WholeHouse):
    provider = "anthropic"


class Openai(Rows, WholeHouse):
    provider = "openai"

    def adapts(self, problem, gone):
        self.start(llm__temperature=0.5)
        self.model.script(f'error 400 "{problem}"', 'text "Adapted."')
        self.assertEqual(self.say(), "Adapted.")
        first, second = (request.body for request in self.model.requests)
        self.assertIn(gone, first)
        self.assertNotIn(gone, second)

    def test_it_does_without_what_is_refused_temperature(self):
        self.adapts("Unsupported value: 'temperature' does not support 0.5", "temperature")

    def test_it_does_without_what_is_refused_max_tokens(self):
        self.adapts("Unsupported parameter: 'max_tokens', use 'max_completion_tokens'", "max_tokens")

    def test_it_does_without_what_is_refused_stream_options(self):
        self.adapts("Unrecognized request argument: stream_options", "stream_options")

    def test_any_name_with_an_address_is_a_provider_of_this_kind(self):
        """By a line in models.json, with a variable of its own for the key."""
        agent = self.agent = self.make_agent(llm__provider="foo", llm__api_key=None, llm__base_url=None)
        with open(os.path.join(agent.home, "models.json"), "w", encoding="utf-8") as out:
            json.dump({"providers": [{"id": "foo", "base_url": self.model.url + "/v1", "key_variables": ["FOO_API_KEY"]}]}, out)
        agent.env = {"FOO_API_KEY": skep.API_KEY}
        agent.start()
        self.model.script('text "Foo."')
        self.assertEqual(self.say(), "Foo.")
        self.assertEqual(self.model.requests[0].headers["authorization"], "Bearer " + skep.API_KEY)


class Gemini(Rows, WholeHouse):
    provider = "gemini"

    def test_thought_signatures_go_back_and_the_key_is_in_no_address(self):
        self.start()
        self.model.script('tool_call system_time {}', 'text "Late."')
        self.assertEqual(self.say(), "Late.")
        parts = [part for turn in self.model.requests[-1].body["contents"] for part in turn["parts"]]
        self.assertTrue(any(part.get("thoughtSignature", "").startswith("c2ln") for part in parts if "functionCall" in part), parts)
        for request in self.model.requests:
            self.assertNotIn(skep.API_KEY, request.path)


class Ollama(Rows, WholeHouse):
    provider = "ollama"

    def test_its_models_are_found_and_cost_nothing(self):
        self.agent = self.make_agent(provider="ollama", llm__model=None)
        self.model.models = ["found-model:latest"]
        self.agent.start()
        self.model.script('text "Here." then usage in=1000 out=1000')
        self.assertEqual(self.say(), "Here.")
        self.assertEqual(self.model.requests[0].body["model"], "found-model:latest")
        code, out, err = self.agent.cli("usage")
        self.assertEqual(code, 0, err)
        self.assertIn("$0.00", out)


if __name__ == "__main__":
    unittest.main()
