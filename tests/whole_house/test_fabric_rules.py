"""Routes and zones of a running hive: what an operator or a system node changes holds at once, everywhere, and for nobody else."""
import json
import os
import struct
import unittest
import urllib.error
import urllib.request
import uuid

from support import procs
from support.fabric_node import FabricNode
from whole_house.test_fabric import Fabric


class Rules(Fabric):
    def fabric(self, *words):
        code, out, err = self.agent.cli("fabric", *words)
        self.assertEqual(code, 0, f"skep fabric {' '.join(words)}: {err}\n{self.agent.tail()}")
        return out

    def admin(self, name="SY.admin", router="RT.main"):
        """A system node that may send privileged messages."""
        token = self.fabric("token", name, "--system").strip()
        node = FabricNode(self.agent.home, router, name, token=token).connect()
        self.addCleanup(node.close)
        return node

    def say(self, node, dst, msg, payload, **meta):
        trace = str(uuid.uuid4())
        node.send_frame({"routing": {"src": node.id, "dst": dst, "ttl": 16, "trace_id": trace},
                         "meta": {"type": "system", "msg": msg, **meta}, "payload": payload})
        return trace

    def answer(self, node, trace):
        return node.receive(lambda m: m["meta"].get("msg") == "CONFIG_RESPONSE" and m["routing"]["trace_id"] == trace)["payload"]

    def zone(self, name):
        return next((node["zone"] for node in self.look("nodes")["nodes"] if node["name"] == name), None)

    def dropped(self, reason, router="RT.main"):
        counters = {r["router"]: r["counters"] for r in self.look("stats")["routers"]}[f"{router}@local"]
        return counters.get(f"drop.{reason}", 0)

    def refusal(self, sender, dst):
        """Why a message is refused."""
        trace = sender.send(dst, "hello")
        return sender.receive(lambda m: m["meta"].get("msg") == "UNREACHABLE" and m["routing"]["trace_id"] == trace)["payload"]["reason"]

    def who_gets(self, sender, dst, nodes):
        """Which of the nodes a message to `dst` comes to."""
        trace = sender.send(dst, "whose is it")
        got = []

        def looked():
            got.extend(node.name for node in nodes for m in node.nothing_for(0.05) if m["routing"]["trace_id"] == trace)
            return got
        procs.wait_until(looked, f"somebody gets what is sent to {dst}", 10)
        return got[0]


class Zones(Rules):
    def test_a_new_zone_moves_connected_nodes_in_all_routers(self):
        self.router("RT.two")
        one, two = self.node("RT.main", "AI.one"), self.node("RT.main", "AI.two")
        far, system = self.node("RT.two", "AI.far"), self.admin()
        for receiver in (two, far):
            self.reaches(one, receiver)
        self.fabric("zone", "add", "AI.two", "20")
        self.fabric("zone", "add", "AI.far@local", "30")
        procs.wait_until(lambda: (self.zone(two.name), self.zone(far.name), self.zone(one.name)) == (20, 30, 0), "all show their zones", 10)
        self.assertEqual(self.refusal(one, two.name), "VPN_BLOCKED")
        procs.wait_until(lambda: self.refusal(one, far.name) == "VPN_BLOCKED", "the other router's node is out of reach", 10)
        for receiver in (one, two, far):   # the same connections: nobody had to come back
            self.reaches(system, receiver)
        shown = self.look("vpns")
        self.assertEqual((shown["version"], shown["origin"]), (2, "local"))
        self.fabric("zone", "del", "AI.two")
        self.fabric("zone", "del", "AI.far")
        for receiver in (two, far):
            self.reaches(one, receiver)
        procs.wait_until(lambda: self.zone(far.name) == 0, "the zone shows", 10)

    def test_zones_keep_broadcasts_apart(self):
        self.fabric("zone", "add", "AI.red.*", "1")
        red, redder, blue = (self.node("RT.main", name) for name in ("AI.red.a", "AI.red.b", "AI.blue"))
        trace = red.send("broadcast", "to all", target="AI.*")
        self.assertEqual(redder.receive(lambda m: m["meta"]["type"] == "user")["routing"]["trace_id"], trace)
        self.assertEqual([m for m in blue.nothing_for(1.0) if m["routing"]["trace_id"] == trace], [])


