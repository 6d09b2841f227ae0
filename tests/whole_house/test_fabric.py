"""The fabric with real processes: `skep up` and further routers of its home, nodes on their sockets."""
import asyncio
import json
import os
import re
import signal
import struct
import sys
import unittest

from support import fabric_node, procs
from support.fabric_node import FabricNode
from support.model_server import Step
from support.procs import Failure
from whole_house.base import WholeHouse, skep

sys.path.insert(0, os.path.join(skep.ROOT, "sdk", "python"))
import skep_node  # noqa: E402


def text_of(message):
    return message["payload"]["content"]


class Router:
    """`skep router --name NAME` on an agent's home."""

    def __init__(self, agent, name):
        self.agent, self.name = agent, name
        self.log_file = os.path.join(agent.home, f"{name}.out")
        self.process = None

    def start(self, seconds=20.0):
        if not os.path.exists(self.agent.config_file):
            self.agent.write_config()
        before = os.path.getsize(self.log_file) if os.path.exists(self.log_file) else 0
        argv = [skep.binary(), "router", "--name", self.name, "--home", self.agent.home,
                "--config", self.agent.config_file]
        self.process = procs.Process(self.name, argv, self.log_file, env=self.agent.environment(), cwd=self.agent.home)

        def ready():
            with open(self.log_file, "rb") as log:
                log.seek(before)
                return re.search(rb"^ready: router", log.read(), re.MULTILINE)

        procs.wait_until(ready, f"{self.name} prints its ready line", seconds, alive=self.process)
        return self

    def kill9(self):
        self.process.kill()

    def sigterm(self):
        self.process.signal(signal.SIGTERM)
        code = self.process.wait(10)
        self.process.kill()
        return code

    def close(self):
        if self.process is not None:
            self.process.kill()


class Fabric(WholeHouse):
    needs_server = False

    def setUp(self):
        super().setUp()
        self.agent = self.make_agent().start()

    def router(self, name):
        router = Router(self.agent, name)
        self.addCleanup(router.close)
        return router.start()

    def node(self, router, name, **rest):
        node = FabricNode(self.agent.home, router, name, **rest).connect()
        self.addCleanup(node.close)
        return node

    def look(self, what):
        code, out, err = self.agent.cli("fabric", what, "--json")
        self.assertIn(code, (0, 69), err)
        return json.loads(out)

    def names(self):
        return {node["name"] for node in self.look("nodes")["nodes"]}

    def wait_names(self, condition, what):
        procs.wait_until(lambda: condition(self.names()), what, 15)

    def reaches(self, sender, receiver, seconds=15):
        """A message from one gets to the other, once the routers know of each other."""
        def once():
            trace = sender.send(receiver.name, "are you there")
            got = {}

            def answer(message):
                if message["routing"]["trace_id"] == trace:
                    got["at"] = message
                return bool(got)
            try:
                receiver.receive(answer, 0.5)
                return True
            except Failure:
                return False
        procs.wait_until(once, f"{sender.name} reaches {receiver.name}", seconds)


class Tokens(Fabric):
    def test_a_token_lets_a_node_claim_a_system_name_and_no_other(self):
        code, token, err = self.agent.cli("fabric", "token", "SY.timer", "--label", "the timer")
        self.assertEqual(code, 0, err)
        token = token.strip()
        with open(os.path.join(self.agent.home, "run", "fabric", "tokens.json"), encoding="utf-8") as kept:
            self.assertNotIn(token, kept.read())

        def answer_to(name, token=None):
            node = FabricNode(self.agent.home, "RT.main", name, token=token)
            try:
                node.connect()
                return "registered"
            except Failure as problem:
                return str(problem)
            finally:
                node.close()

        self.assertIn("NAME_NOT_ALLOWED", answer_to("SY.timer"))
        self.assertIn("skep fabric token", answer_to("SY.timer"))
        self.assertIn("NAME_NOT_ALLOWED", answer_to("SY.other", token))
        self.assertIn("BAD_TOKEN", answer_to("SY.timer", "0" * 64))
        self.assertEqual(answer_to("SY.timer", token), "registered")


