"""Files over real upload services: what people send is read, what the agent sends can be fetched, and neither is lost or led astray."""
import json
import os
import random
import sys
import time
import unittest
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from support import procs, skep                                # noqa: E402
from support.file_server import PNG, FileServer, pdf    # noqa: E402
from support.model_server import Step                   # noqa: E402
from support.xmpp_server import Options                 # noqa: E402
from support.xmpp_wire import CLIENT                    # noqa: E402
from whole_house.base import WholeHouse                 # noqa: E402

UPLOAD = "{urn:xmpp:http:upload:0}"
OOB = "{jabber:x:oob}"
SFS = "{urn:xmpp:sfs:0}"
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def fetch(url):
    with OPENER.open(url, timeout=20) as answer:
        return answer.read()


def oob(url):
    return f'<x xmlns="jabber:x:oob"><url>{url}</url></x>'


class Files(WholeHouse):
    options = Options(upload_bytes_max=100_000)

    def setUp(self):
        super().setUp()
        self.files = FileServer()
        self.addCleanup(self.files.close)
        self.ann = self.login()

    def agent(self, mode, **overrides):
        hosts = [self.files.host, f"{self.server.host}:{self.server.http_port}"]
        agent = self.make_agent(mode, attachments__allowed_hosts=hosts, **overrides).start()
        self.online(agent, self.ann)
        return agent

    def upload(self, name, body, media_type):
        """As a person's client does; gives the URL to send."""
        service = "upload." + self.server.domain
        slot = self.ann.iq("get", service, f'<request xmlns="urn:xmpp:http:upload:0" filename="{name}" size="{len(body)}" '
                                           f'content-type="{media_type}"/>').find(UPLOAD + "slot")
        self.assertIsNotNone(slot)
        put = slot.find(UPLOAD + "put")
        request = urllib.request.Request(put.get("url"), body, {"Content-Type": media_type}, method="PUT")
        for header in put.findall(UPLOAD + "header"):
            request.add_header(header.get("name"), header.text)
        with OPENER.open(request, timeout=20) as answer:
            self.assertIn(answer.status, (200, 201))
        return slot.find(UPLOAD + "get").get("url")

    def send_url(self, agent, url, text=""):
        self.ann.message(self.address(agent), f"{text} {url}".strip(), extra=oob(url))

    def reply(self, agent):
        return self.ann.body(self.address(agent)).findtext(CLIENT + "body")

    def read_uploaded(self, mode):
        agent = self.agent(mode, llm__model="claude-sonnet-4-5-20250929")   # it takes pictures
        self.model.script('text "A picture and a paper."')
        urls = [self.upload("cat.png", PNG, "image/png"), self.upload("bees.pdf", pdf("Bees can count"), "application/pdf")]
        self.ann.message(self.address(agent), urls[0], extra="".join(map(oob, urls)))
        self.assertEqual(self.reply(agent), "A picture and a paper.")
        asked = self.model.requests[-1]
        self.assertTrue(asked.contains("iVBORw0KGgo"))
        self.assertTrue(asked.contains("Bees can count"))

    def test_a_component_reads_what_people_upload(self):
        self.read_uploaded("component")

    def test_an_account_reads_what_people_upload(self):
        self.read_uploaded("client")

    VISION = {"vision": "anthropic:claude-sonnet-4-5-20250929"}   # the usual model takes no pictures

    def seen_by(self, number):
        request = self.model.requests[number]
        return request.body["model"], request.contains("iVBORw0KGgo")

    def test_pictures_go_to_the_tier_that_sees_and_the_next_turn_to_the_usual_one(self):
        agent = self.agent("component", llm__tiers=self.VISION)
        self.model.script('text "Hello."', 'text "A cat."', 'text "Yes, a cat."')
        self.ask(agent, self.ann, "hello", "Hello.")
        self.send_url(agent, self.files.url + "/cat.png", "what is this?")
        self.assertEqual(self.reply(agent), "A cat.")
        self.ask(agent, self.ann, "really?", "Yes, a cat.")
        self.assertEqual([self.seen_by(number) for number in range(3)],
                         [("scripted-model", False), ("claude-sonnet-4-5-20250929", True), ("scripted-model", False)])

    def test_without_a_model_that_sees_the_words_say_so(self):
        agent = self.agent("component")
        self.model.script('text "I cannot see it."')
        self.send_url(agent, self.files.url + "/cat.png")
        self.assertEqual(self.reply(agent), "I cannot see it.")
        self.assertEqual(self.seen_by(0), ("scripted-model", False))

    def test_a_picture_that_waits_for_its_turn_is_seen_after_a_kill(self):
        agent = self.agent("component", llm__tiers=self.VISION)
        self.model.script("holds", 'text "First."')
        self.ann.message(self.address(agent), "one moment")
        self.model.wait_until_holding()
        self.send_url(agent, self.files.url + "/cat.png", "and this?")
        procs.wait_until(lambda: json.loads(agent.http_get("/api/status")[1])["agent"]["accepted"] == 2, "the picture is accepted", 30,
                         alive=agent.process, interval=0.1)
        agent.kill9()
        self.model.reset()
        self.model.script('when "one moment" text "First."', 'when "and this?" text "A cat."')
        agent.start()
        self.assertEqual([self.reply(agent), self.reply(agent)], ["First.", "A cat."])
        self.assertEqual(self.seen_by(-1), ("claude-sonnet-4-5-20250929", True))

    def test_a_picture_that_the_model_was_about_to_see_is_shown_again_after_a_kill(self):
        """Fetched with the message, and looked up with a tool: neither is lost with the process."""
        agent = self.agent("component", llm__model="claude-sonnet-4-5-20250929")
        self.model.script('tool_call image_analyze {"path":"red.png"}', "holds", 'text "Red."')
        workspaces = os.path.join(agent.home, "workspaces")
        with open(os.path.join(workspaces, os.listdir(workspaces)[0], "red.png"), "wb") as out:
            out.write(PNG)
        self.ann.message(self.address(agent), "look at it")
        self.model.wait_until_holding()
        self.assertEqual(self.seen_by(-1)[1], True, self.model.describe())
        agent.kill9()
        self.model.reset()
        self.model.script('text "Red."')
        agent.start()
        self.assertEqual(self.reply(agent), "Red.")
        self.assertEqual([self.seen_by(0)[1], len(self.model.requests)], [True, 1])

    def send_file(self, mode):
        agent = self.agent(mode)
        content = "word " * 1000
        self.model.script("tool_call file_write " + json.dumps({"path": "words.txt", "content": content}),
                          'tool_call send_file {"path":"words.txt"}', 'text "Sent."')
        self.ann.message(self.address(agent), "send it")
        message = self.ann.body(self.address(agent))
        url = message.findtext(f"{OOB}x/{OOB}url")
        self.assertEqual(message.findtext(CLIENT + "body"), url)
        self.assertIsNotNone(message.find(SFS + "file-sharing"))
        self.assertEqual(fetch(url).decode(), content)
        self.assertEqual(self.reply(agent), "Sent.")

    def test_a_component_sends_files(self):
        self.send_file("component")

    def test_an_account_sends_files(self):
        self.send_file("client")

    def test_a_file_over_the_services_limit_is_not_uploaded(self):
        agent = self.agent("component")
        self.model.script("tool_call file_write " + json.dumps({"path": "big.txt", "content": "x" * 100_001}),
                          'tool_call send_file {"path":"big.txt"}', 'text "It does not fit."')
        self.ann.message(self.address(agent), "send it")
        self.assertEqual(self.reply(agent), "It does not fit.")
        self.assertTrue(self.model.requests[-1].contains("Not sent: the upload service takes files up to"))

    def test_a_file_that_was_on_its_way_when_it_died_is_read_and_answered_once(self):
        agent = self.agent("component")
        self.model.script('text "At last."')
        self.send_url(agent, self.files.url + "/held.txt")
        self.files.wait_until_asked("/held.txt")
        agent.kill9()
        self.files.release()
        agent.start()
        self.assertEqual(self.reply(agent), "At last.")
        self.assertTrue(self.model.requests[-1].contains("At last."))
        self.assertEqual(len(self.model.requests), 1)
        self.assertEqual(len(agent.files("ann@example.test/files/*")), 1)

    def test_a_file_that_was_fetched_is_not_fetched_again_after_a_kill(self):
        agent = self.agent("component")
        self.model.script("holds", 'text "At noon."')
        self.send_url(agent, self.files.url + "/notes.txt")
        self.model.wait_until_holding()
        agent.kill9()
        self.model.release()
        agent.start()
        self.assertEqual(self.reply(agent), "At noon.")
        self.assertTrue(self.model.requests[-1].contains("The meeting is at noon."))
        self.assertEqual(self.files.asked, ["/notes.txt"])

    def test_a_slow_file_delays_nobody_else(self):
        agent = self.agent("component")
        bob = self.login("bob@example.test/desk")
        self.send_url(agent, self.files.url + "/held.txt")
        self.files.wait_until_asked("/held.txt")
        self.model.script('when "quick" text "Here."')
        bob.message(self.address(agent), "quick question")
        self.assertEqual(bob.body().findtext(CLIENT + "body"), "Here.")
        self.files.release()
        self.model.script('text "At last."')
        self.assertEqual(self.reply(agent), "At last.")

    def test_without_being_named_the_loopback_service_is_refused(self):
        agent = self.make_agent("component").start()
        self.online(agent, self.ann)
        self.send_url(agent, self.upload("notes.txt", b"secret words", "text/plain"))
        self.assertIn("You said", self.reply(agent))
        self.assertTrue(self.model.requests[-1].contains("You cannot see this file: its address is not https"))
        self.assertFalse(self.model.requests[-1].contains("secret words"))
        status = json.loads(agent.http_get("/api/status")[1])
        self.assertEqual(status["attachments"]["forbidden"], 1)