class Routes(Rules):
    def test_of_overlapping_routes_the_documented_one_decides(self):
        sender = self.node("RT.main", "AI.sender")
        goals = [self.node("RT.main", f"AI.goal.{word}") for word in ("exact", "prefix", "longglob", "glob", "urgent", "near")]
        add = ("route", "add")
        self.fabric(*add, "AI.sop*@local", "redirect", "AI.goal.glob", "--priority", "1")
        self.fabric(*add, "AI.sop.l1.*", "redirect", "AI.goal.prefix", "--priority", "50")
        self.fabric(*add, "AI.sop.l1.a", "redirect", "AI.goal.exact", "--priority", "60000")
        self.fabric(*add, "AI.sop.l1.a*cal", "redirect", "AI.goal.longglob")
        in_order = (("AI.goal.exact", "AI.sop.l1.a"), ("AI.goal.longglob", "AI.sop.l1.a*cal"),
                    ("AI.goal.glob", "AI.sop*@local"), ("AI.goal.prefix", "AI.sop.l1.*"))
        for goal, pattern in in_order:   # the longest pattern first, and of equal ones exact before prefix before glob
            self.assertEqual(self.who_gets(sender, "AI.sop.l1.a@local", goals), f"{goal}@local", pattern)
            self.fabric("route", "del", pattern)
        self.assertEqual(self.refusal(sender, "AI.sop.l1.a@local"), "NODE_NOT_FOUND")
        # Of one length prefix comes before glob, whatever the priorities.
        self.fabric(*add, "AI.eq.a*", "redirect", "AI.goal.glob", "--priority", "1")
        self.fabric(*add, "AI.eq.a.*", "redirect", "AI.goal.prefix", "--priority", "2")
        self.assertEqual(self.who_gets(sender, "AI.eq.a.b@local", goals), "AI.goal.prefix@local")
        # Patterns of one length and kind: priority, then metric.
        self.fabric(*add, "AI.x.*@*", "redirect", "AI.goal.near", "--metric", "1")
        self.fabric(*add, "AI.*.y@*", "redirect", "AI.goal.glob", "--metric", "2")
        self.assertEqual(self.who_gets(sender, "AI.x.y@local", goals), "AI.goal.near@local")
        self.fabric(*add, "AI.x*y@*", "redirect", "AI.goal.urgent", "--priority", "9", "--metric", "7")
        self.assertEqual(self.who_gets(sender, "AI.x.y@local", goals), "AI.goal.urgent@local")

    def test_a_drop_route_swallows_what_a_connected_node_would_get(self):
        sender, node = self.node("RT.main", "AI.sender"), self.node("RT.main", "AI.node")
        self.reaches(sender, node)
        self.fabric("route", "add", "AI.node", "drop")
        traces = {sender.send(node.name, "by name"), sender.send(node.id, "by id")}
        procs.wait_until(lambda: self.dropped("ROUTE_DROP") == 2, "both are counted", 10)
        self.assertEqual([m for m in node.nothing_for(0.5) if m["routing"]["trace_id"] in traces], [])
        self.assertEqual([m for m in sender.nothing_for(0.5) if m["routing"]["trace_id"] in traces], [], "nobody is told")
        self.fabric("route", "del", "AI.node")
        self.reaches(sender, node)

    def test_a_fallback_catches_what_nobody_has(self):
        sender, catcher = self.node("RT.main", "AI.sender"), self.node("RT.main", "AI.catcher")
        self.fabric("route", "add", "AI.lost.*", "fallback", "AI.catcher")
        trace = sender.send("AI.lost.one@local", "anybody")
        self.assertEqual(catcher.receive(lambda m: m["routing"]["trace_id"] == trace)["routing"]["dst"], "AI.catcher@local")
        found = self.node("RT.main", "AI.lost.one")
        self.reaches(sender, found)

    def test_rules_hold_over_restarts_and_in_routers_that_come_later(self):
        self.fabric("route", "add", "AI.gone", "redirect", "AI.here")
        self.agent.kill9()
        self.agent.start()
        self.assertEqual(self.look("routes")["version"], 1)
        self.router("RT.two")
        sender, here = self.node("RT.two", "AI.sender"), self.node("RT.two", "AI.here")
        def redirected():
            trace = sender.send("AI.gone@local", "where to")
            return [m for m in here.nothing_for(0.2) if m["routing"]["trace_id"] == trace]
        procs.wait_until(redirected, "the route holds at the new router", 15)

    def test_the_command_line_says_what_is_wrong(self):
        self.fabric("route", "add", "AI.a", "drop")
        for words, code, word in ((("route", "add", "AI.a", "drop"), 73, "delete it first"),
                                  (("route", "add", "AI.b", "redirect"), 64, "leads nowhere"),
                                  (("route", "add", "AI.b", "explode"), 64, "explode"),
                                  (("route", "add", "nobody", "drop"), 64, "no node name"),
                                  (("route", "del", "AI.b"), 66, "no entry"),
                                  (("zone", "add", "AI.b", "no-number"), 64, "no-number"),
                                  (("zone", "del", "AI.*"), 66, "no entry")):
            got, _, err = self.agent.cli("fabric", *words)
            self.assertEqual((got, word in err), (code, True), f"{words}: {err}")
        listed = json.loads(self.fabric("route", "list", "--json"))
        self.assertEqual([(one["prefix"], one["action"]) for one in listed["routes"]], [("AI.a@local", "DROP")])
        self.assertEqual((listed["version"], listed["origin"]), (1, "local"))
        self.assertEqual(self.agent.sigterm(), 0)
        self.assertEqual(self.agent.cli("fabric", "route", "list")[0], 69)
        self.assertEqual(self.agent.cli("fabric", "route", "del", "AI.a")[0], 66)

    def test_the_api_changes_rules_with_the_token_alone(self):
        def call(method, path, body, token=True):
            request = urllib.request.Request(self.agent.url + path, data=body.encode(), method=method)
            if token:
                request.add_header("Authorization", "Bearer " + self.agent.daemon()["token"])
            try:
                with urllib.request.urlopen(request, timeout=10) as answer:
                    return answer.status, json.load(answer)
            except urllib.error.HTTPError as problem:
                return problem.code, json.load(problem)

        rule = json.dumps({"pattern": "AI.a.*", "vpn_id": 7})
        self.assertEqual(call("POST", "/api/fabric/vpns", rule, token=False)[0], 401)
        status, body = call("POST", "/api/fabric/vpns", rule)
        self.assertEqual((status, body["version"], body["vpns"][0]["vpn_id"]), (200, 1, 7))
        self.assertEqual(call("POST", "/api/fabric/vpns", rule)[0], 409)
        self.assertEqual(call("POST", "/api/fabric/vpns", "[]")[0], 400)
        self.assertEqual(call("POST", "/api/fabric/vpns", "{")[0], 422)
        self.assertEqual(call("POST", "/api/fabric/routes", '{"prefix":"AI.a.*","action":"DROP","nonsense":1}')[0], 400)
        self.assertEqual(call("DELETE", "/api/fabric/vpns", '{"pattern":"AI.b.*"}')[0], 404)
        self.assertEqual(call("DELETE", "/api/fabric/vpns", '{"pattern":"AI.a.*"}')[1]["vpns"], [])