class OneRouter(Fabric):
    def test_a_node_talks_with_the_agent_inside_the_daemon(self):
        node = self.node("RT.main", "IO.terminal")
        self.model.script('text "Hello, node."')
        node.send("AI.Helper@local", "hello", conversation={"channel": "terminal", "peer": "ann@terminal", "thread": ""},
                  reply_address={"from": "", "to": "ann@terminal"})
        reply = node.receive(lambda m: m["meta"]["type"] == "reply", 20)
        self.assertEqual(text_of(reply), "Hello, node.")
        self.assertEqual(reply["routing"]["src_l2_name"], "AI.Helper@local")

    def test_commands_show_the_hive_with_and_without_a_daemon(self):
        node = self.node("RT.main", "AI.here")
        self.wait_names(lambda names: "AI.here@local" in names, "the node shows")
        nodes = {entry["name"]: entry for entry in self.look("nodes")["nodes"]}
        self.assertEqual(nodes["AI.here@local"]["uuid"], node.id)
        self.assertEqual(nodes["AI.here@local"]["router"], "RT.main@local")
        self.assertIn("AI.Helper@local", nodes)
        routes = self.look("routes")["routes"]
        self.assertIn(("AI.here@local", "connected"), {(route["pattern"], route["why"]) for route in routes})
        for what in ("nodes", "routes", "vpns", "hives", "stats"):
            code, out, err = self.agent.cli("fabric", what)
            self.assertEqual(code, 0, err)
            self.assertTrue(out.strip(), what)
            status, body = self.agent.http_get(f"/api/fabric/{what}")
            self.assertEqual(status, 200, body)
            self.assertEqual(json.loads(body).keys(), self.look(what).keys())
        self.assertEqual(self.agent.http_get("/api/fabric/nodes", token=False)[0], 401)
        node.send("AI.nobody@local", "lost")
        self.assertEqual(node.receive(lambda m: m["meta"].get("msg") == "UNREACHABLE")["payload"]["reason"], "NODE_NOT_FOUND")
        wanted = 'skep_fabric_dropped_total{router="RT.main@local",reason="NODE_NOT_FOUND"} 1'
        procs.wait_until(lambda: wanted in self.agent.http_get("/metrics")[1], "the drop is counted", 10)
        self.assertEqual(self.agent.sigterm(), 0)
        code, out, _ = self.agent.cli("fabric", "nodes")
        self.assertEqual((code, out), (69, ""))
        self.assertFalse(os.path.exists(fabric_node.socket_path(self.agent.home, "RT.main")))

    def test_an_oversize_frame_ends_that_link_alone(self):
        bad, good = self.node("RT.main", "AI.bad"), self.node("RT.main", "AI.good")
        bad.socket.sendall(struct.pack(">I", 200_000) + b"x" * 1000)
        with self.assertRaises((Failure, OSError)):
            bad.receive(lambda m: False, 10)
        self.wait_names(lambda names: "AI.bad@local" not in names and "AI.good@local" in names, "only the bad one is gone")
        self.reaches(good, good)

    def test_a_router_name_in_use_is_refused(self):
        code, _, err = self.agent.cli("router", "--name", "RT.main")
        self.assertEqual(code, 64, err)
        self.router("RT.two")
        code, _, err = self.agent.cli("router", "--name", "RT.two")
        self.assertEqual(code, 73, err)
        self.assertEqual(self.agent.cli("router", "--name", "AI.two")[0], 64)


class LongTexts(Fabric):
    """More than a frame holds, between a node of the Python SDK and the agent inside the daemon."""

    def test_a_long_question_and_a_long_answer(self):
        question, answer = "why? " * 30_000, "because. " * 30_000
        heard = []

        def reply(request):
            heard.append(request.last_user)
            return Step(text=answer)
        self.model.rule = reply

        async def ask():
            where = os.path.join(self.agent.home, "run", "fabric")
            async with await skep_node.connect(where, "IO.asker") as node:
                conversation = skep_node.message.Conversation("asker", "ann@asker")
                return await node.request("AI.Helper@local", question, conversation=conversation, timeout=60)
        got = asyncio.run(ask())
        self.assertEqual(got.text.strip(), answer.strip())
        self.assertIn(question.strip(), heard[0])


