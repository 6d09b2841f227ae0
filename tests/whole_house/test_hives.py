"""Hives that are processes of their own on machines of their own (network namespaces): who gets in, who is reached, what a
cut cable does, and what a lying hive cannot."""
import json
import os
import shutil
import unittest

from support import certs, procs, skep
from support.evil_gateway import EvilGateway
from support.fabric_node import FabricNode
from support.netns import Net

PORT = 9000


class Hive(skep.Skep):
    """One hive on one host of the net."""

    def __init__(self, net, host, listen=True, uplinks=(), authorized=(), **hive):
        config = skep.default_config()
        config["agent"]["name"] = f"Agent-{host}"
        config["llm"] = {"provider": "demo"}
        config["hive"] = {"id": host, "authorized_hives": list(authorized), **hive}
        if listen:
            config["hive"]["listen"] = f"{net.address(host)}:{PORT}"
        if uplinks:
            config["hive"]["uplinks"] = [f"{net.address(other)}:{PORT}" for other in uplinks]
        super().__init__(config, name=f"hive-{host}")
        self.inside = net.inside(host)
        self.net, self.host = net, host

    @property
    def certificate(self):
        return os.path.join(self.home, "credentials", "hive.crt")

    def ok(self, *arguments, **rest):
        code, out, err = self.cli(*arguments, **rest)
        if code != 0:
            raise procs.Failure(f"skep {' '.join(arguments)} ended with {code}\n{out}\n{err}\n{self.tail()}")
        return out

    def keygen(self):
        self.write_config()
        return self.ok("hive", "keygen")

    def trust(self, other):
        return self.ok("hive", "join", other.certificate, "--yes")

    def status(self):
        return json.loads(self.ok("status", "--json"))

    def sees(self, hive):
        """What is known of another hive: its entry, or nothing."""
        return next((one for one in self.status().get("hives", []) if one["hive"] == hive), {})

    def reaches(self, hive):
        return self.sees(hive).get("nodes", 0) > 0

    def asks(self, text="hello"):
        """What a person of this hive is answered."""
        return self.cli("chat", "-m", text, "--as", "ann", seconds=60)


class Hives(unittest.TestCase):
    hosts = ("a", "b")

    def setUp(self):
        self.net = Net(self.hosts)
        self.addCleanup(self.net.close)
        self.hives = []

    def hive(self, host, **settings):
        made = Hive(self.net, host, **settings)
        self.hives.append(made)
        self.addCleanup(made.close)
        made.keygen()
        return made

    def two(self, a=None, b=None):
        """a listens; b dials, and its people talk to a's agent."""
        first = self.hive("a", authorized=["b"], **(a or {}))
        second = self.hive("b", listen=False, uplinks=["a"], authorized=["a"], default_agent="AI.Agent-a@a", **(b or {}))
        first.trust(second)
        second.trust(first)
        return first, second

    def wait(self, check, what, seconds=30.0):
        try:
            return procs.wait_until(check, what, seconds, interval=0.2)
        except procs.Failure as problem:
            raise procs.Failure(f"{problem}\n" + "\n".join(hive.tail() for hive in self.hives)) from None

    def assert_answered(self, asking, by):
        code, out, err = asking.asks()
        self.assertEqual(code, 0, f"{err}\n{asking.tail()}\n{by.tail()}")
        self.assertTrue(out.strip())


