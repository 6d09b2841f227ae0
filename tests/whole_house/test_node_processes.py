"""The agent and the XMPP channel in processes of their own: what one's death does to the other, and to what people said."""
import json
import os
import signal
import threading
import time
import unittest

from support import procs
from support.model_server import Step
from whole_house import test_crash
from whole_house.base import WholeHouse, skep

LONG = "a long story. " * 10_000   # 140 kB: no frame holds it


class Processes(WholeHouse):
    def house(self, agent="process", xmpp="process", **more):
        house = self.make_agent(nodes__agent=agent, nodes__xmpp=xmpp, reconnect__initial_secs=1, reconnect__max_secs=1, **more)
        return house

    def status(self, house):
        code, out, err = house.cli("status", "--json")
        self.assertEqual(code, 0, err)
        return json.loads(out)

    def processes(self, house):
        return {one["kind"]: one for one in self.status(house).get("processes", [])}

    def calls(self, house):
        return json.loads(house.http_get("/api/usage")[1])["total"]["day"]["calls"]

    def wait_links(self, house, share):
        """All links of the router share memory with it, or none does."""
        def done():
            code, out, err = house.cli("fabric", "stats", "--json")
            self.assertEqual(code, 0, err)
            counters, = (router["counters"] for router in json.loads(out)["routers"])
            return counters["links.registered"] >= 2 and counters["links.shared"] == (counters["links.registered"] if share else 0)
        procs.wait_until(done, "all links share memory" if share else "no link shares memory", 30, interval=0.2)

    def wait_settled(self, house):
        """Nothing is under way in any of the processes."""
        def settled():
            status = self.status(house)
            return status["journal_unfinished"] == 0 and all(
                one.get("journal_unfinished") == 0 for one in status.get("processes", []))
        procs.wait_until(settled, "nothing is under way in any process", 60, interval=0.2)

    def wait_receipt(self, client, stanza_id):
        client.next(lambda s: any(c.tag == test_crash.RECEIPT and c.get("id") == stanza_id for c in s), 30)

    def said(self, client, house):
        """The next words of the agent."""
        return client.body(self.address(house), seconds=60).findtext("{jabber:client}body")

    def assert_no_more(self, client, house):
        self.wait_settled(house)
        client.ping(self.address(house))
        self.assertEqual(client.unread(lambda s: s.findtext("{jabber:client}body") is not None), [])


