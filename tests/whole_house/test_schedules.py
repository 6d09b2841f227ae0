"""What runs by itself: jobs, agents that wake by their manifests, the supervisor, and a configuration that changes meanwhile."""
import datetime
import json
import re
import time

from support.model_server import Step
from whole_house.base import procs, xmpp_server
from whole_house.agents import Agents, asked_by, manifest, says

DUE = re.compile(r'\(Scheduled job "([^"]*)", due ([^.]*)\.')
BODY = "{jabber:client}body"


def dues(model, job):
    """The different due times with which the model heard of a job, in order."""
    found = [DUE.search(request.last_user) for request in list(model.requests)]
    return sorted({match.group(2) for match in found if match and match.group(1) == job})


def seconds_of(due):
    return datetime.datetime.fromisoformat(due.replace("Z", "+00:00")).timestamp()


class Jobs(Agents):
    def jobs(self, house):
        return {job["name"]: job for job in self.request(house, "GET", "/api/jobs")[1]["jobs"]}

    def job(self, house, name):
        return self.jobs(house).get(name)

    def status(self, house):
        return json.loads(house.http_get("/api/status")[1])["jobs"]

    def add(self, house, when, text, *more):
        return self.cli_ok(house, "cron", "add", when, text, *more)

    def wait_runs(self, house, name, count):
        procs.wait_until(lambda: (self.job(house, name) or {}).get("runs", 0) >= count, f"{count} runs of {name}", 60)


class Cron(Jobs):
    def test_times_are_those_of_a_places_clocks(self):
        house = self.make_agent()
        out = self.cli_ok(house, "cron", "next", "0 9 * * 1-5", "--zone", "Europe/Paris", "--from", "2026-03-26T12:00:00Z",
                          "-n", "4")
        self.assertEqual(out.split(), ["2026-03-27T08:00:00Z", "2026-03-30T07:00:00Z", "2026-03-31T07:00:00Z",
                                       "2026-04-01T07:00:00Z"])
        out = self.cli_ok(house, "cron", "next", "0 9 * * mon-fri", "--zone", "Europe/Paris", "--from", "2026-10-23T07:00:00Z",
                          "-n", "2", "--json")
        self.assertEqual(json.loads(out), ["2026-10-26T08:00:00Z", "2026-10-27T08:00:00Z"])

    def test_what_is_no_time_is_refused_with_the_reason(self):
        house = self.house()
        for when, words in (("0 25 * * *", "the hour"), ("0 0 30 2 *", "no month"), ("every 0s", "no length of time"),
                            ("tomorrow", "five fields"), ("at 2099-01-01T00:00:00Z", "over a year")):
            code, _, err = house.cli("cron", "add", when, "hello")
            self.assertNotEqual(code, 0, when)
            self.assertIn(words, err)
        code, _, err = house.cli("cron", "add", "@daily", "hello", "--zone", "Europe/Atlantis")
        self.assertIn("no time zone", err)
        code, _, err = house.cli("cron", "add", "@daily", "hello", "--agent", "nobody")
        self.assertIn('no agent "nobody"', err)
        self.assertEqual(self.jobs(house), {})

    def test_a_past_time_runs_once_and_is_gone(self):
        house = self.house()
        self.model.script(Step(text="Done."))
        self.add(house, "at 2020-01-01T00:00:00Z", "the old thing", "--name", "old")
        procs.wait_until(lambda: self.status(house)["ended"] == 1 and self.job(house, "old") is None, "it has run", 60)
        house.sigterm()
        house.start()
        self.add(house, "@yearly", "later", "--name", "later")
        self.assertEqual(dues(self.model, "old"), ["2020-01-01T00:00:00Z"])
        self.assertEqual(len(self.model.requests), 1)

    def test_five_failures_switch_a_job_off(self):
        house = self.house()
        self.model.script(Step(status=400, error="broken", always=True))
        self.add(house, "@yearly", "this breaks", "--name", "broken")
        for failures in range(1, 6):
            self.cli_ok(house, "cron", "run", "broken")
            procs.wait_until(lambda: self.job(house, "broken")["failures"] == failures, f"failure {failures}", 60)
            self.assertEqual(self.job(house, "broken")["enabled"], failures < 5)
        self.assertIn("5 times in a row", self.job(house, "broken")["why_off"])
        self.cli_ok(house, "cron", "resume", "broken")
        self.assertEqual((self.job(house, "broken")["enabled"], self.job(house, "broken")["failures"]), (True, 0))

    def test_missed_times_are_made_up_for_as_the_job_says(self):
        house = self.house()
        self.model.rule = lambda request: Step(text="NO_REPLY")
        for missed in ("skip", "once", "all"):
            self.add(house, "every 1s", "tick", "--name", missed, "--missed", missed)
            self.wait_runs(house, missed, 1)
        house.sigterm()
        down = time.time()
        procs.wait_until(lambda: time.time() > down + 5, "it is down for a while")
        up = time.time()
        house.start()
        for missed in ("skip", "once", "all"):
            procs.wait_until(lambda: any(seconds_of(due) > up + 2 for due in dues(self.model, missed)),
                             f"{missed} runs regularly again", 60)
        # A time is told in whole seconds: what is told as this second may be due after `up`.
        while_down = {missed: [due for due in dues(self.model, missed) if down < seconds_of(due) < up - 1]
                      for missed in ("skip", "once", "all")}
        self.assertEqual(while_down["skip"], [])
        self.assertLessEqual(len(while_down["once"]), 1)
        self.assertGreaterEqual(len(while_down["all"]), 3, while_down)

    def test_limits_hold(self):
        house = self.house(schedules__jobs_per_agent=2)
        self.add(house, "@yearly", "a")
        self.add(house, "@yearly", "b")
        code, _, err = house.cli("cron", "add", "@yearly", "c")
        self.assertEqual(code, 75, err)
        self.assertIn("jobs_per_agent", err)
        self.model.script(Step(calls=[("cron_create", {"schedule": "every 5s", "message": "spin"})]), Step(text="no"))
        self.assertEqual(house.cli("chat", "-m", "spin")[0], 0)
        self.assertIn("at most once in 60 s", self.model.requests[-1].tool_results[0])
        self.cli_ok(house, "cron", "del", "a")
        self.assertEqual(set(self.jobs(house)), {"b"})