class Two(Hives):
    def test_an_agent_in_one_answers_a_person_in_the_other(self):
        a, b = self.two()
        a.start(), b.start()
        self.wait(lambda: a.reaches("b") and b.reaches("a"), "each hive sees the other's nodes")
        self.assert_answered(b, a)
        shown = json.loads(b.ok("fabric", "hives", "--json"))["hives"]
        self.assertEqual([(hive["hive"], hive["up"]) for hive in shown], [("a", True)])
        self.assertIn("AI.Agent-a@a", b.ok("fabric", "routes"))
        sessions = os.listdir(a.memory)
        self.assertTrue(any("hive" in name and "ann" in name for name in sessions), sessions)
        self.assertEqual([name for name in os.listdir(b.memory) if "ann" in name], [], "b's own agent was not asked")

    def test_a_role_in_one_is_none_in_the_other(self):
        owner = {"name": "Ann", "role": "owner", "addresses": ["ann@cli"]}
        a, b = self.two()
        a.config["users"], b.config["users"] = [owner], [owner]
        a.start(), b.start()
        self.wait(lambda: a.reaches("b") and b.reaches("a"), "each hive sees the other's nodes")
        self.assertIn("Not allowed: [[users]] does not name who asks", b.asks()[1])
        a.config["users"] = [owner, {"name": "The hive b", "role": "user", "addresses": ["hive:b"]}]
        a.write_config()
        a.ok("config", "reload")
        self.assert_answered(b, a)
        self.assertNotIn("Not allowed", b.asks()[1])
        self.assertIn("change_config is for the role owner and above, and yours is user", b.asks("/reload")[1])

    def test_a_trace_crosses_the_hives(self):
        a, b = self.two()
        a.start(), b.start()
        self.wait(lambda: a.reaches("b") and b.reaches("a"), "each hive sees the other's nodes")
        with FabricNode(b.home, "RT.main", "IO.asker").connect() as asker:
            self.wait(lambda: "IO.asker@b" in a.ok("fabric", "routes"), "a knows who asks")
            trace = asker.send("AI.Agent-a@a", "hello", conversation={"channel": "asker", "peer": "ann@asker", "thread": ""},
                               reply_address={"from": "", "to": "ann@asker"})
            asker.receive(lambda m: m["meta"]["type"] == "reply", 30)
        found = json.loads(b.ok("fabric", "trace", trace, "--json"))
        self.assertEqual(set(found["routers"]), {"RT.main@a", "RT.main@b"})
        way = [(hop["router"], hop["row"], hop["outcome"]) for hop in found["hops"] if hop["type"] == "user"]
        self.assertEqual(way, [("RT.main@b", "3: node of another hive", "handed on"),
                               ("RT.main@a", "2: node of this hive", "handed on")])
        back = [hop["router"] for hop in found["hops"] if hop["type"] == "reply"]
        self.assertEqual(back, ["RT.main@a", "RT.main@b"])

    def test_a_cut_cable_and_its_mending(self):
        a, b = self.two()
        a.start(), b.start()
        self.wait(lambda: b.reaches("a"), "b sees a")
        self.net.cut("a")
        self.wait(lambda: not b.reaches("a") and not a.reaches("b"), "both notice", 90)
        self.net.mend("a")
        self.wait(lambda: b.reaches("a") and a.reaches("b"), "both are back without a restart", 90)
        self.assert_answered(b, a)

    def test_a_hive_killed_and_started_again_is_taken_at_once(self):
        a, b = self.two()
        a.start(), b.start()
        self.wait(lambda: b.reaches("a"), "b sees a")
        b.kill9()
        self.wait(lambda: not a.reaches("b"), "a forgets b")
        b.start()
        self.wait(lambda: a.reaches("b"), "a sees b again")
        self.assert_answered(b, a)

    def test_who_is_not_authorized_hears_so(self):
        a, b = self.two()
        a.config["hive"]["authorized_hives"] = []
        a.start(), b.start()
        self.wait(lambda: b.sees("a").get("state", "").startswith("rejected: NOT_AUTHORIZED"), "b hears the refusal")
        self.assertIn("NOT_AUTHORIZED", a.status()["gateway"]["last_refusal"])
        self.assertEqual(a.status()["gateway"]["sessions"], 0)

    def test_who_is_unknown_does_not_connect_until_joined(self):
        a, b = self.two()
        os.remove(os.path.join(a.home, "credentials", "hives", "b.crt"))
        a.start(), b.start()
        self.wait(lambda: "no certificate of hive" in a.status()["gateway"]["last_refusal"], "a refuses b")
        a.trust(b)
        self.wait(lambda: a.reaches("b"), "a takes b, without a restart", 60)

    def test_a_wrong_or_expired_certificate_is_refused(self):
        a, b = self.two()
        key = os.path.join(b.home, "credentials", "hive.key")
        for expired, word in ((False, "refused against"), (True, "expired")):
            with self.subTest(expired=expired):
                folder = procs.temp_dir("certificate")
                self.addCleanup(procs.remove_dir, folder)
                shutil.copy(certs.self_signed(folder, key, "b", expired), b.certificate)
                if expired:   # the very certificate that a keeps: only its date is wrong
                    a.trust(b)
                a.start(), b.start()
                self.wait(lambda: word in a.status()["gateway"]["last_refusal"], f"a refuses b: {word}")
                self.assertEqual(a.status()["gateway"]["sessions"], 0)
                a.kill9(), b.kill9()


class Keys(unittest.TestCase):
    """skep hive keygen, join and list."""

    def setUp(self):
        self.home = skep.Skep({"hive": {"id": "lab", "authorized_hives": ["shop"]}})
        self.other = skep.Skep({"hive": {"id": "shop"}})
        for one in (self.home, self.other):
            self.addCleanup(one.close)
            one.write_config()
            self.assertEqual(one.cli("hive", "keygen")[0], 0)
        self.certificate = os.path.join(self.other.home, "credentials", "hive.crt")

    def test_a_key_is_private_and_never_overwritten(self):
        key = os.path.join(self.home.home, "credentials", "hive.key")
        self.assertEqual(os.stat(key).st_mode & 0o777, 0o600)
        code, _, err = self.home.cli("hive", "keygen")
        self.assertEqual(code, 73)
        self.assertIn("exists already", err)

    def test_joining_asks_and_shows_the_fingerprint(self):
        code, out, _ = self.home.cli("hive", "join", self.certificate, stdin_text="n\n")
        self.assertEqual(code, 1)
        self.assertRegex(out, r"shop\nfingerprint +([0-9A-F]{2}:){31}")
        self.assertIn("no certificates", self.home.cli("hive", "list")[1])
        self.assertEqual(self.home.cli("hive", "join", self.certificate, stdin_text="y\n")[0], 0)
        listed = json.loads(self.home.cli("hive", "list", "--json")[1])
        self.assertEqual([(one["hive"], one["authorized"]) for one in listed], [("shop", True)])

    def test_what_is_no_other_hives_certificate_is_refused(self):
        own = os.path.join(self.home.home, "credentials", "hive.crt")
        for path, word in ((own, "own id"), (self.home.config_file, "no PEM certificate"), ("/nowhere", "cannot read")):
            code, _, err = self.home.cli("hive", "join", path, "--yes")
            self.assertNotEqual(code, 0)
            self.assertIn(word, err)


