"""What the scripted model does next: one Step per request, written in Python or as a line of text.

The line form (after "Model answers:" in a conversation, or a line of a --script FILE); parts are joined by `then`:

    text "4"                       text "word " times 4000        tool_call calc {"expr":"2+2"}
    error 529 retry-after 1        error 500 "text of the error"  empty        bad json       drops mid-stream
    stalls 2s                      stalls mid-stream 2s           holds        holds mid-stream
    drips 20ms                     splits 1 (bytes per write)     stop max_tokens             usage in=9 out=3 cache_read=7
    error-event "overloaded"       (an error inside the stream)
    crlf                           (lines of the stream end as HTTP's do)       same ids  (every call has the id "call_same")

In front: `when "part of the last user text"`, `always` (the step stays in the queue). `holds` waits for release().
"""
import dataclasses
import json
import re
import typing


@dataclasses.dataclass
class Step:
    text: typing.Optional[str] = None
    calls: list = dataclasses.field(default_factory=list)   # (name, arguments as a dict)
    status: int = 200
    error: str = ""
    retry_after: typing.Optional[str] = None
    fault: str = ""             # drop, bad_json, empty, error_event
    stall_first: float = 0.0    # seconds before the first byte
    stall_mid: float = 0.0
    hold_first: bool = False
    hold_mid: bool = False
    drip: float = 0.0           # seconds between writes
    split: int = 0              # bytes per write; 0: one event per write
    crlf: bool = False
    call_id: str = ""           # of every call; empty: a new one for each
    stop: str = ""              # end_turn, tool_use, max_tokens, refusal, ... ; empty: what fits
    usage: dict = dataclasses.field(default_factory=dict)   # in, out, cache_read, cache_write
    when: typing.Optional[str] = None
    predicate: typing.Optional[typing.Callable] = None      # of the Request
    always: bool = False
    label: str = ""

    def fits(self, request):
        if self.predicate is not None and not self.predicate(request):
            return False
        return self.when is None or self.when in request.last_user


class ScriptError(ValueError):
    pass


_STRING = r'"(?:[^"\\]|\\.)*"'


class _Line:
    """A cursor over one line of script."""

    def __init__(self, text):
        self.text, self.at = text, 0

    def take(self, pattern):
        match = re.compile(r"\s*(?:" + pattern + ")").match(self.text, self.at)
        if match:
            self.at = match.end()
        return match

    def string(self):
        match = self.take(f"({_STRING})")
        if not match:
            raise ScriptError(f"expected a quoted text at: {self.text[self.at:]!r}")
        return json.loads(match.group(1))

    def json_value(self):
        self.take("")
        try:
            value, end = json.JSONDecoder().raw_decode(self.text, re.compile(r"\s*").match(self.text, self.at).end())
        except ValueError as problem:
            raise ScriptError(f"bad JSON in {self.text!r}: {problem}") from None
        self.at = end
        return value

    def done(self):
        return not self.text[self.at:].strip()


def seconds(text):
    number, unit = re.fullmatch(r"([\d.]+)(ms|s)", text).groups()
    return float(number) * (0.001 if unit == "ms" else 1.0)


def _text(line, step, _match):
    step.text = (step.text or "") + line.string()
    times = line.take(r"times (\d+)")
    if times:
        step.text *= int(times.group(1))


def _call(line, step, match):
    step.calls.append((match.group(1), line.json_value()))


def _error(line, step, match):
    step.status = int(match.group(1))
    while True:
        after = line.take(r"retry-after (\S+)")
        if after:
            step.retry_after = after.group(1)
        elif line.take(f"(?={_STRING})"):
            step.error = line.string()
        else:
            return


def _error_event(line, step, _match):
    step.fault, step.error = "error_event", line.string()


def _stall(_line, step, match):
    setattr(step, "stall_mid" if match.group(1) else "stall_first", seconds(match.group(2)))


def _usage(_line, step, match):
    step.usage = {key: int(value) for key, value in (pair.split("=") for pair in match.group(1).split())}


def _set(name, value):
    return lambda _line, step, _match: setattr(step, name, value)


_PARTS = (
    (r"text", _text),
    (r"tool_call ([\w.-]+)", _call),
    (r"error-event", _error_event),
    (r"error (\d+)", _error),
    (r"drops mid-stream", _set("fault", "drop")),
    (r"bad json", _set("fault", "bad_json")),
    (r"empty", _set("fault", "empty")),
    (r"crlf", _set("crlf", True)),
    (r"same ids", _set("call_id", "call_same")),
    (r"stalls (mid-stream )?([\d.]+m?s)", _stall),
    (r"holds mid-stream", _set("hold_mid", True)),
    (r"holds", _set("hold_first", True)),
    (r"drips ([\d.]+m?s)", lambda _l, step, m: setattr(step, "drip", seconds(m.group(1)))),
    (r"splits (\d+)", lambda _l, step, m: setattr(step, "split", int(m.group(1)))),
    (r"stop (\w+)", lambda _l, step, m: setattr(step, "stop", m.group(1))),
    (r"usage ((?:\w+=\d+ ?)+)", _usage),
)


def parse_step(text):
    line, step = _Line(text), Step(label=text.strip())
    while True:
        if line.take(r"when\b"):
            step.when = line.string()
        elif line.take(r"always\b"):
            step.always = True
        else:
            break
    while True:
        for pattern, apply in _PARTS:
            match = line.take(pattern + r"(?![\w-])")
            if match:
                apply(line, step, match)
                break
        else:
            raise ScriptError(f"no model answer begins like this: {text[line.at:]!r}")
        if line.done():
            return step
        if not line.take(r"then\b"):
            raise ScriptError(f"expected 'then' at: {text[line.at:]!r}")


def parse_script(text):
    """One step a line; blank lines and # comments are skipped."""
    return [parse_step(line) for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