class PlayedUploads(WholeHouse):
    """An upload service that says what it likes: eve's client plays it."""
    SERVICE = "eve@example.test/up"
    options = Options(upload_bytes_max=100_000)
    overrides = {}

    def setUp(self):
        super().setUp()
        self.files = FileServer()
        self.addCleanup(self.files.close)
        self.ann, self.eve = self.login(), self.login(self.SERVICE)
        self.eve.disco_answer = ('<query xmlns="http://jabber.org/protocol/disco#info"><identity category="store" type="file"/>'
                                 '<feature var="urn:xmpp:http:upload:0"/></query>')
        self.agent = self.make_agent("component", attachments__allowed_hosts=[self.files.host],
                                     attachments__upload_service=self.SERVICE, **self.overrides).start()
        self.online(self.agent, self.ann)
        self.asked = 0

    def give_slot(self, slot):
        request = self.eve.next(lambda s: s.tag == CLIENT + "iq" and s.find(UPLOAD + "request") is not None)
        self.eve.send(f'<iq type="result" id="{request.get("id")}" to="{request.get("from")}">{slot}</iq>')
        return request.find(UPLOAD + "request")

    @staticmethod
    def slot(put, get, headers=""):
        return f'<slot xmlns="urn:xmpp:http:upload:0"><put url="{put}">{headers}</put><get url="{get}"/></slot>'


