"""An independent client (python3-slixmpp) chats with the agent through a real server, in component and in client mode."""
import asyncio
import unittest

import slixmpp
from slixmpp.exceptions import XMPPError
from slixmpp.xmlstream import ElementBase, register_stanza_plugin
from support import aio
from whole_house.base import WholeHouse, skep

WAIT = 30


class Person(slixmpp.ClientXMPP):
    def __init__(self, server, jid):
        super().__init__(jid, server.password("ann"))
        self.ca_certs = server.ca_file
        for plugin in ("xep_0030", "xep_0085", "xep_0092", "xep_0066", "xep_0184", "xep_0199", "xep_0202", "xep_0444", "xep_0461"):
            self.register_plugin(plugin)
        self.texts, self.states, self.receipts, self.reactions = (asyncio.Queue() for _ in range(4))
        self.started = asyncio.get_event_loop().create_future()
        self.add_event_handler("session_start", self._start)
        self.add_event_handler("failed_all_auth", lambda _: self.started.set_exception(AssertionError("login failed")))
        self.add_event_handler("message", lambda message: message["body"] and self.texts.put_nowait(message))
        self.add_event_handler("chatstate_composing", self.states.put_nowait)
        self.add_event_handler("reactions", self.reactions.put_nowait)
        self.add_event_handler("receipt_received", self.receipts.put_nowait)

    async def _start(self, _event):
        self.send_presence()
        await self.get_roster()
        self.started.set_result(True)

    async def wait_for_agent(self, address):
        for _ in range(200):
            try:
                return await self["xep_0199"].send_ping(address, timeout=5)
            except XMPPError:
                await asyncio.sleep(0.1)
        raise AssertionError(f"{address} does not answer pings")


class Fallback(ElementBase):
    """XEP-0428; slixmpp knows an older namespace."""
    namespace, name, plugin_attrib, interfaces = "urn:xmpp:fallback:0", "fallback", "fallback0", {"for"}


class FallbackBody(ElementBase):
    namespace, name, plugin_attrib, interfaces = "urn:xmpp:fallback:0", "body", "range", {"start", "end"}


register_stanza_plugin(slixmpp.Message, Fallback)
register_stanza_plugin(Fallback, FallbackBody)