class Hub(Hives):
    hosts = ("m", "a", "b")

    def test_workers_reach_each_other_through_their_mother(self):
        m = self.hive("m", authorized=["a", "b"])
        a = self.hive("a", listen=False, uplinks=["m"], authorized=["m"])
        b = self.hive("b", listen=False, uplinks=["m"], authorized=["m"], default_agent="AI.Agent-a@a")
        for worker in (a, b):
            m.trust(worker)
            worker.trust(m)
        for hive in (m, a, b):
            hive.start()
        self.wait(lambda: b.sees("a").get("path") == ["a", "m"] and a.reaches("b"), "b sees a through m")
        self.assert_answered(b, a)
        m.kill9()
        self.wait(lambda: not b.reaches("a"), "without m there is no way")
        m.start()
        self.wait(lambda: b.reaches("a"), "m is back", 60)


class Evil(Hives):
    def setUp(self):
        super().setUp()
        self.a = self.hive("a", authorized=["evil"])
        self.b = Hive(self.net, "b")   # the files of the liar
        self.b.config["hive"]["id"] = "evil"
        self.addCleanup(self.b.close)
        self.b.keygen()
        self.a.trust(self.b)
        self.a.start()

    def evil(self, certificate=True, **how):
        key = os.path.join(self.b.home, "credentials", "hive.key")
        evil = EvilGateway("evil", self.b.certificate if certificate else None, key)
        with self.net.on("b"):
            evil.connect((self.net.address("a"), PORT), **how)
        self.addCleanup(evil.close)
        return evil

    def test_names_of_others_are_refused_and_counted(self):
        evil = self.evil()
        evil.advertise([evil.node("AI.ok@evil"), evil.node("AI.Agent-a@a"), evil.node("AI.x@bank")],
                       routes=[{"prefix": "AI.*", "match_kind": "PREFIX", "action": "DROP"}])
        seen = self.wait(lambda: self.a.sees("evil").get("nodes") == 1 and self.a.sees("evil"), "one node is believed")
        self.assertEqual(seen["rejected"], {"foreign_name": 2, "drop_route": 1})
        evil.advertise([evil.node("AI.x@bank")], hive="bank", path=["bank"])
        self.wait(lambda: self.a.sees("evil")["rejected"].get("hive_mismatch") == 1, "another hive's news are refused")
        code, out, err = self.a.asks()
        self.assertEqual((code, bool(out.strip())), (0, True), err)

    def test_thousands_of_nodes_are_taken(self):
        evil = self.evil()
        evil.advertise([evil.node(f"AI.n{number}@evil") for number in range(5000)])
        self.wait(lambda: self.a.sees("evil").get("nodes") == 5000, "all are there")
        self.assertEqual(self.a.sees("evil")["left_out"], 0)

    def test_a_hive_that_falls_silent_is_forgotten(self):
        evil = self.evil()
        evil.advertise([evil.node("AI.ok@evil")])
        self.wait(lambda: self.a.reaches("evil"), "it is there")
        self.net.lose("b")
        self.wait(lambda: not self.a.reaches("evil"), "it is forgotten after 40 s", 90)
        self.net.find("b")
        again = self.evil()
        again.advertise([again.node("AI.ok@evil")])
        self.wait(lambda: self.a.reaches("evil"), "it may come back")

    def test_it_may_not_claim_another_hive(self):
        evil = self.evil(claims="good")
        self.wait(evil.closed.is_set, "it is shown the door")
        reject = next(word for word in evil.words if word["meta"]["msg"] == "WAN_REJECT")
        self.assertIn("HIVE_MISMATCH", reject["payload"]["reason"])

    def test_without_a_certificate_there_is_no_connection(self):
        try:
            evil = self.evil(certificate=False)
            self.wait(evil.closed.is_set, "it is shown the door")
            self.assertEqual(evil.words, [])
        except OSError:
            pass
        self.assertEqual(self.a.status()["gateway"]["sessions"], 0)


if __name__ == "__main__":
    unittest.main()
