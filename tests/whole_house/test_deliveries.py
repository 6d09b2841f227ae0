"""Where the answers of jobs go beside their person: webhooks, files in the workspace, mail."""
import os
import re

from support.certs import Authority
from support.hook_server import HookServer
from support.mail_server import MailServer
from support.model_server import Step
from whole_house.base import procs
from whole_house.agents import manifest
from whole_house.test_schedules import Jobs


class Deliveries(Jobs):
    def setUp(self):
        super().setUp()
        self.hooks = self.enterContext(HookServer())

    def hook_house(self, **more):
        return self.house(schedules__webhooks={"ops": {"url": self.hooks.url, "authorization": "Bearer t0ken-4711"}}, **more)

    def run_job(self, house, name="report", says="It will rain."):
        self.model.script(Step(text=says))
        self.cli_ok(house, "cron", "run", name)

    def wait_state(self, house, name, *states):
        def there():
            job = self.job(house, name)
            found = [one["last"] for one in job["deliver"]] if job else []
            return len(found) == len(states) and all(re.match(want, got) for want, got in zip(states, found))
        procs.wait_until(there, f"deliveries of {name} are {states}, not {self.job(house, name)}", 60)

    def file(self, house, path, folder="Helper"):
        try:
            with open(os.path.join(house.home, "workspaces", folder, path), encoding="utf-8") as source:
                return source.read()
        except FileNotFoundError:
            return ""


