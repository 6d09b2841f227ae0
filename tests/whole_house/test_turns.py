"""The copy of every turn for storage, with a real nats-server: whatever happens to broker and daemon, each delivered turn is in the
stream once, in the order of delivery."""
import json
import os
import unittest
import uuid

from support import procs
from support.nats import NatsServer
from whole_house.test_fabric import Fabric, text_of


class Turns(Fabric):
    token = None
    streams = {}     # of [streams], beside the url

    def setUp(self):
        self.nats = NatsServer(self.token)
        self.addCleanup(self.nats.close)
        self.nats.start()
        super().setUp()

    def make_agent(self, **overrides):
        overrides.setdefault("streams__url", self.nats.url)
        for key, value in self.streams.items():
            overrides.setdefault(f"streams__{key}", value)
        return super().make_agent(**overrides)

    def status(self):
        code, out, err = self.agent.cli("status", "--json")
        self.assertEqual(code, 0, err)
        return json.loads(out)["streams"]

    def counter(self, name, router="RT.main"):
        counters = {r["router"]: r["counters"] for r in self.look("stats")["routers"]}[f"{router}@local"]
        return counters[f"turns.{name}"]

    def wait_taken(self):
        procs.wait_until(lambda: self.status()["waiting"] == 0, "the broker has all turns", 60, interval=0.1)

    def texts(self):
        return [text_of(turn) for turn in self.nats.turns()]

    def say(self, sender, receiver, texts, **meta):
        """One after the other; each is heard before the next is said."""
        for text in texts:
            sender.send(receiver.name, text, **meta)
            receiver.receive(lambda m: m["meta"]["type"] == "user" and text_of(m) == text)
        return list(texts)


class WithBroker(Turns):
    def test_question_and_answer_are_there_as_delivered(self):
        node = self.node("RT.main", "IO.terminal")
        self.model.script('text "Hello, node."')
        node.send("AI.Helper@local", "hello", conversation={"channel": "terminal", "peer": "ann@terminal", "thread": ""},
                  thread_id="thread:one", reply_address={"from": "", "to": "ann@terminal"}, wants_progress=True)
        node.receive(lambda m: m["meta"]["type"] == "reply", 20)
        node.send("AI.nobody@local", "lost")
        self.wait_taken()
        question, answer = self.nats.turns()[:2]
        self.assertEqual([text_of(question), text_of(answer)], ["hello", "Hello, node."])
        self.assertEqual(question["routing"]["src_l2_name"], "IO.terminal@local")
        self.assertEqual(question["meta"]["thread_seq"], 1)
        self.assertEqual({key: question["meta"]["outcome"][key] for key in ("result", "name", "router")},
                         {"result": "delivered", "name": "AI.Helper@local", "router": "RT.main@local"})
        self.assertEqual((answer["meta"]["type"], answer["meta"]["outcome"]["name"]), ("reply", "IO.terminal@local"))
        self.assertGreater(answer["meta"]["thread_seq"], 0)
        self.assertNotIn("lost", self.texts())
        self.assertTrue(self.status()["broker_up"])
        self.assertIn("(up)", self.agent.cli("status")[1])

    def test_while_the_broker_is_away_traffic_flows_and_nothing_is_lost_or_doubled(self):
        one, two = self.node("RT.main", "AI.one"), self.node("RT.main", "AI.two")
        said = self.say(one, two, [f"before {n}" for n in range(20)])
        self.wait_taken()
        self.nats.kill9()
        said += self.say(one, two, [f"away {n}" for n in range(200)])
        procs.wait_until(lambda: not self.status()["broker_up"], "the outage shows", 20)
        self.assertGreaterEqual(self.status()["waiting"], 200)
        wanted = 'skep_fabric_counter{router="RT.main@local",name="turns.broker_up"} 0'
        procs.wait_until(lambda: wanted in self.agent.http_get("/metrics")[1], "the outage is in the metrics", 10)
        self.agent.kill9()
        self.agent.start()
        one, two = self.node("RT.main", "AI.one"), self.node("RT.main", "AI.two")
        said += self.say(one, two, [f"after the kill {n}" for n in range(50)])
        self.nats.start()
        said += self.say(two, one, [f"it is back {n}" for n in range(20)])
        self.wait_taken()
        self.assertEqual(self.texts(), said)
        self.assertEqual(self.agent.sigterm(), 0)
        self.agent.start()
        one, two = self.node("RT.main", "AI.one"), self.node("RT.main", "AI.two")
        said += self.say(one, two, ["after a clean restart"])
        self.wait_taken()
        self.assertEqual(self.texts(), said)

    def test_daemon_and_broker_killed_again_and_again(self):
        said = []
        for round_ in range(4):
            one, two = self.node("RT.main", "AI.one"), self.node("RT.main", "AI.two")
            said += self.say(one, two, [f"round {round_}, {n}" for n in range(40)])
            one.close(), two.close()
            (self.nats if round_ % 2 else self.agent).kill9()
            (self.nats if round_ % 2 else self.agent).start()
        self.wait_taken()
        self.assertEqual(self.texts(), said)
        ids = self.nats.ids()
        self.assertEqual(len(ids), len(set(ids)))

    def test_a_message_that_is_sent_again_is_one_turn(self):
        one, two = self.node("RT.main", "AI.one"), self.node("RT.main", "AI.two")
        known = str(uuid.uuid4())
        for _ in range(3):   # as a sender does that was not told whether it arrived
            one.send(two.name, "once", id=known, ack=True)
            two.receive(lambda m: m["meta"].get("id") == known)
        said = ["once"] + self.say(one, two, ["twice"])
        self.wait_taken()
        self.assertEqual(self.texts(), said)

    def test_threads_are_numbered_over_routers_and_restarts_and_never_twice(self):
        two = self.router("RT.two")
        numbers = []
        for start in range(3):
            senders = [self.node("RT.main", "AI.a"), self.node("RT.two", "AI.b")]
            receiver = self.node("RT.main", "AI.receiver")
            for sender in senders:
                self.reaches(sender, receiver)
                mine = []
                for _ in range(5):
                    trace = sender.send(receiver.name, "count", thread_id="thread:shared")
                    mine.append(receiver.receive(lambda m: m["routing"]["trace_id"] == trace)["meta"]["thread_seq"])
                self.assertEqual(mine, sorted(mine))
                numbers += mine
            sender.send(receiver.name, "own number", thread_id="thread:shared", thread_seq=7)
            self.assertEqual(receiver.receive(lambda m: text_of(m) == "own number")["meta"]["thread_seq"], 7)
            for node in (*senders, receiver):
                node.close()
            (self.agent, two)[start % 2].kill9()
            (self.agent, two)[start % 2].start()
        self.assertEqual(len(numbers), len(set(numbers)), sorted(numbers))

    def test_each_router_keeps_the_turns_of_its_own_nodes(self):
        self.router("RT.two")
        one, two = self.node("RT.main", "AI.one"), self.node("RT.two", "AI.two")
        self.reaches(one, two), self.reaches(two, one)
        said = self.say(one, two, ["to the other"]) + self.say(two, one, ["and back"])
        procs.wait_until(lambda: set(said) <= set(self.texts()), "both turns are there", 20)
        routers = [(text_of(turn), turn["meta"]["outcome"]["router"]) for turn in self.nats.turns() if text_of(turn) in said]
        self.assertEqual(sorted(routers), [("and back", "RT.main@local"), ("to the other", "RT.two@local")])
        self.assertTrue(os.path.isdir(os.path.join(self.agent.home, "streams", "turns-RT.two")))


