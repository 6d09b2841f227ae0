"""Reads a .conv file: a title, settings, clients and steps. The form is described in tests/README.md."""
import dataclasses
import json
import re


class ConversationError(ValueError):
    pass


@dataclasses.dataclass
class StepLine:
    line: int
    text: str       # as written, for messages
    verb: str       # key of STEPS
    match: object   # the regex match of the head
    rest: str       # what follows the head, continuation lines included


@dataclasses.dataclass
class Conversation:
    path: str
    title: str = ""
    text: str = ""                                             # the whole file
    settings: list = dataclasses.field(default_factory=list)   # (dotted key, value)
    clients: dict = dataclasses.field(default_factory=dict)    # name -> full JID
    modes: tuple = ("component", "client")
    steps: list = dataclasses.field(default_factory=list)


_QUOTED = r'("(?:[^"\\]|\\.)*")'
STEPS = {
    "sends": r"(\w+) sends:",
    "receives_parts": r"(\w+) receives in parts:",
    "receives_nothing": r"(\w+) receives nothing$",
    "receives_no_presence": r"(\w+) receives no presence$",
    "receives": r"(\w+) receives(?P<exactly> exactly)?:",
    "model_answers": r"Model answers:",
    "model_not_asked": r"Model was not asked$",
    "model_asked_times": r"Model was asked (\d+) times?$",
    "model_apart": r"Model was asked at least ([\d.]+m?s) apart$",
    "model_left": r"Model was left alone$",
    "model_asked": r"Model was asked:",
    "model_releases": r"Model releases$",
    "file_state": r"File (\S+) (absent|exists)$",
    "file_count": r"Files (\S+) count (\d+)$",
    "file_text": r"File (\S+) (contains|lacks)(?= )",
    "file_order": r"File (\S+) has in order(?= )",
    "file_gets": r"File (\S+) gets(?= )",
    "last_body": r"Last body (contains|lacks)(?= )",
    "agent": r"Agent (restarts|is killed|dies|stops|starts)$",
    "server": r"Server (restarts|stops|starts)$",
    "log": r"Log (contains|lacks)(?= )",
    "wait_log": r"Wait until log contains(?= )",
    "wait_holding": r"Wait until model holds( \d+)?$",
    "wait_asked": r"Wait until model was asked(?: (\d+) times?)?$",
    "wait_online": r"Wait until agent is online$",
}
_COMPILED = {verb: re.compile(pattern) for verb, pattern in STEPS.items()}


def strings(text):
    """All quoted texts of a step, as JSON strings."""
    found = re.findall(_QUOTED, text)
    if not found or re.sub(_QUOTED, "", text).strip():
        raise ConversationError(f"expected quoted texts, found: {text.strip()}")
    return [json.loads(item) for item in found]


def load(path):
    with open(path, encoding="utf-8") as source:
        return parse(source.read(), path)


def parse(text, path):
    conversation, current = Conversation(path, text=text), None
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if stripped.startswith("#"):
            conversation.title = conversation.title or stripped.lstrip("# ")
        elif not stripped:
            current = None
        elif line[0] in " \t" and current is not None:
            current.rest += "\n" + stripped
            current.text += "\n    " + stripped
        elif not _header(conversation, stripped, number):
            current = _step(conversation, stripped, number)
            conversation.steps.append(current)
    if not conversation.title or not conversation.clients or not conversation.steps:
        raise ConversationError(f"{path}: a conversation needs a # title, a Clients: line and steps")
    return conversation


def _header(conversation, line, number):
    name, _, value = line.partition(":")
    where = f"{conversation.path}:{number}"
    if name == "Set":
        key, _, setting = (part.strip() for part in value.partition("="))
        try:
            conversation.settings.append((key, json.loads(setting)))
        except ValueError:
            raise ConversationError(f"{where}: the value of {key} is not a number, text, list, true or false") from None
    elif name == "Only":
        conversation.modes = tuple(value.split())
        if not set(conversation.modes) <= {"component", "client"}:
            raise ConversationError(f"{where}: Only: takes component or client")
    elif name == "Clients":
        for item in value.split():
            client, _, jid = item.partition("=")
            conversation.clients[client] = jid
    else:
        return False
    return True


def _step(conversation, line, number):
    for verb, pattern in _COMPILED.items():
        match = pattern.match(line)
        if match:
            step = StepLine(number, line, verb, match, line[match.end():].strip())
            if verb.startswith(("sends", "receives")) and match.group(1) not in conversation.clients:
                raise ConversationError(f"{conversation.path}:{number}: no client is called {match.group(1)}")
            return step
    raise ConversationError(f"{conversation.path}:{number}: no step looks like this: {line}")
