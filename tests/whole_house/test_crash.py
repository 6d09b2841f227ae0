"""kill -9 at random moments of running conversations with tool calls (design: durability).

SKEP_CRASH_KILLS     how often the agent is killed (8; the bench takes 1000)
SKEP_CRASH_PEOPLE    conversations at once (6)
SKEP_CRASH_SEED      for repeating a run's random moments

Each person sends messages one after the other, asking for receipts, and sends a message again with the same id until it was
acknowledged. The scripted model calls memory_store, which is not repeatable, with a content that is unique for each call, and
answers with text once it has a result. Afterwards every message that was acknowledged has exactly one reply, counted by the
reply's id, and no tool call ran twice. Every third task is given to a sub-agent (spawn_agent, not repeatable either), whose model is
asked once for each call.

Meanwhile a job runs every second, missed times included, and calls memory_store as well. Afterwards each of its times has been
run, or counted as dropped, and none twice; and whom it is for has had exactly one answer for each run. A file of the workspace has each
answer once, and a webhook each under one id.
"""
import collections
import datetime
import itertools
import json
import os
import random
import re
import threading
import time
import unittest

from support.hook_server import HookServer
from support.model_server import Step
from whole_house.base import WholeHouse, procs, xmpp_server

KILLS = int(os.environ.get("SKEP_CRASH_KILLS", "8"))
PEOPLE = int(os.environ.get("SKEP_CRASH_PEOPLE", "6"))
SEED = int(os.environ.get("SKEP_CRASH_SEED", str(random.randrange(1 << 30))))
RESEND_SECONDS = 1.5
CLIENT = "{jabber:client}"
RECEIPT = "{urn:xmpp:receipts}received"
KEY = re.compile(r"task (p\d+-\d+)")
DUE = re.compile(r'\(Scheduled job "tick", due ([^.]*)\.')
TICKED = re.compile(r"ticked at (\S+)")
PART = re.compile(r"part of (p\d+-\d+ run \d+)")
SUMMARY = "You keep the memory of a conversation between a person and their assistant"   # compaction asks so
JOB = os.environ.get("SKEP_CRASH_JOB", "1") != "0"             # a job that ticks beside the people
JOB_FOR = "clock@example.test"
UNDER_WAY_MAX = 16   # deliveries at once


class Person(threading.Thread):
    """Sends tasks until told to stop, then finishes the one it is at."""

    def __init__(self, name, client, address, stop):
        super().__init__(daemon=True)
        self.person, self.client, self.address, self.stop_sending = name, client, address, stop
        self.acknowledged = set()                            # message ids with a receipt
        self.replies = collections.defaultdict(list)         # message id -> [(reply id, text)]
        self.current, self.resent, self.strange, self.next_send = None, 0, [], 0.0
        self.problem = None

    def run(self):
        try:
            for number in itertools.count():
                if self.stop_sending.is_set():
                    return
                self._task(f"{self.person}-{number}")
        except BaseException as problem:   # shown by the test
            self.problem = problem

    def _task(self, key):
        self.current = key
        deadline = time.monotonic() + 120
        self._send(key)
        while not self.replies[key]:
            if time.monotonic() > deadline:
                raise procs.Failure(f"{key}: no reply within 120 s (acknowledged: {key in self.acknowledged})")
            stanza = self.client.next(lambda s: s.tag == CLIENT + "message", seconds=0.1)
            if stanza is not None:
                self._take(stanza)
            if key not in self.acknowledged and time.monotonic() > self.next_send:
                self.resent += 1
                self._send(key)

    def _send(self, key):
        self.next_send = time.monotonic() + RESEND_SECONDS
        self.client.message(self.address, f"task {key}", stanza_id=key, extra='<request xmlns="urn:xmpp:receipts"/>')

    def _take(self, stanza):
        receipt = stanza.find(RECEIPT)
        if receipt is not None:
            self.acknowledged.add(receipt.get("id"))
        elif stanza.get("type") == "error":
            self.next_send = time.monotonic() + 0.05   # the agent is down, says the server
        elif stanza.find(CLIENT + "body") is not None:
            text = stanza.findtext(CLIENT + "body")
            match = KEY.search(text)
            if match is None:
                self.strange.append(text)
            self.replies[match.group(1) if match else self.current].append((stanza.get("id"), text))

    def drain(self):
        """Takes what still comes after the end: late second replies."""
        while (stanza := self.client.next(lambda s: s.tag == CLIENT + "message", seconds=0.0)) is not None:
            self._take(stanza)