class Origins(Rules):
    DROP = [{"prefix": "AI.bad.*", "action": "DROP"}]

    def change(self, admin, version, routes, dst="broadcast"):
        trace = self.say(admin, dst, "CONFIG_CHANGED", {"subsystem": "routes", "version": version, "config": routes}, scope="global")
        return self.answer(admin, trace)

    def test_every_change_is_answered_and_one_that_changes_nothing_writes_nothing(self):
        admin = self.admin()
        first = self.change(admin, 5, self.DROP)
        self.assertEqual((first["status"], first["version"], first["hive"]), ("applied", 5, "local"))
        log = os.path.join(self.agent.home, "fabric", "config.log")
        with open(log, "rb") as source:
            before = source.read()
        procs.wait_until(lambda: self.look("routes")["version"] == 5, "the region has it", 10)
        writes = self.sequence()
        for version, routes, status in ((5, self.DROP, "unchanged"), (0, self.DROP, "unchanged"), (5, [], "stale"), (4, [], "stale"),
                                        (6, [{"prefix": "AI.x"}], "error"), (-1, [], "error")):
            self.assertEqual(self.change(admin, version, routes)["status"], status, (version, routes))
        with open(log, "rb") as source:
            self.assertEqual(source.read(), before)
        self.assertEqual(self.sequence(), writes)
        self.assertEqual(self.look("routes")["version"], 5)
        self.assertEqual(self.change(admin, 0, [])["version"], 6)
        procs.wait_until(lambda: self.sequence() > writes, "the region has it", 10)

    def sequence(self):
        """How often the region with the rules was written."""
        with open(os.path.join(self.agent.shared_memory(), "config"), "rb") as region:
            return struct.unpack_from("<Q", region.read(4096), 2048)[0]

    def test_who_is_no_system_node_changes_nothing(self):
        agent, other = self.node("RT.main", "AI.rebel"), self.node("RT.main", "AI.other")
        payload = {"subsystem": "routes", "version": 9, "config": self.DROP}
        for dst in ("broadcast", "SY.config@local", None, other.id):
            self.say(agent, dst, "CONFIG_CHANGED", payload, scope="global")
            self.say(agent, dst, "CONFIG_CHANGED", payload)
            self.say(agent, dst, "OPA_RELOAD", {"version": 9, "hash": "sha256:" + "0" * 64})
        procs.wait_until(lambda: self.dropped("NOT_ALLOWED") == 12, "all are counted", 10)
        self.assertEqual(other.nothing_for(0.5), [])
        self.assertEqual(self.look("routes")["version"], 0)
        command = {"routing": {"src": agent.id, "dst": "SY.config@local", "ttl": 16, "trace_id": str(uuid.uuid4())},
                   "meta": {"type": "admin", "action": "add_route"}, "payload": self.DROP[0]}
        agent.send_frame(command)
        answer = agent.receive(lambda m: m["meta"].get("type") == "command_response")
        self.assertEqual(answer["payload"]["error_code"], "NOT_ALLOWED")

    def test_a_system_node_commands_and_is_answered(self):
        admin = self.admin()

        def command(action, payload=None):
            trace = str(uuid.uuid4())
            admin.send_frame({"routing": {"src": admin.id, "dst": "SY.config@local", "ttl": 16, "trace_id": trace},
                              "meta": {"type": "admin", "action": action}, "payload": payload})
            return admin.receive(lambda m: m["routing"]["trace_id"] == trace)["payload"]

        self.assertEqual(command("add_vpn", {"pattern": "AI.a.*", "vpn_id": 3})["status"], "ok")
        self.assertEqual(command("add_vpn", {"pattern": "AI.a.*", "vpn_id": 4})["error_code"], "DUPLICATE_PATTERN")
        self.assertEqual([rule["vpn_id"] for rule in command("list_vpns")["vpns"]], [3])
        self.assertEqual(self.look("vpns")["version"], 1)

    def test_every_change_of_the_rules_is_in_the_audit_log(self):
        self.fabric("route", "add", "AI.a", "drop")
        admin = self.admin()
        self.change(admin, 7, self.DROP)
        self.change(admin, 7, self.DROP)   # changes nothing
        admin.send_frame({"routing": {"src": admin.id, "dst": "SY.config@local", "ttl": 16, "trace_id": str(uuid.uuid4())},
                          "meta": {"type": "admin", "action": "add_vpn"}, "payload": {"pattern": "AI.a.*", "vpn_id": 3}})
        admin.receive(lambda m: m["meta"].get("type") == "command_response")
        code, out, err = self.agent.cli("audit", "list", "--json")
        self.assertEqual(code, 0, err)
        entries = [(one["principal"], one["action"], one["resource"]) for one in json.loads(out) if one["action"].startswith("fabric_")]
        self.assertEqual(entries, [("operator", "fabric_routes", "version 1 of hive local"),
                                   (admin.name, "fabric_routes", "version 7 of hive local"),
                                   (admin.name, "fabric_zones", "version 1 of hive local")])
        self.assertEqual(self.agent.cli("audit", "verify")[0], 0)

    def test_the_configuration_of_one_node_goes_to_it_alone(self):
        for name in ("RT.two", "RT.three"):
            self.router(name)
        admin = self.admin(router="RT.two")
        target = self.node("RT.main", "AI.target")
        others = [self.node(router, f"AI.other.{number}") for number, router in enumerate(("RT.main", "RT.two", "RT.three"))]
        for node in (target, *others):
            self.reaches(admin, node)
        sent = {self.say(admin, dst, msg, {"node_name": target.name, "config": {"key": "secret"}})
                for dst in (target.name, target.id) for msg in ("CONFIG_GET", "CONFIG_SET", "CONFIG_CHANGED")}
        heard = set()
        while heard != sent:
            message = target.receive(lambda m: m["meta"].get("msg", "").startswith("CONFIG_"))
            heard.add(message["routing"]["trace_id"])
            self.assertEqual(message["routing"]["src_l2_name"], admin.name)
        self.say(target, admin.name, "CONFIG_RESPONSE", {"status": "ok"})
        self.assertEqual(admin.receive(lambda m: m["meta"].get("msg") == "CONFIG_RESPONSE")["routing"]["src_l2_name"], target.name)
        for node in others:
            told = [m for m in node.nothing_for(0.5) if m["meta"].get("msg", "").startswith("CONFIG_")]
            self.assertEqual(told, [], node.name)
            self.assertNotIn("secret", json.dumps(told))


if __name__ == "__main__":
    unittest.main()