class Webhooks(Deliveries):
    def test_an_answer_is_posted_once_with_the_secret_of_its_webhook(self):
        house = self.hook_house()
        self.add(house, "@yearly", "look", "--name", "report", "--deliver", "webhook:ops")
        self.run_job(house)
        self.wait_state(house, "report", "done")
        [post] = self.hooks.posts
        job = self.job(house, "report")
        self.assertEqual({key: post.body[key] for key in ("job", "name", "agent", "failed", "text")},
                         {"job": job["id"], "name": "report", "agent": "Helper", "failed": False, "text": "It will rain."})
        self.assertEqual(post.headers["authorization"], "Bearer t0ken-4711")
        self.assertEqual(post.headers["skep-delivery"], post.body["id"])
        self.assertRegex(self.cli_ok(house, "cron", "show", "report"), r"deliver +webhook:ops: done \(20")
        self.assertNotIn("t0ken-4711", house.log_text() + self.cli_ok(house, "cron", "show", "report", "--json"))
        self.run_job(house, says="NO_REPLY")   # nothing to say, nothing to deliver
        self.wait_runs(house, "report", 2)
        self.assertEqual((len(self.hooks.posts), self.status(house)["delivered"]), (1, 1))

    def test_a_webhook_that_fails_is_tried_again_with_the_same_id_and_given_up(self):
        house = self.hook_house()
        self.hooks.statuses = [503, 200]
        self.add(house, "@yearly", "look", "--name", "report", "--deliver", "webhook:ops")
        self.run_job(house)
        self.wait_state(house, "report", "done")
        self.assertEqual(len(self.hooks.posts), 2)
        self.assertEqual(len({post.headers["skep-delivery"] for post in self.hooks.posts}), 1)
        for status in (404, 307):   # it will not be better the next time, and nobody is followed
            self.hooks.statuses = [status]
            posted, runs = len(self.hooks.posts), self.job(house, "report")["runs"]
            self.run_job(house)
            self.wait_runs(house, "report", runs + 1)
            self.wait_state(house, "report", f"failed: it answered {status}")
            self.assertEqual(len(self.hooks.posts), posted + 1)
        job = self.job(house, "report")
        self.assertEqual((job["failures"], job["enabled"]), (0, True))   # no failure of the job
        self.assertEqual(self.status(house)["undelivered"], 2)
        self.assertIn("failed: it answered 307", self.cli_ok(house, "cron", "show", "report"))

    def test_what_people_and_models_name_goes_through_the_guard(self):
        house = self.hook_house()
        code, _, err = house.cli("cron", "add", "@yearly", "look", "--deliver", f"webhook:{self.hooks.url}")
        self.assertNotEqual(code, 0)
        self.assertIn("loopback", err)
        code, _, err = house.cli("cron", "add", "@yearly", "look", "--deliver", "webhook:nobody")
        self.assertIn("no [schedules.webhooks.nobody]", err)
        for where, words in (("post:x", "webhook:ADDRESS"), ("file:../x", '".."'), ("mail:ann@example.org", "[mail]")):
            code, _, err = house.cli("cron", "add", "@yearly", "look", "--deliver", where)
            self.assertNotEqual(code, 0, where)
            self.assertIn(words, err)
        house.config["schedules"]["webhook_hosts"] = [self.hooks.host]   # an operator may let it
        house.write_config()
        self.assertIn("schedules.webhook_hosts", self.cli_ok(house, "config", "reload"))
        self.add(house, "@yearly", "look", "--name", "report", "--deliver", f"webhook:{self.hooks.url}")
        self.run_job(house)
        self.wait_state(house, "report", "done")
        self.assertNotIn("authorization", self.hooks.posts[0].headers)
        house.config["schedules"]["webhook_hosts"] = []
        house.write_config()
        self.cli_ok(house, "config", "reload")
        self.run_job(house)
        self.wait_state(house, "report", "failed: .*loopback")
        self.assertEqual(len(self.hooks.posts), 1)

    def test_a_kill_repeats_a_delivery_once_with_its_id_and_no_more(self):
        house = self.hook_house()
        self.add(house, "in 1s", "look", "--name", "report", "--deliver", "webhook:ops")
        self.hooks.hold()
        self.model.script(Step(text="It will rain."))
        procs.wait_until(lambda: len(self.hooks.posts) == 1, "it is posted", 60)
        house.kill9()
        self.hooks.release()
        house.start()
        procs.wait_until(lambda: len(self.hooks.posts) == 2, "it is posted again", 60)
        procs.wait_until(lambda: self.job(house, "report") is None, "a single time that was delivered is gone", 60)
        house.kill9()
        house.start()
        self.add(house, "@yearly", "look", "--name", "other", "--deliver", "webhook:ops")
        self.run_job(house, "other")
        self.wait_state(house, "other", "done")
        self.assertEqual([post.body["name"] for post in self.hooks.posts], ["report", "report", "other"])
        self.assertEqual(len({post.headers["skep-delivery"] for post in self.hooks.posts[:2]}), 1)

    def test_a_model_needs_the_right_and_loses_it(self):
        house = self.hook_house(authority__deny=["net_connect:127.0.0.1:*"])
        arguments = {"schedule": "@yearly", "message": "look", "name": "report", "deliver": ["webhook:ops"]}
        self.model.script(Step(calls=[("cron_create", arguments)]), Step(text="no"))
        self.assertEqual(house.cli("chat", "-m", "plan it")[0], 0)
        self.assertIn("net_connect", self.model.requests[-1].tool_results[0])
        self.assertEqual(self.jobs(house), {})
        house.config["authority"]["deny"] = []
        house.write_config()
        self.cli_ok(house, "config", "reload")
        self.model.script(Step(calls=[("cron_create", arguments)]), Step(text="yes"))
        self.assertEqual(house.cli("chat", "-m", "plan it")[0], 0)
        self.run_job(house)
        self.wait_state(house, "report", "done")
        house.config["authority"]["deny"] = ["net_connect:127.0.0.1:*"]
        house.write_config()
        self.cli_ok(house, "config", "reload")
        self.run_job(house)
        self.wait_state(house, "report", "failed: ")
        self.assertEqual(len(self.hooks.posts), 1)


class Files(Deliveries):
    def test_answers_are_added_at_the_end_of_a_file_of_the_agents_own(self):
        house = self.house()
        self.spawn(house, manifest("clerk"))
        self.add(house, "@yearly", "look", "--name", "report", "--agent", "clerk", "--deliver", "file:notes/weather.md")
        for number, words in enumerate(("Rain.", "Sun."), 1):
            self.run_job(house, says=words)
            self.wait_runs(house, "report", number)
            self.wait_state(house, "report", "done")
        text = self.file(house, "notes/weather.md", "clerk")
        self.assertEqual(re.findall(r"^## report, 20\S+ \(\S+\)$", text, re.MULTILINE).__len__(), 2, text)
        self.assertRegex(text, r"(?s)Rain\..*Sun\.")
        self.assertEqual(self.file(house, "notes/weather.md"), "")

    def test_no_link_leads_out_and_the_failure_is_shown(self):
        house = self.house()
        outside = os.path.join(house.home, "outside")
        self.add(house, "@yearly", "look", "--name", "report", "--deliver", "file:notes.md")
        workspace = os.path.join(house.home, "workspaces", "Helper")
        os.makedirs(workspace, exist_ok=True)
        os.symlink(outside, os.path.join(workspace, "notes.md"))
        self.run_job(house)
        self.wait_state(house, "report", "failed: .*link")
        self.assertFalse(os.path.exists(outside))
        self.assertEqual(self.job(house, "report")["failures"], 0)

    def test_a_person_sees_in_jobs_where_it_went(self):
        house = self.house()
        self.add(house, "@yearly", "look", "--name", "report", "--deliver", "file:notes.md", "--for", "ann@cli")
        self.run_job(house)
        self.wait_state(house, "report", "done")
        code, out, err = house.cli("chat", "--as", "ann@cli", "-m", "/jobs report")
        self.assertEqual(code, 0, err)
        self.assertIn("To file:notes.md: done", out)