class Waking(Jobs):
    def wakes(self, name):
        return [request for request in list(self.model.requests) if asked_by(name)(request)]

    def test_a_periodic_agent_keeps_its_schedule_over_a_restart(self):
        house = self.house()
        self.model.rule = lambda request: Step(text="NO_REPLY")
        self.spawn(house, 'schedule = { periodic = { cron = "every 1s" } }\n' + manifest("pulse"))
        self.wait_runs(house, "pulse (periodic)", 2)
        before = self.job(house, "pulse (periodic)")
        house.sigterm()
        house.start()
        self.wait_runs(house, "pulse (periodic)", before["runs"] + 2)
        self.assertEqual(self.job(house, "pulse (periodic)")["created_at"], before["created_at"])
        self.assertIn("every 1s", self.wakes("pulse")[-1].last_user)
        self.cli_ok(house, "agent", "pause", "pulse")
        runs = self.job(house, "pulse (periodic)")["runs"]
        paused = time.time()
        procs.wait_until(lambda: time.time() > paused + 3.5, "three times pass")
        self.assertLessEqual(self.job(house, "pulse (periodic)")["runs"], runs + 1)   # one may have been at its end
        self.cli_ok(house, "agent", "resume", "pulse")
        self.wait_runs(house, "pulse (periodic)", runs + 2)
        self.cli_ok(house, "agent", "kill", "pulse", "--yes")
        procs.wait_until(lambda: self.jobs(house) == {}, "its schedule goes with it", 30)

    def test_no_more_than_five_wake_at_once_and_none_twice(self):
        house = self.house()
        self.model.rule = lambda request: Step(text="NO_REPLY", hold_first=True)
        names = [f"a{number}" for number in range(7)]
        for name in names:
            self.spawn(house, "schedule = { continuous = { check_interval_secs = 1 } }\n" + manifest(name))
        self.model.wait_until_holding(5, 60)
        procs.wait_until(lambda: self.status(house)["dropped"] >= 14, "many times pass", 60)
        status = self.status(house)
        self.assertEqual((status["running"], status["waiting"]), (5, 2))
        self.assertEqual(self.model.holding, 5)
        awake = [name for name in names if self.wakes(name)]
        self.assertEqual((len(awake), len(self.model.requests)), (5, 5))
        self.model.rule = lambda request: Step(text="NO_REPLY")
        self.model.release()
        for name in names:
            self.wait_runs(house, f"{name} (continuous)", 1)

    def test_quiet_hours_are_quiet(self):
        house = self.house()
        now = datetime.datetime.now(datetime.timezone.utc)
        quiet = "-".join((now + datetime.timedelta(hours=hours)).strftime("%H:%M") for hours in (-2, 2))
        self.spawn(house, 'schedule = { periodic = { cron = "every 1s" } }\n' + manifest("owl")
                   + f'[autonomous]\nquiet_hours = "{quiet}"\ntime_zone = "UTC"\n')
        procs.wait_until(lambda: self.status(house)["dropped"] >= 3, "three times pass", 60)
        self.assertEqual(self.model.requests, [])

    def test_an_agent_waits_for_events(self):
        house = self.house(schedules__event_cooldown_secs=0)
        self.model.rule = lambda request: Step(text="Yes." if "still there?" in request.last_user else "NO_REPLY")
        self.spawn(house, 'schedule = { proactive = { conditions = ["event:agent_spawned"], max_fires = 2 } }\n'
                   + manifest("greeter"))
        for number, name in enumerate(("first", "second"), 1):
            self.spawn(house, manifest(name))
            self.wait_runs(house, "greeter (proactive)", number)
            heard = [request for request in self.wakes("greeter") if f'"name":"{name}"' in request.last_user]
            self.assertEqual(len(heard), 1, self.model.describe())
        self.spawn(house, manifest("third"))
        self.ask(house, "greeter", "still there?", "Yes.")
        self.assertEqual(self.job(house, "greeter (proactive)")["why_off"], "it woke 2 times (max_fires)")
        self.assertFalse(any('"name":"third"' in request.last_user for request in self.wakes("greeter")))

    def test_agents_that_cause_events_for_each_other_are_bounded(self):
        house = self.house(schedules__event_cooldown_secs=0, schedules__events_per_hour=3)
        made = iter(range(1, 100))

        def answer(request):
            if request.tool_results:
                return Step(text="NO_REPLY")
            return Step(calls=[("agent_spawn", {"manifest_toml": f'name = "child{next(made)}"\n'})])
        self.model.rule = answer
        self.spawn(house, 'schedule = { proactive = { conditions = ["all"] } }\n'
                   + manifest("mother", ["agent_spawn", "file_read", "file_list", "system_time"]))
        self.spawn(house, manifest("spark"))
        procs.wait_until(lambda: self.status(house)["dropped"] >= 1, "the limit is reached", 60)
        self.assertEqual(self.job(house, "mother (proactive)")["begun"], 3)
        children = [name for name in self.names(house) if name.startswith("child")]
        self.assertLessEqual(len(children), 3, children)

    def test_a_chain_of_events_ends_at_its_depth(self):
        house = self.house(schedules__event_cooldown_secs=0, schedules__event_depth_max=3)

        def answer(request):   # ping and pong wake each other with an event each
            name = next((name for name in ("ping", "pong") if asked_by(name)(request)), None)
            if name is None or request.tool_results:
                return Step(text="told" if "begin" in request.last_user else "NO_REPLY")
            return Step(calls=[("event_publish", {"event_type": f"from {name}", "payload": {}})])
        self.model.rule = answer
        for name, other in (("ping", "pong"), ("pong", "ping")):
            self.spawn(house, f'schedule = {{ proactive = {{ conditions = ["published:from {other}"] }} }}\n'
                       + manifest(name, ["event_publish"]))
        self.ask(house, "ping", "begin", "told")   # its event has depth 0, pong's 1, ping's 2, pong's 3, ping's 4
        procs.wait_until(lambda: self.status(house)["too_deep"] == 1, "the chain ends", 60)
        self.wait_runs(house, "pong (proactive)", 2)
        self.wait_runs(house, "ping (proactive)", 2)
        self.assertEqual([self.job(house, f"{name} (proactive)")["begun"] for name in ("ping", "pong")], [2, 2])
        self.ask(house, "ping", "begin", "told")   # who is asked by a person begins anew
        procs.wait_until(lambda: self.status(house)["too_deep"] == 2, "the second chain ends", 60)
        self.assertEqual([self.job(house, f"{name} (proactive)")["begun"] for name in ("ping", "pong")], [4, 4])

    def test_a_published_event_reaches_who_waits_for_its_words(self):
        house = self.house(schedules__event_cooldown_secs=0)
        said = {"news": "a Red Alert in hall 4", "tide": "high water", "idle talk": "all is well"}

        def answer(request):
            event = next((event for event in said if f"tell about {event}" in request.last_user), None)
            if event is None or request.tool_results:
                return Step(text="told" if event else "NO_REPLY")
            return Step(calls=[("event_publish", {"event_type": event, "payload": {"text": said[event]}})])
        self.model.rule = answer
        self.spawn(house, 'schedule = { proactive = { conditions = ["content:red alert", "published:tide"] } }\n' + manifest("guard"))
        self.spawn(house, manifest("herald", ["event_publish"]))
        self.ask(house, "herald", "tell about idle talk", "told")
        for number, event in enumerate(("news", "tide"), 1):
            self.ask(house, "herald", f"tell about {event}", "told")
            self.wait_runs(house, "guard (proactive)", number)
            self.assertIn(said[event], self.wakes("guard")[-1].last_user)
        self.assertEqual(len(self.wakes("guard")), 2)

    def test_a_schedule_that_makes_no_sense_is_refused(self):
        house = self.house()
        for schedule, words in (('{ periodic = { cron = "61 * * * *" } }', "the minute"),
                                ('{ periodic = { cron = "at 2026-12-24 18:00" } }', "comes again"),
                                ('{ proactive = { conditions = ["event:agent_spawn"] } }', 'did you mean "event:agent_spawned"?'),
                                ('{ proactive = { conditions = [] } }', "conditions"),
                                ('"sometimes"', "reactive"), ('{ }', "must be"), ('{ dayly = {} }', "dayly")):
            status, body = self.request(house, "POST", "/api/agents", {"manifest": f"schedule = {schedule}\n" + manifest("x")})
            self.assertEqual(status, 400, schedule)
            self.assertIn(words, body["error"]["message"])

    def test_a_child_wakes_by_itself_only_if_its_parent_may_schedule(self):
        house = self.house()
        child = 'name = "child"\nschedule = { periodic = { cron = "every 1m" } }\n'
        self.spawn(house, manifest("plain", ["agent_spawn", "file_read", "file_list", "system_time"]))
        self.model.script(Step(calls=[("agent_spawn", {"manifest_toml": child})]), Step(text="refused"))
        self.ask(house, "plain", "spawn", "refused")
        self.assertIn("privilege escalation: schedule", self.model.requests[-1].tool_results[0])
        self.spawn(house, manifest("planner", ["agent_spawn", "cron_*", "file_read", "file_list", "system_time"]))
        self.model.script(Step(calls=[("agent_spawn", {"manifest_toml": child})]), Step(text="made"))
        self.ask(house, "planner", "spawn", "made")
        procs.wait_until(lambda: "child (periodic)" in self.jobs(house), "it has a schedule", 30)


