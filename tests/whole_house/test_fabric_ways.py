"""Which way a message goes, and under whose name it comes, through several routers and hives that are processes of their own."""
import unittest
import uuid

from support import procs
from support.fabric_node import FabricNode
from whole_house.test_fabric import Fabric, Router
from whole_house.test_hives import Hives


def forged(node, dst):
    """Sends under a name that is not the node's; gives the trace."""
    trace = str(uuid.uuid4())
    node.send_frame({"routing": {"src": node.id, "src_l2_name": "SY.admin@local", "dst": dst, "ttl": 16, "trace_id": trace},
                     "meta": {"type": "user"}, "payload": {"type": "text", "content": "believe me", "attachments": []}})
    return trace


class OneHive(Fabric):
    def test_a_prefix_ends_at_a_dot(self):
        sender, inside, beside = (self.node("RT.main", name) for name in ("AI.sender", "AI.sop.l1", "AI.sopx"))
        self.assertEqual(self.agent.cli("fabric", "route", "add", "AI.sop.*", "drop")[0], 0)
        sender.send(inside.name, "swallowed")
        self.reaches(sender, beside)
        self.assertEqual([m for m in inside.nothing_for(0.3) if m["meta"]["type"] == "user"], [])

    def test_nodes_stay_reachable_when_an_earlier_one_has_left(self):
        self.router("RT.two")
        sender = self.node("RT.main", "AI.sender")
        first, second, third = (self.node("RT.two", f"AI.n{number}") for number in (1, 2, 3))
        self.reaches(sender, first)
        first.close()
        self.wait_names(lambda names: first.name not in names and {second.name, third.name} <= names, "the first alone is gone")
        self.reaches(sender, second)
        self.reaches(sender, third)
        sender.send(first.name, "gone?")
        lost = sender.receive(lambda m: m["meta"].get("msg") == "UNREACHABLE")
        self.assertEqual((lost["payload"]["reason"], lost["payload"]["original_dst"]), ("NODE_NOT_FOUND", first.name))


class TwoHives(Hives):
    """a and b, each with a second router RT.two that is no gateway."""

    def setUp(self):
        super().setUp()
        self.a, self.b = self.two()
        for hive in (self.a, self.b):
            hive.start()
            router = Router(hive, "RT.two")
            self.addCleanup(router.close)
            router.start()
        self.wait(lambda: self.a.reaches("b") and self.b.reaches("a"), "each hive sees the other")

    def node(self, hive, router, name):
        node = FabricNode(hive.home, router, name).connect()
        self.addCleanup(node.close)
        return node

    def reach(self, sender, receiver):
        def once():
            trace = sender.send(receiver.name, "are you there")
            return any(m["routing"]["trace_id"] == trace for m in receiver.nothing_for(0.2))
        self.wait(once, f"{sender.name} reaches {receiver.name}")

    def test_receivers_see_the_routers_word_for_who_speaks(self):
        speaker = self.node(self.a, "RT.two", "AI.speaker")
        for hive, router in ((self.a, "RT.two"), (self.a, "RT.main"), (self.b, "RT.main"), (self.b, "RT.two")):
            listener = self.node(hive, router, "AI.listener")
            self.reach(speaker, listener)
            trace = forged(speaker, listener.name)
            got = listener.receive(lambda m, trace=trace: m["routing"]["trace_id"] == trace)
            self.assertEqual(got["routing"]["src_l2_name"], "AI.speaker@a", f"{router}@{hive.host}")
            listener.close()

    def test_nodes_of_routers_that_are_no_gateways_talk_and_hear_of_failures(self):
        one, other = self.node(self.a, "RT.two", "AI.one"), self.node(self.b, "RT.two", "AI.other")
        self.reach(one, other)
        trace = other.send(one.id, "and back, by id")
        self.assertEqual(one.receive(lambda m: m["routing"]["trace_id"] == trace)["routing"]["src_l2_name"], "AI.other@b")
        trace = one.send("AI.nobody@b", "lost")
        lost = one.receive(lambda m: m["meta"].get("msg") == "UNREACHABLE")
        self.assertEqual((lost["routing"]["trace_id"], lost["payload"]["reason"]), (trace, "NODE_NOT_FOUND"))

    def test_a_name_in_any_hive_is_the_own_hives_first(self):
        sender = self.node(self.a, "RT.two", "AI.sender")
        near, far = self.node(self.a, "RT.main", "AI.worker"), self.node(self.b, "RT.two", "AI.worker")
        self.reach(sender, near)
        self.reach(sender, far)
        trace = sender.send("AI.worker@*", "the next one")
        near.receive(lambda m: m["routing"]["trace_id"] == trace)
        near.close()

        def far_gets():
            trace = sender.send("AI.worker@*", "the next one")
            return any(m["routing"]["trace_id"] == trace for m in far.nothing_for(0.2))
        self.wait(far_gets, "the other hive's gets it when ours is gone")

    def test_a_broadcast_goes_as_far_as_its_ttl_and_to_each_node_once(self):
        sender = self.node(self.a, "RT.main", "AI.sender")
        rings = [self.node(self.a, "RT.main", "AI.here"), self.node(self.a, "RT.two", "AI.peer"), self.node(self.b, "RT.main", "AI.gate"),
                 self.node(self.b, "RT.two", "AI.beyond")]
        for node in rings:
            self.reach(sender, node)
        traces = [sender.send("broadcast", "to all", ttl=ttl, target="AI.*") for ttl in (1, 2, 3, 16)]
        wanted = [traces, traces[1:], traces[2:], traces[2:]]   # 3 reaches the whole of other hives
        for node, expected in zip(rings, wanted):
            got = []
            while len(got) < len(expected):
                got.append(node.receive(lambda m: m["routing"]["trace_id"] in traces)["routing"]["trace_id"])
            got += [m["routing"]["trace_id"] for m in node.nothing_for(0.5) if m["routing"]["trace_id"] in traces]
            self.assertEqual(sorted(got), sorted(expected), node.name)


if __name__ == "__main__":
    unittest.main()