class Mail(Deliveries):
    def mail_house(self, mail, **more):
        return self.house(mail={"server": mail.url, "from": "skep@example.test", **more})

    def test_mail_goes_over_tls_with_a_login(self):
        authority = Authority(procs.temp_dir("mail-certs"))
        mail = self.enterContext(MailServer("skep", "s3cret-4711", authority))
        house = self.mail_house(mail, user="skep", password="s3cret-4711", ca_file=authority.ca_file)
        self.add(house, "@yearly", "look", "--name", "Wetter für Ösel", "--deliver", "mail:ann@example.test")
        self.run_job(house, "Wetter für Ösel", "Es regnet – überall.")
        self.wait_state(house, "Wetter für Ösel", "done")
        [one] = mail.mails
        self.assertEqual((one.sender, one.to, one.subject, one.text),
                         ("skep@example.test", ["ann@example.test"], "Wetter für Ösel", "Es regnet – überall."))
        self.assertRegex(one.id, r"^<[0-9A-Z]{26}-1@example\.test>$")
        self.assertNotIn("s3cret-4711", house.log_text())

    def test_a_refusal_and_a_wrong_password_are_shown(self):
        authority = Authority(procs.temp_dir("mail-certs"))
        mail = self.enterContext(MailServer("skep", "s3cret-4711", authority))
        mail.refuse["bob@example.test"] = "550 no such user here"
        house = self.mail_house(mail, user="skep", password="s3cret-4711", ca_file=authority.ca_file)
        self.add(house, "@yearly", "look", "--name", "report", "--deliver", "mail:bob@example.test")
        self.run_job(house)
        self.wait_state(house, "report", "failed: the mail server refused: 550 no such user here")
        self.assertEqual(len(mail.logins), 1)   # for good: not tried again
        house.config["mail"]["password"] = "wrong-4712"
        house.write_config()
        self.assertIn("mail.password", self.cli_ok(house, "config", "reload"))
        self.run_job(house)
        self.wait_state(house, "report", "failed: the mail server refused: 535")
        self.assertEqual(mail.mails, [])

    def test_nothing_goes_to_a_server_without_tls_or_of_another_name(self):
        authority = Authority(procs.temp_dir("mail-certs"))
        mail = self.enterContext(MailServer())
        house = self.mail_house(mail)
        code, _, err = house.cli("cron", "add", "@yearly", "look", "--name", "report", "--deliver", "mail:ann@example.test")
        self.assertEqual(code, 0, err)
        self.run_job(house)
        self.wait_state(house, "report", "failed: the mail server")
        self.assertEqual(mail.mails, [])
        house.config["mail"]["tls"] = "off"   # on this machine an operator may
        house.write_config()
        self.cli_ok(house, "config", "reload")
        self.run_job(house)
        self.wait_state(house, "report", "done")
        self.assertEqual(len(mail.mails), 1)
        house.config["mail"]["server"] = "smtp://mail.example.org"
        house.write_config()
        code, out, err = house.cli("config", "reload")
        self.assertEqual(code, 78)
        self.assertIn("only for a server on this machine", out + err)
        del authority

    def test_agents_write_to_whom_the_operator_named(self):
        mail = self.enterContext(MailServer())
        house = self.mail_house(mail, tls="off", agents_may=["*@example.test"])
        for whom, words in (("eve@elsewhere.test", "agents_may"), ("ann@example.test", "Scheduled as report")):
            arguments = {"schedule": "@yearly", "message": "look", "name": "report", "deliver": [f"mail:{whom}"]}
            self.model.script(Step(calls=[("cron_create", arguments)]), Step(text="so"))
            self.assertEqual(house.cli("chat", "-m", "plan it")[0], 0)
            self.assertIn(words, self.model.requests[-1].tool_results[0])
        self.run_job(house)
        self.wait_state(house, "report", "done")
        self.assertEqual(mail.mails[0].to, ["ann@example.test"])