class Person(Jobs):
    needs_server = True
    options = xmpp_server.Options(accounts=("ann", "eve"))

    def test_a_person_has_something_done_and_is_told(self):
        house = self.house(agent__allowed_jids=["@example.test"], agent__admin_jids=[])
        ann, eve = self.login(), self.login("eve@example.test/x")
        self.online(house, ann)
        self.model.script(Step(calls=[("cron_create", {"schedule": "0 9 * * mon-fri", "time_zone": "Europe/Paris",
                                                       "message": "look at the weather", "name": "weather"})]),
                          Step(text="I will."))
        ann.message(self.address(house), "every workday at nine, the weather")
        self.assertEqual(ann.body(self.address(house)).findtext(BODY), "I will.")
        self.assertRegex(self.model.requests[-1].tool_results[0], r"Scheduled as weather .*0 9 \* \* mon-fri Europe/Paris")
        ann.message(self.address(house), "/jobs")
        self.assertIn("weather: 0 9 * * mon-fri", ann.body(self.address(house)).findtext(BODY))
        eve.message(self.address(house), "/jobs")
        self.assertIn("There are no jobs", eve.body(self.address(house)).findtext(BODY))
        self.model.script(Step(text="It will rain."), Step(text="NO_REPLY"), Step(text="It will shine."))
        for answer in ("It will rain.", None, "It will shine."):
            runs = self.job(house, "weather")["runs"]
            self.cli_ok(house, "cron", "run", "weather")
            if answer:
                self.assertEqual(ann.body(self.address(house)).findtext(BODY), answer)
            self.wait_runs(house, "weather", runs + 1)
        self.assertIn("look at the weather", self.model.requests[-1].last_user)
        eve.message(self.address(house), "/jobs cancel weather")
        self.assertIn('there is no job "weather"', eve.body(self.address(house)).findtext(BODY))
        ann.message(self.address(house), "/jobs cancel weather")
        self.assertIn("weather is ended", ann.body(self.address(house)).findtext(BODY))
        procs.wait_until(lambda: self.jobs(house) == {}, "it is gone", 30)