class ThreeRouters(Fabric):
    def setUp(self):
        super().setUp()
        self.two, self.three = self.router("RT.two"), self.router("RT.three")

    def test_nodes_of_all_routers_reach_each_other(self):
        nodes = [self.node("RT.main", "AI.one"), self.node("RT.two", "AI.two"), self.node("RT.three", "AI.three")]
        for sender in nodes:
            for receiver in nodes:
                if sender is not receiver:
                    self.reaches(sender, receiver)
        self.assertLessEqual({"AI.one@local", "AI.two@local", "AI.three@local"}, self.names())

    def test_a_broadcast_reaches_each_node_once(self):
        nodes = [self.node("RT.main", "AI.one"), self.node("RT.two", "AI.two"), self.node("RT.three", "AI.three")]
        for receiver in nodes[1:]:
            self.reaches(nodes[0], receiver)
        traces = {ttl: nodes[0].send("broadcast", f"ttl {ttl}", ttl=ttl, target="AI.t*") for ttl in (1, 2, 3)}
        for node in nodes[1:]:
            heard = [m["routing"]["trace_id"] for m in node.nothing_for(1.0) if m["payload"].get("content", "").startswith("ttl")]
            self.assertEqual(sorted(heard), sorted([traces[2], traces[3]]), node.name)

    def test_the_agent_answers_a_node_of_another_router(self):
        node = self.node("RT.two", "IO.far")
        probe = self.node("RT.main", "AI.probe")
        self.reaches(node, probe)
        self.model.script('text "From afar."')
        node.send("AI.Helper@local", "hello", conversation={"channel": "far", "peer": "bob@far", "thread": ""},
                  reply_address={"from": "", "to": "bob@far"})
        self.assertEqual(text_of(node.receive(lambda m: m["meta"]["type"] == "reply", 20)), "From afar.")

    def trace(self, id):
        code, out, err = self.agent.cli("fabric", "trace", id, "--json")
        self.assertEqual(code, 0, err)
        return [(hop["router"], hop["from"], hop["to"], hop["row"], hop["outcome"]) for hop in json.loads(out)["hops"]]

    def test_a_trace_shows_the_way_over_the_routers(self):
        one, two = self.node("RT.main", "AI.one"), self.node("RT.two", "AI.two")
        self.reaches(one, two)
        trace = one.send("AI.two@local", "follow me")
        two.receive(lambda m: m["routing"]["trace_id"] == trace)
        way = [(router, "AI.one@local", "AI.two@local", "2: node of this hive", "handed on")
               for router in ("RT.main@local", "RT.two@local")]
        self.assertEqual(self.trace(trace), way)
        status, body = self.agent.http_get(f"/api/fabric/trace/{trace}")
        self.assertEqual((status, [hop["router"] for hop in json.loads(body)["hops"]]), (200, [hop[0] for hop in way]))
        self.assertEqual(sorted(json.loads(body)["routers"]), ["RT.main@local", "RT.three@local", "RT.two@local"])
        lost = one.send("AI.nobody@local", "where to?")
        one.receive(lambda m: m["meta"].get("msg") == "UNREACHABLE")
        self.assertEqual(self.trace(lost), [("RT.main@local", "AI.one@local", "AI.nobody@local", "none", "NODE_NOT_FOUND")])
        self.assertIn("RT.two@local", self.agent.cli("fabric", "trace", trace)[1])
        self.assertIn("no router remembers", self.agent.cli("fabric", "trace", "never-seen")[1])
        self.assertEqual(self.agent.http_get("/api/fabric/trace/a/b")[0], 404)
        self.agent.kill9()   # the others still know, and can be asked
        self.assertEqual(self.trace(trace), way[1:])

    def test_a_killed_router_takes_its_nodes_and_comes_back_clean(self):
        one, ghost = self.node("RT.main", "AI.one"), self.node("RT.two", "AI.ghost")
        self.reaches(one, ghost)
        generation = {r["router"]: r["generation"] for r in self.look("stats")["routers"]}["RT.two@local"]
        self.two.kill9()
        self.wait_names(lambda names: "AI.ghost@local" not in names, "the dead router's node is nowhere")
        self.assertEqual(self.look("nodes")["routers_dead"], ["RT.two"])
        one.send("AI.ghost@local", "still there?")
        lost = one.receive(lambda m: m["meta"].get("msg") == "UNREACHABLE")
        self.assertEqual(lost["payload"]["reason"], "NODE_NOT_FOUND")
        self.two.start()
        routers = {r["router"]: r for r in self.look("stats")["routers"]}
        self.assertEqual(routers["RT.two@local"]["nodes"], 0)
        self.assertGreater(routers["RT.two@local"]["generation"], generation)
        self.assertNotIn("routers_dead", self.look("nodes"))
        self.reaches(one, self.node("RT.two", "AI.ghost"))

    def test_the_daemons_death_leaves_the_other_routers_working(self):
        two, three = self.node("RT.two", "AI.two"), self.node("RT.three", "AI.three")
        self.reaches(two, three)
        self.agent.kill9()
        self.reaches(two, three)
        self.wait_names(lambda names: "AI.Helper@local" not in names, "the dead daemon's nodes are nowhere")
        self.agent.start()
        self.model.script('text "Back again."')
        self.reaches(two, self.node("RT.main", "AI.probe"))
        two.send("AI.Helper@local", "hello", conversation={"channel": "x", "peer": "ann@x", "thread": ""},
                 reply_address={"from": "", "to": "ann@x"})
        self.assertEqual(text_of(two.receive(lambda m: m["meta"]["type"] == "reply", 20)), "Back again.")

    def test_a_clean_end_leaves_no_files(self):
        shared = os.path.dirname(self.region_path())
        for router in (self.two, self.three):
            self.assertEqual(router.sigterm(), 0)
        self.assertEqual(self.agent.sigterm(), 0)
        left = [name for name in os.listdir(os.path.join(self.agent.home, "run", "fabric")) if name.endswith(".sock")]
        self.assertEqual(left, [])
        self.assertFalse(os.path.exists(shared), shared)

    def region_path(self):
        return os.path.join(self.agent.shared_memory(), "nodes-RT.main")

    def test_foreign_files_in_shared_memory_are_named_and_harmless(self):
        directory = os.path.dirname(self.region_path())
        for name, content in (("nodes-RT.evil", b"no region"), ("nodes-RT.short", b"SKEPRGN\n"), ("lsa", b"")):
            with open(os.path.join(directory, name), "wb") as out:
                out.write(content)
        os.truncate(self.region_path(), 100)
        view = self.look("stats")
        self.assertGreaterEqual(len(view["problems"]), 3)
        self.node("RT.main", "AI.late")
        self.wait_names(lambda names: "AI.late@local" in names, "the router mends its region")
        for name in ("nodes-RT.evil", "nodes-RT.short", "lsa"):
            os.unlink(os.path.join(directory, name))


if __name__ == "__main__":
    unittest.main()
