"""Routes and zones of several hives on machines of their own: a change at one holds in all that believe it, whoever was away
catches up, and everybody answers once."""
import json
import unittest
import uuid

from support import procs
from support.fabric_node import FabricNode
from whole_house.test_hives import Hives

DROP = [{"prefix": "AI.bad.*", "action": "DROP"}]


class HiveRules(Hives):
    hosts = ("m", "a", "b")

    def family(self, believed=("a", "b")):
        """m listens; a and b dial it and, when `believed`, take its configuration over."""
        m = self.hive("m", authorized=["a", "b"])
        workers = []
        for host in ("a", "b"):
            worker = self.hive(host, listen=False, uplinks=["m"], authorized=["m"])
            worker.config["fabric"] = {"config_from": ["m"] if host in believed else []}
            m.trust(worker)
            worker.trust(m)
            workers.append(worker)
        return (m, *workers)

    def node(self, hive, name, **rest):
        node = FabricNode(hive.home, "RT.main", name, **rest).connect()
        self.addCleanup(node.close)
        return node

    def admin(self, hive):
        return self.node(hive, "SY.admin", token=hive.ok("fabric", "token", "SY.admin", "--system").strip())

    def change(self, admin, version, routes, dst="broadcast"):
        trace = str(uuid.uuid4())
        admin.send_frame({"routing": {"src": admin.id, "dst": dst, "ttl": 16, "trace_id": trace},
                          "meta": {"type": "system", "msg": "CONFIG_CHANGED", "scope": "global"},
                          "payload": {"subsystem": "routes", "version": version, "config": routes}})
        return trace

    def answers(self, admin, trace, count):
        """(hive, status, version) of the answers, in the order of the hives; of more than `count` too, when they come soon."""
        def is_answer(message):
            return message["meta"].get("msg") == "CONFIG_RESPONSE" and message["routing"]["trace_id"] == trace
        got = [admin.receive(is_answer, 30) for _ in range(count)]
        got += filter(is_answer, admin.nothing_for(0.5))
        return sorted((one["payload"]["hive"], one["payload"]["status"], one["payload"]["version"]) for one in got)

    def rules(self, hive, what="routes"):
        shown = json.loads(hive.ok("fabric", what, "--json"))
        return shown["version"], shown["origin"]

    def wait_rules(self, hive, version, origin="m", what="routes"):
        self.wait(lambda: self.rules(hive, what) == (version, origin), f"{hive.host} has version {version} of {what}", 60)

    def linked(self, m, *workers):
        for worker in workers:
            self.wait(lambda worker=worker: m.reaches(worker.host) and worker.reaches("m"), f"m and {worker.host} see each other", 60)


class Distribution(HiveRules):
    def test_a_change_reaches_every_hive_also_one_that_was_off_and_each_answers_once(self):
        m, a, b = self.family()
        m.start(), a.start()
        self.linked(m, a)
        admin = self.admin(m)
        trace = self.change(admin, 7, DROP)
        self.wait_rules(m, 7), self.wait_rules(a, 7)
        self.assertEqual(self.answers(admin, trace, 2), [("a", "applied", 7), ("m", "applied", 7)])
        b.start()
        self.linked(m, b)
        self.wait_rules(b, 7)
        self.assertEqual(self.answers(admin, trace, 1), [("b", "applied", 7)])
        again = self.change(admin, 7, DROP)
        self.assertEqual(self.answers(admin, again, 3), [(hive, "unchanged", 7) for hive in ("a", "b", "m")])
        old = self.change(admin, 6, [])
        self.assertEqual(self.answers(admin, old, 3), [(hive, "stale", 7) for hive in ("a", "b", "m")])
        a.kill9()   # one that took the last change, and is off for the next
        self.wait(lambda: not m.reaches("a"), "m notices")
        later = self.change(admin, 8, [])
        self.wait_rules(b, 8)
        a.start()
        self.wait_rules(a, 8)
        self.assertEqual(self.answers(admin, later, 3), [(hive, "applied", 8) for hive in ("a", "b", "m")])

    def test_what_changes_while_the_cable_is_cut_is_taken_over_afterwards(self):
        m, a, _ = self.family()
        m.start(), a.start()
        self.linked(m, a)
        m.ok("fabric", "route", "add", "AI.bad.*", "drop")
        self.wait_rules(a, 1)
        self.net.cut("a")
        self.wait(lambda: not m.reaches("a"), "m notices", 90)
        m.ok("fabric", "route", "add", "AI.worse.*", "drop")
        m.ok("fabric", "zone", "add", "AI.red.*", "5")
        self.net.mend("a")
        self.wait_rules(a, 2)
        self.wait_rules(a, 1, what="vpns")
        red = self.node(a, "AI.red.one")
        self.wait(lambda: any(node["name"] == red.name and node["zone"] == 5 for node in json.loads(a.ok("fabric", "nodes", "--json"))["nodes"]),
                  "the zone holds in a")
        a.kill9()
        a.start()
        self.assertEqual(self.rules(a), (2, "m"), "it is in a's own log")

    def test_a_hive_that_is_not_believed_changes_nothing(self):
        m, a, b = self.family(believed=("a",))
        for hive in (m, a, b):
            hive.start()
        self.linked(m, a, b)
        b.ok("fabric", "route", "add", "AI.own.*", "drop")
        admin = self.admin(m)
        trace = self.change(admin, 9, DROP)
        self.wait_rules(a, 9)
        self.assertEqual(self.answers(admin, trace, 2), [("a", "applied", 9), ("m", "applied", 9)])
        liar = self.admin(b)   # nobody has b in config_from
        trace = self.change(liar, 99, [{"prefix": "AI.*", "action": "DROP"}])
        self.wait_rules(b, 99, "b")
        self.assertEqual(self.answers(liar, trace, 1), [("b", "applied", 99)])

        def refused():
            routers = json.loads(m.ok("fabric", "stats", "--json"))["routers"]
            return routers[0]["counters"]["drop.NOT_ALLOWED"]
        self.wait(refused, "m counts what it refuses")
        self.assertEqual((self.rules(m), self.rules(a)), ((9, "m"), (9, "m")))

    def test_the_configuration_of_a_node_in_another_hive_goes_to_it_alone(self):
        m, a, b = self.family()
        for hive in (m, a, b):
            hive.start()
        self.linked(m, a, b)
        admin, target = self.admin(m), self.node(a, "AI.target")
        others = [self.node(hive, "AI.other") for hive in (m, a, b)]
        self.wait(lambda: target.name in m.ok("fabric", "routes"), "m knows the node")
        trace = str(uuid.uuid4())
        admin.send_frame({"routing": {"src": admin.id, "dst": target.name, "ttl": 16, "trace_id": trace},
                          "meta": {"type": "system", "msg": "CONFIG_SET"}, "payload": {"node_name": target.name, "config": {"key": "secret"}}})
        got = target.receive(lambda m: m["meta"].get("msg") == "CONFIG_SET", 20)
        self.assertEqual((got["routing"]["trace_id"], got["routing"]["src_l2_name"]), (trace, "SY.admin@m"))
        for node in others:
            self.assertEqual([m for m in node.nothing_for(0.5) if m["routing"]["trace_id"] == trace], [])


if __name__ == "__main__":
    unittest.main()