class UploadSlots(PlayedUploads):
    def send_with_slot(self, slot):
        """The agent is told to send a file and gets `slot` for it; what the tool said."""
        self.asked += 1
        self.model.script('tool_call file_write {"path":"a.txt","content":"words"}', 'tool_call send_file {"path":"a.txt"}',
                          f'text "Done {self.asked}."')
        self.ann.message(self.address(self.agent), f"send it {self.asked}")
        self.assertEqual(self.give_slot(slot).get("size"), "5")
        bodies = [self.ann.body(self.address(self.agent)).findtext(CLIENT + "body")]
        while bodies[-1] != f"Done {self.asked}.":
            bodies.append(self.ann.body(self.address(self.agent)).findtext(CLIENT + "body"))
        return self.model.requests[-1].tool_results, bodies[:-1]

    def test_slots_that_lie_are_refused_and_counted(self):
        good = self.files.url + "/up/a.txt"
        lies = [self.slot("http://169.254.169.254/latest", good), self.slot("https://10.0.0.1/a", "https://10.0.0.1/a"),
                self.slot(good, "https://elsewhere.example.org/a.txt"), self.slot(good, "http://example.org/a.txt"),
                self.slot("https://user:word@example.org/a", "https://example.org/a"), self.slot("file:///etc/passwd", good)]
        for lie in lies:
            results, sent = self.send_with_slot(lie)
            self.assertIn("Not sent: the upload service", str(results))
            self.assertEqual(sent, [])
        results, sent = self.send_with_slot('<slot xmlns="urn:xmpp:http:upload:0"/>')
        self.assertIn("Not sent: the answer holds no slot", str(results))
        self.assertEqual(self.files.uploads, {})
        status = json.loads(self.agent.http_get("/api/status")[1])
        self.assertEqual(status["xmpp"]["counters"]["false_slots"], len(lies))

    def test_a_put_that_is_refused_or_sent_elsewhere_sends_nothing_and_is_counted(self):
        for answer, place in ((507, "full"), (307, "moved")):
            url = f"{self.files.url}/{place}/a.txt"
            results, sent = self.send_with_slot(self.slot(url, url))
            self.assertIn(f"Not sent: the upload was answered with {answer}", str(results))
            self.assertEqual((sent, self.files.uploads), ([], {}))
        status = json.loads(self.agent.http_get("/api/status")[1])
        self.assertEqual(status["xmpp"]["counters"]["upload_failures"], 2)

    def test_of_a_slots_headers_only_the_three_that_are_allowed_are_sent(self):
        url = self.files.url + "/up/a.txt"
        headers = ('<header name="Authorization">Basic x</header><header name="Host">evil.example</header>'
                   '<header name="X-Evil">1</header><header name="Cookie">a=b</header>')
        results, sent = self.send_with_slot(self.slot(url, url, headers))
        self.assertEqual(sent, [url])
        got, body = self.files.uploads["/up/a.txt"]
        self.assertEqual(body, b"words")
        self.assertEqual((got.get("Authorization"), got.get("Cookie"), got.get("Host"), got.get("X-Evil"), got["Content-Type"]),
                         ("Basic x", "a=b", self.files.host, None, "text/plain"))