class IndependentClient(WholeHouse):
    def chat(self, mode):
        agent = self.make_agent(mode).start()
        full = skep.full_address(self.server, mode)

        async def talk(person):
            self.model.script('text "Hello from the agent."')
            message = person.make_message(mto=self.address(agent), mbody="hello", mtype="chat")
            message["id"] = "slix-1"
            message["request_receipt"] = True
            message["chat_state"] = "active"
            message.send()
            receipt = await asyncio.wait_for(person.receipts.get(), WAIT)
            self.assertEqual(receipt["receipt"], "slix-1")
            await asyncio.wait_for(person.states.get(), WAIT)
            reply = await asyncio.wait_for(person.texts.get(), WAIT)
            self.assertEqual(reply["body"], "Hello from the agent.")
            self.assertEqual(reply["chat_state"], "active")
            self.assertEqual(reply["from"].bare, self.address(agent))
            version = await person["xep_0092"].get_version(full)
            self.assertIn("skep", version["software_version"]["name"].lower())
            info = await person["xep_0030"].get_info(jid=full)
            self.assertIn(("client", "bot", None, "Helper"), info["disco_info"]["identities"])
            self.assertIn("urn:xmpp:receipts", info["disco_info"]["features"])

        self.play(mode, talk)

    def play(self, mode, talk):
        """A person logs in, waits until the agent is there, and does what `talk` says."""
        full = skep.full_address(self.server, mode)

        async def all_of_it():
            person = Person(self.server, "ann@example.test/slix")
            person.connect((self.server.host, self.server.c2s_port))
            try:
                await asyncio.wait_for(person.started, WAIT)
                await person.wait_for_agent(full)
                await talk(person)
            finally:
                person.disconnect(wait=1)
                await asyncio.wait_for(person.disconnected, WAIT)

        aio.run_alone(all_of_it())

    def files(self, mode):
        hosts = [f"{self.server.host}:{self.server.http_port}"]
        agent = self.make_agent(mode, attachments__allowed_hosts=hosts).start()

        async def talk(person):
            self.model.script('tool_call react {"emoji":"👍"} then tool_call file_write {"path":"a.txt","content":"words"}',
                              'tool_call send_file {"path":"a.txt"}', 'text "Sent."')
            message = person.make_message(mto=self.address(agent), mbody="send it", mtype="chat")
            message["id"] = "slix-2"
            message.send()
            reaction = await asyncio.wait_for(person.reactions.get(), WAIT)
            self.assertEqual(reaction["reactions"]["id"], "slix-2")
            self.assertEqual(reaction["reactions"]["values"], {"👍"})
            file = await asyncio.wait_for(person.texts.get(), WAIT)
            self.assertEqual(file["oob"]["url"], file["body"])
            self.assertTrue(file["body"].endswith("a.txt"))
            self.assertEqual((await asyncio.wait_for(person.texts.get(), WAIT))["body"], "Sent.")

        self.play(mode, talk)

    def replies(self, mode):
        """Words, an answer that quotes them, a reply that quotes the answer: each side strips the other's quotes."""
        agent = self.make_agent(mode).start()

        async def talk(person):
            def say(text, name):
                message = person.make_message(mto=self.address(agent), mbody=text, mtype="chat")
                message["id"] = name
                return message

            self.model.script('holds then text "Tea."', 'text "With milk."', 'text "Gladly."')
            say("tea \u2013 or \u2615?", "slix-3").send()
            await asyncio.get_running_loop().run_in_executor(None, self.model.wait_until_holding)
            say("with milk?", "slix-4").send()
            await person["xep_0199"].send_ping(skep.full_address(self.server, mode), timeout=WAIT)
            self.model.release()
            answer = await asyncio.wait_for(person.texts.get(), WAIT)
            self.assertEqual(answer["body"], "> tea \u2013 or \u2615?\nTea.")
            self.assertEqual(answer["reply"]["id"], "slix-3")
            self.assertEqual(answer["fallback0"]["for"], "urn:xmpp:reply:0")
            start, end = (int(answer["fallback0"]["range"][key]) for key in ("start", "end"))
            self.assertEqual(answer["body"][:start] + answer["body"][end:], "Tea.")
            second = await asyncio.wait_for(person.texts.get(), WAIT)
            self.assertEqual((second["body"], second["reply"]["id"]), ("With milk.", ""))
            quote = "> Tea.\n"
            back = say(quote + "sugar too?", "slix-5")
            back["reply"]["id"], back["reply"]["to"] = answer["id"], answer["from"].bare
            back["fallback0"]["for"] = "urn:xmpp:reply:0"
            back["fallback0"]["range"]["start"], back["fallback0"]["range"]["end"] = "0", str(len(quote))
            back.send()
            self.assertEqual((await asyncio.wait_for(person.texts.get(), WAIT))["body"], "Gladly.")
            self.assertIn('[In reply to "Tea."]\nsugar too?', self.model.requests[-1].last_user)

        self.play(mode, talk)

    def test_replies_go_round_in_component_mode(self):
        self.replies("component")

    def test_replies_go_round_in_client_mode(self):
        self.replies("client")

    def test_it_sees_files_and_reactions_in_component_mode(self):
        self.files("component")

    def test_it_sees_files_and_reactions_in_client_mode(self):
        self.files("client")

    def test_it_chats_in_component_mode(self):
        self.chat("component")

    def test_it_chats_in_client_mode(self):
        self.chat("client")


class IndependentClientOnEjabberd(IndependentClient):
    server_kind = "ejabberd"


if __name__ == "__main__":
    unittest.main()
