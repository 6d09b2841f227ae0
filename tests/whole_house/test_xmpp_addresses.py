"""Several addresses and several accounts in one process, and who may talk to them when that changes."""
import glob
import os
import signal
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from support import procs, skep                   # noqa: E402
from support.xmpp_wire import CLIENT, WireClient  # noqa: E402
from whole_house.base import WholeHouse           # noqa: E402

ECHO = os.path.join(skep.ROOT, "examples", "echo-python", "echo.py")
ITEMS = "{http://jabber.org/protocol/disco#items}"


class Addresses(WholeHouse):
    def start_echo(self, agent, name):
        process = procs.Process(name, ["/usr/bin/python3", ECHO, os.path.join(agent.home, "run", "fabric"), name],
                                os.path.join(agent.home, f"{name}.out"))
        self.addCleanup(process.kill)
        procs.wait_until(lambda: "is connected to" in process.tail(), f"{name} is on the fabric", alive=process)
        return process

    def body_of(self, client, address):
        return client.body(address).findtext(CLIENT + "body")

    def test_each_address_has_its_agent_and_its_conversations(self):
        domain = self.server.component
        agent = self.make_agent("component", server__addresses=[
            {"local": "support", "agent": "AI.echo", "name": "Support"}, {"local": "sales", "name": "Sales"}]).start()
        self.start_echo(agent, "AI.echo")
        ann = self.login()
        self.online(agent, ann)
        ann.message(f"support@{domain}", "to the echo")
        self.assertEqual(self.body_of(ann, f"support@{domain}"), "to the echo")
        for local in ("sales", "helper"):
            self.model.script(f'text "I am at {local}"')
            ann.message(f"{local}@{domain}", f"who is {local}?")
            self.assertEqual(self.body_of(ann, f"{local}@{domain}"), f"I am at {local}")
        self.assertFalse(self.model.requests[-1].contains("who is sales?"), "one address sees the other's conversation")
        self.assertIn("who is sales?", agent.read(f"ann@example.test/at/sales@{domain}/history.jsonl"))
        self.assertIn("who is helper?", agent.read("ann@example.test/history.jsonl"))
        items = ann.iq("get", domain, '<query xmlns="http://jabber.org/protocol/disco#items"/>')
        self.assertEqual({(item.get("jid"), item.get("name")) for item in items.iter(ITEMS + "item")},
                         {(f"support@{domain}", "Support"), (f"sales@{domain}", "Sales")})

    def test_a_component_and_an_account_live_in_one_process(self):
        account = {"id": "bot", **skep.server_section(self.server, "client")}
        skep.settle_account(self.server)
        agent = self.make_agent("component", accounts=[account]).start()
        ann = self.login()
        self.online(agent, ann)
        skep.wait_online(agent, ann, "client")
        places = {"component": skep.address(self.server, "component"), "client": skep.address(self.server, "client")}
        for mode, address in places.items():
            ann.message(address, f"by the {mode}")
            self.assertIn(f"by the {mode}", self.body_of(ann, address))
        self.assertFalse(self.model.requests[-1].contains("by the component"))
        agent.kill9()
        agent.start()
        self.online(agent, ann)
        skep.wait_online(agent, ann, "client")
        for mode, address in places.items():
            ann.message(address, f"again by the {mode}")
            self.assertIn(f"again by the {mode}", self.body_of(ann, address))
        self.assertTrue(self.model.requests[-1].contains("by the client"))
        self.assertTrue(glob.glob(os.path.join(agent.home, "run", "xmpp-archive-bot.json")))

    def test_a_changed_allow_list_holds_after_sighup_on_the_same_link(self):
        agent = self.make_agent("component").start()
        ann, eve = self.login(), self.login("eve@example.test/x")
        self.online(agent, ann)
        address = self.address(agent)
        eve.message(address, "let me in")
        eve.ping(address)
        agent.config["agent"]["allowed_jids"] = ["eve@example.test"]
        agent.write_config()
        agent.process.signal(signal.SIGHUP)
        agent.wait_for_log("the configuration is read again")
        eve.message(address, "and now?")
        self.assertIn("and now?", self.body_of(eve, address))
        ann.message(address, "am I out?")
        ann.ping(address)
        self.assertEqual(ann.unread(lambda stanza: stanza.tag == CLIENT + "message"), [])
        self.assertEqual(agent.log_text().count("connected as"), 1)
        agent.config["agent"]["allowed_jidz"] = []
        agent.write_config()
        agent.process.signal(signal.SIGHUP)
        agent.wait_for_log("the configuration is not read again")
        eve.message(address, "still in?")
        self.assertIn("still in?", self.body_of(eve, address))

    def befriend(self, client, address):
        """Presence both ways, as a person's client makes it."""
        client.iq("get", "", '<query xmlns="jabber:iq:roster"/>')
        client.send(f'<presence to="{address}" type="subscribe"/>')
        for kind in ("subscribed", "subscribe"):
            client.next(lambda stanza, kind=kind: stanza.tag == CLIENT + "presence" and stanza.get("type") == kind)
        client.send(f'<presence to="{address}" type="subscribed"/>')
        client.ping(address)

    def test_what_waits_for_somebody_outlives_a_kill_and_comes_once(self):
        agent = self.make_agent("component", skills__xmpp_send={
            "enabled": True, "allowed_contacts": ["bob@example.test"], "require_first_contact_confirmation": False}).start()
        ann, bob = self.login(), self.login("bob@example.test/desk")
        self.online(agent, ann)
        address = self.address(agent)
        self.befriend(bob, address)
        bob.close()
        ann.ping(self.server.domain)
        ann.ping(address)
        self.model.script('tool_call xmpp_send {"to": "bob@example.test", "body": "The build is done.", "when_online": true}')
        self.model.script('text "He will hear it."')
        self.assertEqual(self.ask(agent, ann, "tell bob when he is there"), "He will hear it.")
        self.assertTrue(self.model.requests[-1].contains("waits"))
        agent.kill9()
        agent.start()
        self.online(agent, ann)
        bob = WireClient(self.server, "bob@example.test/desk").login()   # keeps what comes with the first presence
        self.addCleanup(bob.close)
        self.assertTrue(self.body_of(bob, address).startswith("The build is done."))
        bob.ping(address)
        self.assertEqual(bob.unread(lambda stanza: stanza.find(CLIENT + "body") is not None), [])
        book = procs.run(["sh", "-c", f"cat {agent.home}/audit/xmpp_send-*.jsonl"])[1]
        self.assertIn('"result":"waits"', book)


class AddressesOnEjabberd(Addresses):
    server_kind = "ejabberd"


if __name__ == "__main__":
    unittest.main()
