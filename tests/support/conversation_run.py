"""Plays a conversation against a real XMPP server, the scripted model server and a fresh skep."""
import os
import re
import time

from . import conversation as conv
from . import procs, skep, stanza_match
from .file_server import FileServer
from .model_script import ScriptError, parse_step, seconds
from .model_server import ModelServer
from .procs import Failure
from .stanza_match import BODY, PRESENCE, STATE
from .xmpp_wire import CLIENT, DELAY, WireClient, bare, pretty

RECEIVE_SECONDS = 20.0


def identity(stanza):
    return bare(stanza.get("from", "")), stanza.get("id"), stanza_match.kind(stanza)


class Player:
    """One conversation, once. `agent_class` starts the agent (self-tests give their own)."""

    def __init__(self, conversation, server, mode="component", provider="anthropic", agent_class=skep.Skep):
        self.conversation, self.server, self.mode = conversation, server, mode
        self.model = ModelServer()
        self._taken, self._link_died = set(), False
        self.agent_class, self.provider = agent_class, provider
        self.agent = None
        self.clients = {}
        self.values = {"agent": stanza_match.Address(skep.address(server, mode), mode == "client"),
                       "agent_full": skep.full_address(server, mode), "domain": server.domain, "component": server.component,
                       "agent_domain": server.component if mode == "component" else server.domain}
        self.files = FileServer() if "{files}" in conversation.text else None
        if self.files is not None:
            self.values["files"] = self.files.url
        self.last_body = ""
        self._asked_seen = 0    # requests that "was asked N times" has counted already
        self._scripted = 0      # steps up to here have had their model answers queued

    def play(self):
        step = None
        try:
            self._open()
            for index, step in enumerate(self.conversation.steps):
                self._queue_answers(index)
                getattr(self, "_do_" + step.verb)(step)
            step = None
            self._finish()
        except (AssertionError, ScriptError, stanza_match.PatternError, conv.ConversationError, OSError) as problem:
            raise Failure(self._report(step, problem)) from problem
        finally:
            self._close()

    def _fill(self, text):
        """Puts known {name}s in; braces of JSON stay."""
        for name, value in self.values.items():
            text = text.replace("{" + name + "}", getattr(value, "sent", value))
        return text

    def _strings(self, text):
        return [self._fill(item) for item in conv.strings(text)]

    # -- life ------------------------------------------------------------------------------------------------------------
    def _open(self):
        self.model.start()
        self.values["model_port"] = str(self.model.port)
        if self.mode == "client":
            skep.settle_account(self.server)
        for name, jid in self.conversation.clients.items():
            client = self.clients[name] = WireClient(self.server, jid).login()
            client.ping(self.server.domain)   # what an earlier conversation left in the offline store is here now
            client.drop()
        config = skep.default_config(self.server, self.mode, self.model, self.provider)
        hosts = [f"{self.server.host}:{self.server.http_port}"]   # its upload service
        skep.override(config, "attachments.allowed_hosts", hosts + ([self.files.host] if self.files is not None else []))
        for key, value in self.conversation.settings:
            skep.override(config, key, value)
        self.agent = self.agent_class(config)
        self._start_agent()

    def _start_agent(self):
        self.agent.start()
        self._online()

    def _online(self):
        skep.wait_online(self.agent, next(iter(self.clients.values())), self.mode)

    def _finish(self):
        for name, client in self.clients.items():
            if self.agent.running():
                client.ping(self.values["agent_full"])   # what is already on its way comes in front of the answer
            left = client.unread(lambda stanza: stanza_match.kind(stanza) not in (STATE, PRESENCE) and not self._is_repeat(stanza))
            if left:
                raise Failure(f"{name} got what nobody expected:\n" + "\n".join(map(pretty, left)))
        if self.model.problems:
            raise Failure("the agent sent requests that a provider would refuse:\n" + "\n".join(self.model.problems))
        if self.model.unused():
            raise Failure("the model was not asked for these answers:\n" + "\n".join(self.model.unused()))
        log = self.agent.log_text()
        for secret in (skep.API_KEY, self.server.component_secret, self.server.password("bot")):
            if secret in log:
                raise Failure(f"the agent's log shows the secret {secret!r}")

    def _close(self):
        for client in self.clients.values():
            client.close()
        if self.agent is not None:
            self.agent.close()
        if self.files is not None:
            self.files.close()
        self.model.close()

    def _report(self, step, problem):
        where = f"{self.conversation.path}:{step.line}: {step.text}" if step else f"{self.conversation.path}: at its end"
        parts = [f"{where}\n    [{self.server.kind}, {self.mode}, {self.provider}]  {self.conversation.title}", str(problem)]
        parts += [client.show() for client in self.clients.values()]
        parts.append(self.model.describe())
        if self.agent is not None:
            parts.append(self.agent.tail())
        return "\n\n".join(parts)

    # -- clients ---------------------------------------------------------------------------------------------------------
    def _client(self, step):
        return self.clients[step.match.group(1)]

    def _do_sends(self, step):
        text = stanza_match.substitute(step.rest, self.values)
        stanza_match.parse(text)
        self._client(step).send(text)

    def _do_receives(self, step):
        pattern = stanza_match.parse(step.rest)
        wanted = stanza_match.kind(pattern)
        exactly = bool(step.match.group("exactly"))
        client, deadline = self._client(step), time.monotonic() + RECEIVE_SECONDS
        skipped = []
        while True:
            stanza = client.next(seconds=max(0.0, deadline - time.monotonic()))
            if stanza is None:
                raise Failure(f"nothing that matches came within {RECEIVE_SECONDS:g} s"
                              + "".join(f"\n  passed over: {line}" for line in skipped[-5:]))
            differences, bound = stanza_match.compare(pattern, stanza, self.values, exactly)
            if not differences and self._is_late_repeat(stanza):
                differences = ["it came before"]
            if not differences:
                if wanted == BODY and not (stanza.findtext(CLIENT + "body") or "x").strip():
                    raise Failure(f"an empty body: {pretty(stanza)}")
                self.values.update(bound)
                self.last_body = stanza.findtext(CLIENT + "body") or self.last_body
                self._taken.add(identity(stanza))
                return
            kind = stanza_match.kind(stanza)
            if kind not in (STATE, PRESENCE) and not self._is_repeat(stanza):
                raise Failure(f"another {kind} came instead of the {wanted}:\n  got:      {pretty(stanza)}\n  expected: {step.rest}\n"
                              + "\n".join("  " + line for line in differences))
            skipped.append(f"{pretty(stanza)} ({'; '.join(differences)})")

    def _is_repeat(self, stanza):
        """A component's link that dies says a thing once more under the same id (docs/decisions/0004); clients merge that."""
        return self._link_died and identity(stanza) in self._taken

    def _is_late_repeat(self, stanza):
        return self._is_repeat(stanza) and stanza.find(DELAY + "delay") is not None

    def _do_receives_parts(self, step):
        """One long text in any number of messages: compared without white space."""
        wanted = re.sub(r"\s", "", parse_step(step.rest).text)
        got, count, deadline = "", 0, time.monotonic() + RECEIVE_SECONDS
        while len(got) < len(wanted):
            stanza = self._client(step).next(lambda s: stanza_match.kind(s) == BODY, max(0.0, deadline - time.monotonic()))
            if stanza is None or stanza.get("type") == "error":
                raise Failure(f"{len(got)} of {len(wanted)} characters came in {count} messages"
                              + (f", then {pretty(stanza)}" if stanza is not None else ""))
            self.last_body = stanza.findtext(CLIENT + "body")
            got, count = got + re.sub(r"\s", "", self.last_body), count + 1
        if got != wanted:
            at = next((i for i, (a, b) in enumerate(zip(got, wanted)) if a != b), min(len(got), len(wanted)))
            raise Failure(f"the text differs from character {at} on: expected {wanted[at:at + 60]!r}, got {got[at:at + 60]!r}")

    def _do_receives_nothing(self, step):
        """Twice round to the agent and to the server: what was sent before has been handled by then."""
        client = self._client(step)
        for _ in range(2):
            client.ping(self.values["agent_full"])
            client.ping(self.server.domain)
        stray = client.unread(lambda stanza: stanza_match.kind(stanza) in (BODY, STATE) and not self._is_late_repeat(stanza))
        if stray:
            raise Failure("expected silence, but this came:\n" + "\n".join(map(pretty, stray)))

    def _do_receives_no_presence(self, step):
        client = self._client(step)
        for _ in range(2):
            client.ping(self.values["agent_full"])
            client.ping(self.server.domain)
        stray = client.unread(lambda stanza: stanza_match.kind(stanza) == PRESENCE and stanza.get("type") not in ("error", "unavailable")   # the server's own answers
                              and bare(stanza.get("from", "")) != bare(client.jid))
        if stray:
            raise Failure("expected no presence, but this came:\n" + "\n".join(map(pretty, stray)))

    # -- model -----------------------------------------------------------------------------------------------------------
    def _queue_answers(self, index):
        """Before something is sent, the answers written right after it are put in place."""
        steps = self.conversation.steps
        if steps[index].verb not in ("sends", "model_answers", "agent", "server", "model_releases"):
            return
        at = max(index, self._scripted)
        while at < len(steps) and steps[at].verb in ("sends", "model_answers", "agent", "server", "model_releases"):
            if steps[at].verb == "model_answers":
                self.model.script(self._fill(steps[at].rest.replace("\n", " ")))
            at += 1
        self._scripted = at

    def _do_model_answers(self, step):
        pass   # queued already

    def _do_model_releases(self, _step):
        self.model.wait_until_holding()
        self.model.release()

    def _since(self):
        new, self._asked_seen = len(self.model.requests) - self._asked_seen, len(self.model.requests)
        return new

    def _do_model_not_asked(self, _step):
        count = self._since()
        if count:
            raise Failure(f"the model was asked {count} times")

    def _do_model_asked_times(self, step):
        self.model.wait_for_requests(self._asked_seen + int(step.match.group(1)))
        count = self._since()
        if count != int(step.match.group(1)):
            raise Failure(f"the model was asked {count} times")

    def _do_model_asked(self, step):
        """contains "a" lacks "b" tools "c": about the newest request."""
        self.model.wait_for_requests(1)
        request = self.model.requests[-1]
        for verb, quoted in re.findall(r'(contains|lacks|tools) ("(?:[^"\\]|\\.)*")', step.rest):
            text = self._strings(quoted)[0]
            has = text in request.tool_names() if verb == "tools" else request.contains(text)
            if has != (verb != "lacks"):
                raise Failure(f"the newest request {'lacks' if verb != 'lacks' else 'contains'} {text!r}")
        if not re.fullmatch(r'(?:\s*(?:contains|lacks|tools) "(?:[^"\\]|\\.)*")+', step.rest):
            raise conv.ConversationError('expected contains "…", lacks "…" or tools "…"')

    def _do_model_apart(self, step):
        first, second = self.model.requests[-2:]
        if second.started - first.started < seconds(step.match.group(1)):
            raise Failure(f"only {second.started - first.started:.3f} s lie between the last two requests")

    def _do_model_left(self, _step):
        """A request was given up by the agent before its answer was whole."""
        procs.wait_until(lambda: any(request.client_closed for request in self.model.requests),
                         "the agent closes a request early", 10.0)

    def _do_wait_holding(self, step):
        self.model.wait_until_holding(int(step.match.group(1) or 1))

    def _do_wait_asked(self, step):
        self.model.wait_for_requests(self._asked_seen + int(step.match.group(1) or 1))

    # -- files, logs -----------------------------------------------------------------------------------------------------
    def _eventually(self, check, what):
        procs.wait_until(check, what, 10.0)

    def _do_file_state(self, step):
        path, state = step.match.groups()
        self._eventually(lambda: bool(self.agent.files(path)) == (state == "exists"), f"{path} is {state}")

    def _do_file_count(self, step):
        path, count = step.match.group(1), int(step.match.group(2))
        self._eventually(lambda: len(self.agent.files(path)) == count, f"{count} files are {path}")

    def _do_file_text(self, step):
        path, verb = step.match.groups()
        for text in self._strings(step.rest):
            if verb == "contains":
                self._wait_for_text(path, text)
            elif text in (self.agent.read(path) or ""):
                raise Failure(f"{path} contains {text!r}:\n{self.agent.read(path)[-2000:]}")

    def _wait_for_text(self, path, text):
        self._eventually(lambda: text in (self.agent.read(path) or ""), f"{path} contains {text!r}")

    def _do_file_order(self, step):
        path, texts = step.match.group(1), self._strings(step.rest)

        def in_order():
            content, at = self.agent.read(path) or "", 0
            for text in texts:
                at = content.find(text, at)
                if at < 0:
                    return False
                at += len(text)
            return True
        try:
            self._eventually(in_order, f"{path} has these in order: {texts}")
        except Failure as failure:
            raise Failure(f"{failure}\n{path} holds:\n{(self.agent.read(path) or '(nothing)')[-3000:]}") from None

    def _do_file_gets(self, step):
        """Appends, as a person with an editor would; makes the file when it is not there."""
        path = os.path.join(self.agent.memory, step.match.group(1))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "a", encoding="utf-8") as out:
            out.write("".join(self._strings(step.rest)))

    def _do_last_body(self, step):
        for text in self._strings(step.rest):
            if (text in self.last_body) != (step.match.group(1) == "contains"):
                raise Failure(f"the last body was {self.last_body!r}")

    def _do_log(self, step):
        for text in self._strings(step.rest):
            if step.match.group(1) == "contains":
                self.agent.wait_for_log(text, 10.0, this_run=False)
            elif text in self.agent.log_text():
                raise Failure(f"the log contains {text!r}")

    def _do_wait_log(self, step):
        for text in self._strings(step.rest):
            self.agent.wait_for_log(text)

    # -- agent, server ---------------------------------------------------------------------------------------------------
    def _do_agent(self, step):
        verb = step.match.group(1)
        if verb in ("restarts", "stops"):
            code = self.agent.sigterm()
            if code != 0:
                raise Failure(f"the agent ended with {code} after SIGTERM")
        elif verb in ("is killed", "dies"):
            self.agent.kill9()
            self._link_died = True
        if verb in ("restarts", "is killed", "starts"):
            self._start_agent()

    def _do_server(self, step):
        verb = step.match.group(1)
        if verb in ("restarts", "stops"):
            for client in self.clients.values():
                client.close()
            self.server.stop()
            self._link_died = True
        if verb in ("restarts", "starts"):
            self.server.start()
            self.clients = {name: WireClient(self.server, jid).login()
                            for name, jid in self.conversation.clients.items()}
            self._online()

    def _do_wait_online(self, _step):
        self._online()