class BothOutside(Processes):
    def test_a_person_chats_while_each_process_dies_in_turn(self):
        house = self.house().start()
        ann = self.login()
        self.online(house, ann)
        self.model.rule = lambda request: Step(text="I heard: " + request.last_user)
        self.ask(house, ann, "one", "I heard: one")

        channel = house.kill_node("xmpp")
        self.assertIsNotNone(channel)
        code, out, err = house.cli("chat", "-m", "from the terminal")   # the agent does not notice
        self.assertEqual((code, out.strip()), (0, "I heard: from the terminal"), err)
        house.wait_node("xmpp", other_than=channel)
        self.online(house, ann)
        self.ask(house, ann, "two", "I heard: two")

        agent = house.kill_node("agent")
        self.assertTrue(ann.ping(self.address(house)), "the channel is online without the agent")
        self.ask(house, ann, "three", "I heard: three")
        self.assertNotEqual(house.wait_node("agent"), agent)

        before = {kind: house.node_pid(kind) for kind in ("agent", "xmpp")}
        house.kill9()
        self.assertTrue(ann.ping(self.address(house)), "the channel is online without `skep up`")
        ann.message(self.address(house), "four", stanza_id="four", extra='<request xmlns="urn:xmpp:receipts"/>')
        self.wait_receipt(ann, "four")
        house.start()
        self.assertEqual(self.said(ann, house), "I heard: four")
        self.assertEqual({kind: house.node_pid(kind) for kind in before}, before, "they were watched on, not started anew")
        self.assert_no_more(ann, house)
        self.wait_links(house, share=True)

    def test_a_person_chats_without_memory_to_share(self):
        house = self.house(fabric__shared_links_max=0).start()
        ann = self.login()
        self.online(house, ann)
        self.model.rule = lambda request: Step(text="I heard: " + request.last_user)
        self.ask(house, ann, "one", "I heard: one")
        house.kill_node("agent")
        self.ask(house, ann, "two", "I heard: two")
        self.assert_no_more(ann, house)
        self.wait_links(house, share=False)

    def test_a_turn_under_way_is_answered_once_when_its_agent_is_killed(self):
        house = self.house().start()
        ann = self.login()
        self.online(house, ann)
        asked = threading.Event()

        def answer(request):
            first = not asked.is_set()
            asked.set()
            return Step(text="at last", stall_first=30 if first else 0)
        self.model.rule = answer
        ann.message(self.address(house), "think hard")
        self.assertTrue(asked.wait(30))
        house.kill_node("agent")
        self.assertEqual(self.said(ann, house), "at last")
        self.assert_no_more(ann, house)

    def test_an_answer_waits_for_the_channel(self):
        house = self.house().start()
        ann = self.login()
        self.online(house, ann)
        go_on = threading.Event()
        asked = threading.Event()

        def answer(_request):
            asked.set()
            go_on.wait(60)
            return Step(text="here you are")
        self.model.rule = answer
        ann.message(self.address(house), "take your time")
        self.assertTrue(asked.wait(30))
        os.kill(house.node_pid("xmpp"), signal.SIGSTOP)   # it is there, and takes nothing
        stopped = house.node_pid("xmpp")
        go_on.set()
        procs.wait_until(lambda: self.status(house)["agent"]["replied"] == 1, "the agent has answered", 30, interval=0.1)
        os.kill(stopped, signal.SIGKILL)
        self.assertEqual(self.said(ann, house), "here you are")
        self.assert_no_more(ann, house)

    def test_status_and_the_fabric_show_the_processes(self):
        house = self.house().start()
        ann = self.login()
        self.online(house, ann)
        shown = self.processes(house)
        self.assertEqual({kind: one["pid"] for kind, one in shown.items()},
                         {kind: house.node_pid(kind) for kind in ("agent", "xmpp")})
        self.assertTrue(all(one["state"] == "running" for one in shown.values()), shown)
        procs.wait_until(lambda: self.status(house).get("xmpp", {}).get("up"), "the channel says it is online", 15)
        code, out, err = house.cli("fabric", "nodes", "--json")
        self.assertEqual(code, 0, err)
        pids = {node["name"]: node["pid"] for node in json.loads(out)["nodes"]}
        self.assertEqual(pids["AI.Helper@local"], house.node_pid("agent"))
        self.assertEqual(pids["IO.xmpp@local"], house.node_pid("xmpp"))
        self.assertEqual(pids["IO.web@local"], house.process.pid)
        self.model.rule = lambda request: Step(text="that cost something", usage={"in": 100, "out": 7})
        self.ask(house, ann, "hello")
        procs.wait_until(lambda: self.calls(house) == 1, "what the agent's process spent shows", 15)
        pid = house.kill_node("agent")
        house.wait_node("agent", other_than=pid)
        procs.wait_until(lambda: self.processes(house)["agent"]["restarts"] == 1, "the restart is counted", 15)
        self.assertIn("signal 9", self.processes(house)["agent"]["last_end"])
        self.assertEqual(house.sigterm(20), 0)
        self.assertEqual([house.node_pid(kind) for kind in ("agent", "xmpp")], [None, None], "they end with `skep up`")

    def test_long_texts_cross_the_processes(self):
        house = self.house().start()
        heard = []

        def answer(request):
            heard.append(request.last_user)
            return Step(text=LONG)
        self.model.rule = answer
        code, out, err = house.cli("chat", "-m", LONG[:100_000], seconds=60)
        self.assertEqual(code, 0, err)
        self.assertEqual(out.strip(), LONG.strip())
        self.assertIn(LONG[:100_000].strip(), heard[0])

    def test_rooms_are_managed_where_the_channel_is(self):
        house = self.house(agent__admin_jids=["ann@example.test"]).start()
        ann = self.login()
        self.online(house, ann)
        self.assertIn("room", self.ask(house, ann, "/rooms").lower())
        self.assertEqual(self.model.requests, [])

    def test_administrators_let_people_in_where_the_channel_is(self):
        house = self.house(agent__admin_jids=["ann@example.test"], agent__allowed_jids=["ann@example.test"]).start()
        ann, eve = self.login(), self.login("eve@example.test/x")
        self.online(house, ann)
        self.model.rule = lambda request: Step(text="I heard: " + request.last_user)
        eve.message(self.address(house), "let me in")
        eve.ping(self.address(house))
        self.assertIn("may talk to me now", self.ask(house, ann, "/allow eve@example.test"))
        self.ask(house, eve, "and now?", "I heard: and now?")
        self.assertFalse(any(request.contains("let me in") for request in self.model.requests))
        house.config["agent"]["allowed_jids"] = ["ann@example.test", "bob@example.test"]
        house.write_config()
        house.process.signal(signal.SIGHUP)
        procs.wait_until(lambda: house.log_text().count("the configuration is read again") == 3, "all processes have read it", 30)
        bob = self.login("bob@example.test/x")
        self.ask(house, bob, "me too", "I heard: me too")
        self.assertIn("Read again", self.ask(house, ann, "/reload"))

    def test_all_accounts_are_in_the_channels_process(self):
        account = {"id": "bot", **skep.server_section(self.server, "client")}
        skep.settle_account(self.server)
        house = self.house(accounts=[account]).start()
        ann = self.login()
        self.online(house, ann)
        skep.wait_online(house, ann, "client")
        self.model.rule = lambda request: Step(text="I heard: " + request.last_user)
        for round_ in ("before", "after"):
            for mode in ("component", "client"):
                address = skep.address(self.server, mode)
                ann.message(address, f"{mode} {round_}")
                self.assertEqual(ann.body(address, seconds=60).findtext("{jabber:client}body"), f"I heard: {mode} {round_}")
            if round_ == "before":
                house.wait_node("xmpp", other_than=house.kill_node("xmpp"))
                self.online(house, ann)
                skep.wait_online(house, ann, "client")
        code, out, err = house.cli("fabric", "nodes", "--json")
        self.assertEqual(code, 0, err)
        pids = {node["name"]: node["pid"] for node in json.loads(out)["nodes"]}
        self.assertEqual({pids["IO.xmpp@local"], pids["IO.xmpp.bot@local"]}, {house.node_pid("xmpp")})

    def test_other_agents_answer_from_skep_up(self):
        house = self.house().start()
        ann = self.login()
        self.online(house, ann)
        self.model.rule = lambda request: Step(text=("solo" if request.contains("You are solo") else "main") + " heard " + request.last_user)
        manifest = os.path.join(house.home, "solo.toml")
        with open(manifest, "w", encoding="utf-8") as file:
            file.write('name = "solo"\n[model]\nsystem_prompt = "You are solo"\n[capabilities]\ntools = ["file_read", "memory_recall"]\n')
        code, _, err = house.cli("agent", "spawn", manifest)
        self.assertEqual(code, 0, err)
        code, out, err = house.cli("chat", "--agent", "solo", "-m", "one")
        self.assertEqual((code, out.strip()), (0, "solo heard one"), err)
        self.ask(house, ann, "two", "main heard two")
        pid = house.kill_node("agent")
        house.wait_node("agent", other_than=pid)
        code, out, err = house.cli("chat", "--agent", "solo", "-m", "three")
        self.assertEqual((code, out.strip()), (0, "solo heard three"), err)