class WithToken(Turns):
    token = "s3cret-of-the-broker"

    def test_the_broker_wants_a_token(self):
        one, two = self.node("RT.main", "AI.one"), self.node("RT.main", "AI.two")
        said = self.say(one, two, ["knock"])
        procs.wait_until(lambda: self.status().get("problem"), "the refusal shows", 30)
        self.assertEqual(self.agent.sigterm(), 0)
        self.agent.config["streams"]["token"] = self.token
        self.agent.start()
        self.wait_taken()
        self.assertEqual(self.texts(), said)
        self.assertNotIn(self.token, self.agent.log_text())


class Limits(Turns):
    streams = {"bytes_max": 8 << 20, "waiting_max": 50}

    def test_a_consumer_that_is_far_behind_shows_and_loses_nothing(self):
        one, two = self.node("RT.main", "AI.one"), self.node("RT.main", "AI.two")
        self.nats.kill9()
        said = self.say(one, two, [f"{n}" for n in range(60)])
        self.assertEqual(self.status()["overflowed"], 10)
        procs.wait_until(lambda: self.counter("overflowed") == 10, "it is counted", 10)
        self.nats.start()
        self.wait_taken()
        self.assertEqual(self.texts(), said)

    def test_a_full_spool_refuses_new_turns_visibly_and_delivers_all(self):
        one, two = self.node("RT.main", "AI.one"), self.node("RT.main", "AI.two")
        self.nats.kill9()
        said = self.say(one, two, [f"{n} " + "x" * 100_000 for n in range(100)])
        refused = self.status()["refused"]
        self.assertGreater(refused, 10)
        procs.wait_until(lambda: self.counter("refused") == refused, "they are counted", 10)
        self.assertIn("not kept for storage", self.agent.log_text())
        self.nats.start()
        self.wait_taken()
        kept = self.texts()
        self.assertEqual(kept, said[:len(kept)], "the oldest are kept, in order")
        self.assertEqual(len(kept), 100 - refused)
        more = self.say(one, two, ["there is room again"])
        self.wait_taken()
        self.assertEqual(self.texts(), kept + more)


class WithoutBroker(Turns):
    def make_agent(self, **overrides):
        return super().make_agent(streams__url=None, **overrides)

    def test_without_configuration_nothing_is_kept(self):
        one, two = self.node("RT.main", "AI.one"), self.node("RT.main", "AI.two")
        self.say(one, two, ["hello"])
        self.assertFalse(os.path.exists(os.path.join(self.agent.home, "streams")))
        self.assertNotIn("streams", json.loads(self.agent.cli("status", "--json")[1]))

    def test_turns_kept_in_the_home_go_to_a_broker_that_comes_later(self):
        self.assertEqual(self.agent.sigterm(), 0)
        self.agent.config.setdefault("streams", {})["enabled"] = True
        self.agent.start()
        one, two = self.node("RT.main", "AI.one"), self.node("RT.main", "AI.two")
        said = self.say(one, two, [f"{n}" for n in range(10)])
        self.assertEqual((self.status()["to"], self.status()["published"]), ("the home", 10))
        self.assertEqual(self.agent.sigterm(), 0)
        self.agent.config["streams"]["url"] = self.nats.url
        self.agent.start()
        self.wait_taken()
        self.assertEqual(self.texts(), said)


if __name__ == "__main__":
    unittest.main()