class Crash(WholeHouse):
    options = xmpp_server.Options(accounts=tuple(f"p{number}" for number in range(PEOPLE)) + ("clock",))

    def setUp(self):
        super().setUp()
        self.random = random.Random(SEED)
        self.nonces = itertools.count(1)
        self.hooks = self.enterContext(HookServer())
        self.model.rule = self.answer
        self.parts_asked = collections.Counter()        # call -> how often its sub-agent began
        self.runs_asked = set()                         # due times that the model has heard of
        self.stored_at = collections.defaultdict(set)   # content -> the different timestamps it was seen with on disk

    def answer(self, request):
        if request.contains(SUMMARY):   # with tasks and ticks of old in it
            return Step(text="Tasks and ticks were done.", label="summary")
        part = PART.search(request.last_user)
        if part:
            self.parts_asked[part.group(1)] += 1
            return Step(text=f"part of {part.group(1)} is done", stall_first=self.random.random() * 0.06, label="part")
        due = DUE.search(request.last_user)
        if due:
            self.runs_asked.add(due.group(1))
            if request.tool_results:
                return Step(text=f"ticked at {due.group(1)}", label="tick")
            return Step(calls=[("memory_store", {"key": f"tick {due.group(1)}", "content": f"tick {due.group(1)} run {next(self.nonces)}"})])
        key = KEY.search(request.last_user)
        key = key.group(1) if key else "?"
        pause = self.random.random() * 0.06
        if request.tool_results:
            return Step(text=f"done with task {key}", stall_mid=pause, label=f"text {key}")
        content = f"{key} run {next(self.nonces)}"
        if key[-1:] in "258":
            return Step(calls=[("spawn_agent", {"task": f"part of {content}"})], stall_first=pause, label=f"spawn {key}")
        return Step(calls=[("memory_store", {"key": key, "content": content})], stall_first=pause, label=f"call {key}")

    def settings(self):
        """What the configuration holds beside the people."""
        return {}

    def strike(self, agent):
        agent.kill9()
        self.snapshot(agent)
        agent.start()

    def test_no_message_is_lost_and_no_tool_runs_twice(self):
        people = [f"p{number}" for number in range(PEOPLE)]
        agent = self.make_agent(agent__allowed_jids=[f"{name}@example.test" for name in people],
                                agent__flood_per_minute=10_000, agent__flood_burst=10_000,
                                reconnect__initial_secs=1, reconnect__max_secs=1,
                                schedules__webhooks={"ops": {"url": self.hooks.url}}, **self.settings())
        agent.start()
        stop = threading.Event()
        persons = [Person(name, self.login(f"{name}@example.test/c"), self.address(agent), stop) for name in people]
        self.online(agent, persons[0].client)
        clock = self.begin_ticking(agent) if JOB else None
        for person in persons:
            person.start()
        for _ in range(KILLS):
            time.sleep(0.02 + self.random.random() * 0.5)   # the random moment, not a synchronisation
            self.strike(agent)
        stop.set()
        for person in persons:
            person.join(150)
        self.settle(agent, persons)
        job = self.stop_ticking(agent) if JOB else None
        self.snapshot(agent)
        self.judge(agent, persons, self.job_problems(job, clock) + self.delivery_problems(agent) if JOB else [])

    def begin_ticking(self, agent):
        """The client of whom the job's runs are told."""
        clock = self.login("clock@example.test/c")
        code, out, err = agent.cli("cron", "add", "every 1s", "tick", "--name", "tick", "--missed", "all", "--for", JOB_FOR,
                                   "--deliver", "file:ticks.md", "--deliver", "webhook:ops")
        self.assertEqual(code, 0, out + err)
        return clock

    def stop_ticking(self, agent):
        """The job as it is when nothing of it is under way any more."""
        self.assertEqual(agent.cli("cron", "pause", "tick")[0], 0)

        def idle():
            jobs = json.loads(agent.http_get("/api/status")[1])["jobs"]
            return jobs["running"] == jobs["waiting"] == jobs["delivering"] == 0
        procs.wait_until(idle, "the job rests", 120)
        # What was said last is on the wire.
        self.online(agent, self.login("p0@example.test/late"), 60)
        return json.loads(agent.cli("cron", "show", "tick", "--json")[1])

    def job_problems(self, job, clock):
        clock.ping(self.server.domain)
        told = collections.defaultdict(set)    # due -> ids of what its person was told
        while (stanza := clock.next(lambda s: s.tag == CLIENT + "message", seconds=0.0)) is not None:
            match = TICKED.search(stanza.findtext(CLIENT + "body") or "")
            if match:
                told[match.group(1)].add(stanza.get("id"))
        problems = [f"the job's run of {due} was told under {len(ids)} ids" for due, ids in told.items() if len(ids) != 1]
        if set(told) != self.runs_asked:
            problems.append(f"asked but not told: {sorted(self.runs_asked - set(told))}, told but not asked: "
                            f"{sorted(set(told) - self.runs_asked)}")
        if job["runs"] != len(self.runs_asked):
            problems.append(f"the job counts {job['runs']} runs, the model heard of {len(self.runs_asked)}")
        created, following = (datetime.datetime.fromisoformat(job[key].replace("Z", "+00:00")) for key in ("created_at", "next"))
        times = round((following - created).total_seconds()) - 1
        if job["runs"] + job["dropped"] != times:
            problems.append(f"{times} times have come, {job['runs']} were run and {job['dropped']} dropped")
        print(f"\ncrash: the job's {times} times: {job['runs']} runs, {job['dropped']} dropped, {job['failures']} failed last", end="")
        return problems

    def delivery_problems(self, agent):
        """Of each run that the model has heard of: once in the file, and under one id at the webhook, repeated after a kill only."""
        with open(os.path.join(agent.home, "workspaces", "Helper", "ticks.md"), encoding="utf-8") as source:
            written = collections.Counter(TICKED.findall(source.read()))
        posted = collections.defaultdict(collections.Counter)   # due -> id -> how often
        for post in self.hooks.posts:
            posted[TICKED.search(post.body["text"]).group(1)][post.headers["skep-delivery"]] += 1
        problems = [f"the answer of {due} is {count} times in the file" for due, count in written.items() if count != 1]
        problems += [f"the answer of {due} was posted under {len(ids)} ids" for due, ids in posted.items() if len(ids) != 1]
        for name, there in (("written", written), ("posted", posted)):
            if set(there) != self.runs_asked:
                problems.append(f"not {name}: {sorted(self.runs_asked - set(there))}, {name} but not asked: "
                                f"{sorted(set(there) - self.runs_asked)}")
        again = sum(sum(ids.values()) - len(ids) for ids in posted.values())
        if again > KILLS * UNDER_WAY_MAX:
            problems.append(f"{again} posts were repeated in {KILLS} kills")
        print(f"\ncrash: {len(self.hooks.posts)} posts of {len(posted)} answers, {again} of them repeated with the same id", end="")
        return problems

    def settle(self, agent, persons):
        """Until nothing is under way: then no late reply can come."""
        self.online(agent, persons[0].client, 60)
        for person in persons:
            person.client.ping(self.address(agent))
            person.client.ping(self.server.domain)
            person.drain()

    def snapshot(self, agent):
        """While the agent is dead: what memory_store has done so far."""
        for path in agent.files("*/knowledge.jsonl"):
            with open(path, encoding="utf-8") as source:
                for line in source:
                    entry = json.loads(line)
                    self.stored_at[entry["content"]].add(entry.get("ts"))

    def judge(self, agent, persons, more):
        problems, duplicates, acknowledged, sent = [], 0, 0, 0
        for person in persons:
            if person.problem is not None:
                problems.append(f"{person.person}: {person.problem}")
            sent += len(person.replies)
            for key in sorted(person.acknowledged | set(person.replies)):
                replies = person.replies[key]
                ids = {reply_id for reply_id, _ in replies}
                acknowledged += key in person.acknowledged
                duplicates += len(replies) - len(ids)
                if len(ids) != 1:
                    problems.append(f"{key}: {len(ids)} different replies (acknowledged: {key in person.acknowledged}): {replies}")
                if None in ids:
                    problems.append(f"{key}: a reply without id")
            problems += [f"{person.person}: an odd reply: {text}" for text in person.strange]
        problems += self.tool_problems(agent) + more
        problems += [f"refused request: {reason}" for reason in self.model.problems]
        resent = sum(person.resent for person in persons)
        print(f"\ncrash: seed {SEED}, {KILLS} kills, {sent} messages, {acknowledged} acknowledged, {resent} sent again, "
              f"{duplicates} replies repeated with the same id, {len(self.model.requests)} model requests, "
              f"{len(problems)} problems", flush=True)
        self.assertEqual(problems, [], f"seed {SEED}\n" + "\n".join(problems[:30]))
        self.assertGreater(acknowledged, 0)

    def tool_problems(self, agent):
        """A call that ran twice shows in three places: results the model was given, tool lines, timestamps on disk."""
        problems = []
        succeeded = collections.defaultdict(set)     # task -> contents of calls whose success was reported
        for request in self.model.requests:
            for call, result in calls_with_results(request.body):
                if not result[1] and "content" in call[1]:
                    succeeded[call[1]["key"]].add(call[1]["content"])
        problems += [f"{key}: stored by {len(contents)} calls: {sorted(contents)}"
                     for key, contents in succeeded.items() if len(contents) > 1]
        lines = collections.Counter()
        for path in agent.files("**/*.jsonl"):
            with open(path, encoding="utf-8") as source:
                for line in source:
                    entry = json.loads(line)   # every line must be whole
                    if entry.get("type") == "tool" and not entry.get("is_error"):
                        lines[json.dumps(entry.get("arguments"))] += 1
        problems += [f"{arguments}: {count} successful tool lines" for arguments, count in lines.items() if count > 1]
        problems += [f"{call}: its sub-agent began {count} times" for call, count in self.parts_asked.items() if count > 1]
        problems += [f"{content}: written at {sorted(map(str, stamps))}"
                     for content, stamps in self.stored_at.items() if len(stamps) > 1]
        return problems


def calls_with_results(body):
    """Pairs ((name, arguments), (text, is_error)) of an Anthropic request."""
    calls = {}
    for message in body.get("messages", []):
        for block in message["content"] if isinstance(message["content"], list) else []:
            if block["type"] == "tool_use":
                calls[block["id"]] = (block["name"], block["input"])
            elif block["type"] == "tool_result" and block["tool_use_id"] in calls:
                yield calls.pop(block["tool_use_id"]), (json.dumps(block.get("content")), block.get("is_error", False))


if __name__ == "__main__":
    unittest.main()