class OneOutside(Processes):
    def test_the_channel_alone(self):
        house = self.house(agent="inside").start()
        ann = self.login()
        self.online(house, ann)
        self.model.rule = lambda request: Step(text="I heard: " + request.last_user)
        self.ask(house, ann, "one", "I heard: one")
        house.kill9()
        ann.message(self.address(house), "two", stanza_id="two", extra='<request xmlns="urn:xmpp:receipts"/>')
        self.wait_receipt(ann, "two")
        house.start()
        self.assertEqual(self.said(ann, house), "I heard: two")
        self.assert_no_more(ann, house)

    def test_a_channel_that_may_not_go_online_leaves_the_rest_alone(self):
        house = self.house(agent="inside", server__component_secret="wrong-secret").start()
        procs.wait_until(lambda: self.processes(house)["xmpp"]["state"] == "given up", "it is not tried again", 30)
        self.model.rule = lambda request: Step(text="still here")
        code, out, err = house.cli("chat", "-m", "anybody?")
        self.assertEqual((code, out.strip()), (0, "still here"), err)

    def test_unfinished_work_moves_with_its_node(self):
        house = self.house(agent="inside", xmpp="inside").start()
        ann = self.login()
        self.online(house, ann)
        asked = threading.Semaphore(0)
        self.patient = True

        def answer(request):
            asked.release()
            return Step(text="done: " + request.last_user, stall_first=30 if self.patient else 0)
        self.model.rule = answer
        for place, words in (("process", "out"), ("inside", "back")):
            self.patient = True
            ann.message(self.address(house), words)
            self.assertTrue(asked.acquire(timeout=30))
            house.kill9()
            house.end_nodes()
            skep.override(house.config, "nodes.agent", place)
            skep.override(house.config, "nodes.xmpp", place)
            self.patient = False
            house.start()
            self.assertEqual(self.said(ann, house), "done: " + words)
            self.online(house, ann)
            self.assert_no_more(ann, house)

    def test_a_node_started_by_hand(self):
        house = self.house(agent="by hand", xmpp="inside").start()
        log = os.path.join(house.home, "agent.out")
        argv = [skep.binary(), "node", "agent", "--home", house.home, "--config", house.config_file]
        by_hand = procs.Process("node agent", argv, log, env=house.environment(), cwd=house.home)
        self.addCleanup(by_hand.kill)
        house.wait_node("agent")
        self.model.rule = lambda request: Step(text="by hand")
        code, out, err = house.cli("chat", "-m", "hello")
        self.assertEqual((code, out.strip()), (0, "by hand"), err)
        self.assertEqual(self.processes(house)["agent"]["state"], "running")
        self.assertEqual(house.cli("node", "agent", "--config", house.config_file)[0], 73, "a second one is refused")
        self.assertEqual(house.cli("node", "xmpp", "--config", house.config_file)[0], 78, "that one is inside")
        self.assertEqual(house.cli("node", "cook", "--config", house.config_file)[0], 64)
        self.assertEqual(house.sigterm(20), 0)
        self.assertEqual(house.node_pid("agent"), by_hand.pid, "it is not ours to end")
        self.assertEqual(by_hand.stop(), 0)


class Crash(test_crash.Crash):
    """The crash test of one process, with three, any of which may be killed."""

    def settings(self):
        return {"nodes__agent": "process", "nodes__xmpp": "process"}

    def strike(self, agent):
        what = self.random.choice(["agent", "xmpp", "all of it"])
        if what != "all of it":
            agent.kill_node(what)
            return
        agent.kill9()
        time.sleep(self.random.random() * 0.3)   # the random moment
        agent.start()

    def settle(self, agent, persons):
        self.online(agent, persons[0].client, 60)
        Processes.wait_settled(self, agent)
        super().settle(agent, persons)

    def status(self, house):
        return Processes.status(self, house)


if __name__ == "__main__":
    unittest.main()