class Supervisor(Jobs):
    def stuck_house(self, hung_secs=2):
        return self.house(agents__heartbeat_secs=1, agents__hung_secs=hung_secs, agents__recovery_secs=1)

    def hang(self, house, name):
        self.model.script(Step(text="never", hold_first=True, predicate=asked_by(name)))
        code, out, err = self.chat(house, name, "work")
        self.assertEqual(code, 0, err)
        self.assertIn("sign of life", out)
        procs.wait_until(lambda: self.model.holding == 0, "the model is left alone", 30)

    def test_a_hung_agent_crashes_is_recovered_and_works(self):
        house = self.stuck_house()
        self.spawn(house, manifest("stuck"))
        self.hang(house, "stuck")
        procs.wait_until(lambda: self.entry(house, "stuck")["health"]["restarts"] == 1
                         and self.entry(house, "stuck")["state"] == "running", "it is started again", 60)
        self.model.script(says("stuck", "Back."))
        self.ask(house, "stuck", "and now?", "Back.")
        events = [event["event"] for event in self.request(house, "GET", "/api/agents/stuck/log")[1]["events"]]
        self.assertIn("crashed", events)
        self.assertLess(events.index("crashed"), len(events) - 1 - events[::-1].index("running"))
        self.assertIn("hung 1 times", self.cli_ok(house, "agent", "show", "stuck"))
        self.assertIn("1 turns hung", self.cli_ok(house, "status"))

    def test_an_agent_that_always_hangs_is_given_up_until_a_person_resumes_it(self):
        house = self.stuck_house()
        self.spawn(house, manifest("stuck"))
        for number in (1, 2):
            self.hang(house, "stuck")
            procs.wait_until(lambda: self.entry(house, "stuck")["health"]["restarts"] == number
                             and self.entry(house, "stuck")["state"] == "running", f"restart {number}", 60)
        self.hang(house, "stuck")
        procs.wait_until(lambda: self.entry(house, "stuck")["state"] == "terminated", "it is given up", 60)
        house.sigterm()
        house.start()
        self.assertEqual(self.entry(house, "stuck")["state"], "terminated")
        code, _, err = self.chat(house, "stuck", "hello")
        self.assertEqual(code, 69)
        self.assertIn("was given up", err)
        self.cli_ok(house, "agent", "resume", "stuck")
        self.model.script(says("stuck", "Again."))
        self.ask(house, "stuck", "hello", "Again.")

    def test_a_turn_that_works_slowly_is_no_hung_one(self):
        house = self.stuck_house(hung_secs=5)
        self.spawn(house, manifest("slow"))
        self.model.script(Step(text="one two three four five six", drip=0.8, predicate=asked_by("slow")))   # eight pieces
        self.ask(house, "slow", "speak slowly", "one two three four five six")
        self.assertEqual(self.entry(house, "slow")["health"]["hangs"], 0)