class LongAnswers(PlayedUploads):
    STORY = "Bees live in hives and have done so for a very long time.\n\n" * 60
    overrides = {"agent__long_reply": "file", "agent__long_reply_bytes": 2000}

    def tell(self, slot):
        self.model.script("text " + json.dumps(self.STORY))
        self.ann.message(self.address(self.agent), "all about bees")
        self.give_slot(slot)

    def body(self):
        message = self.ann.body(self.address(self.agent))
        return message.get("id"), message.findtext(CLIENT + "body")

    def counters(self):
        return json.loads(self.agent.http_get("/api/status")[1])["xmpp"]["counters"]

    def in_parts(self):
        """Collects the answer until it is whole; it says why it comes so, and comes once."""
        parts = [self.body()[1]]
        self.assertTrue(parts[0].startswith("(This was to come as a file, but it could not be uploaded"), parts[0])
        while "".join("".join(parts).split()).count("Beesliveinhives") < 60:
            parts.append(self.body()[1])
        self.ask(self.agent, self.ann, "thanks", "You said: thanks")
        self.assertEqual(self.counters()["long_as_parts"], 1)

    def test_an_upload_that_is_refused_makes_it_come_in_parts(self):
        url = self.files.url + "/full/answer.txt"
        self.tell(self.slot(url, url))
        self.in_parts()
        self.assertNotIn("no room for you", self.agent.log_text())
        self.assertEqual(self.counters()["upload_failures"], 1)

    def test_a_slot_that_lies_makes_it_come_in_parts(self):
        self.tell(self.slot("http://169.254.169.254/latest", self.files.url + "/up/answer.txt"))
        self.in_parts()
        self.assertEqual(self.counters()["false_slots"], 1)

    def test_a_kill_during_the_upload_leaves_one_answer(self):
        slow, good = self.files.url + "/slow/answer.txt", self.files.url + "/up/answer.txt"
        self.tell(self.slot(slow, slow))
        self.files.wait_until_asked("PUT /slow/answer.txt")
        self.agent.kill9()
        self.files.release()
        self.agent.start()
        self.give_slot(self.slot(good, good))
        (first, lead), (second, url) = self.body(), self.body()
        self.assertEqual((second, url), (first + "-2", good))
        self.assertTrue(lead.startswith("Bees live in hives"), lead)
        self.assertEqual(self.files.uploads["/up/answer.txt"][1].decode(), self.STORY.strip())
        self.ask(self.agent, self.ann, "thanks", "You said: thanks")
        self.assertEqual(self.model.requests[-1].contains("Bees live in hives"), True)

    def test_after_kills_at_any_time_it_is_there_once(self):
        """The upload service is the server's own this time; the same ids may come again and no others do."""
        self.agent.sigterm()
        skep.override(self.agent.config, "attachments.upload_service", "")
        skep.override(self.agent.config, "attachments.allowed_hosts", [f"{self.server.host}:{self.server.http_port}"])
        self.agent.start()
        self.online(self.agent, self.ann)
        self.model.rule = lambda request: Step(
            text=f"Done {request.last_user.rpartition(' ')[2]}." if "thanks" in request.last_user else self.STORY)
        for number in range(5):
            asked = len(self.model.requests)
            self.ann.message(self.address(self.agent), f"all about bees {number}")
            procs.wait_until(lambda asked=asked: len(self.model.requests) > asked, "the model is asked", 30)
            time.sleep(random.random() * 0.2)
            self.agent.kill9()
            self.agent.start()
            self.online(self.agent, self.ann)
            self.ann.message(self.address(self.agent), f"thanks {number}")
            seen = {}
            while f"Done {number}." not in seen.values():
                key, text = self.body()
                self.assertEqual(seen.setdefault(key, text)[:20], text[:20])
            told = [key for key, text in seen.items() if text.startswith("Bees live")]
            self.assertEqual(len(told), 1, seen)
            self.assertIn(told[0] + "-2", seen)
            self.assertEqual(len(seen), 3, seen)


class FilesOnEjabberd(Files):
    server_kind = "ejabberd"


if __name__ == "__main__":
    unittest.main()
