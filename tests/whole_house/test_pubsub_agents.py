"""Items of a node (XEP-0060) are another agent's turns where [[pubsub]] says so, and a name that nobody has is refused at the start."""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from support.xmpp_wire import CLIENT, bare      # noqa: E402
from whole_house.base import WholeHouse         # noqa: E402
from whole_house.agents import manifest, says   # noqa: E402

NODE = {"service": "pubsub.example.test", "target": "ann@example.test", "prompt": "Say what happened."}


class House(WholeHouse):
    mode = "component"

    def pubsub(self, inside, ns=""):
        answer = self.adm.iq("set", "pubsub.example.test", f'<pubsub xmlns="http://jabber.org/protocol/pubsub{ns}">{inside}</pubsub>')
        self.assertEqual(answer.get("type"), "result")

    def publish(self, node, words):
        self.pubsub(f'<publish node="{node}"><item id="{words}"><entry xmlns="http://www.w3.org/2005/Atom">'
                    f'<title>{words}</title></entry></item></publish>')

    def with_pen(self, node, name="pen", **overrides):
        """Not started: its agent `name`, of which there is "pen", has the items of `node`."""
        agent = self.make_agent(self.mode, pubsub=[{**NODE, "node": node, "agent": name}], **overrides)
        os.makedirs(os.path.join(agent.home, "agents", "pen"))
        with open(os.path.join(agent.home, "agents", "pen", "agent.toml"), "w", encoding="utf-8") as file:
            file.write(manifest("pen"))
        return agent

    def house(self, node, **overrides):
        """The node is there when it starts."""
        self.adm = self.login("adm@example.test/desk")
        self.pubsub(f'<create node="{node}"/>')
        self.addCleanup(self.pubsub, f'<delete node="{node}"/>', "#owner")
        agent = self.with_pen(node, **overrides).start()
        agent.wait_for_log(f"subscribed to pubsub.example.test {node}", 60)
        return agent

    def hears(self, client, text):
        message = client.body()
        self.assertEqual(message.findtext(CLIENT + "body"), text)
        return bare(message.get("from"))


class PubSubAgents(House):
    def test_items_are_the_named_agents_turns(self):
        ann = self.login()
        agent = self.house("drafts")
        self.model.script(says("pen", "A draft came in."))
        self.publish("drafts", "first")
        self.assertEqual(self.hears(ann, "A draft came in."), self.address(agent) if self.mode == "client" else
                         f"helper@{self.server.component}")
        self.assertTrue(self.model.requests[-1].contains("You are the agent pen."))
        self.assertTrue(self.model.requests[-1].contains("first"))
        self.assertIn("A draft came in.", agent.read("../agents/pen/memory/ann@example.test/history.jsonl"))
        self.ask(agent, ann, "who are you?", "You said: who are you?")
        self.assertFalse(self.model.requests[-1].contains("You are the agent pen."), "people still write to the main agent")

    def test_a_name_that_no_agent_has_is_refused_at_the_start(self):
        agent = self.make_agent(self.mode, pubsub=[{**NODE, "node": "drafts", "agent": "Helpr"}])
        self.assert_gives_up(agent, 'there is no agent "Helpr"; did you mean "Helper"?')
        self.assert_gives_up(self.with_pen("drafts", name="Pen"), 'there is no agent "Pen"; did you mean "pen"?')

    def test_the_main_agent_may_be_named_too(self):
        agent = self.make_agent(self.mode, pubsub=[{**NODE, "node": "drafts", "agent": "helper"}]).start()
        self.online(agent, self.login())


class PubSubAgentsOfAnAccount(PubSubAgents):
    mode = "client"


class WithAnAddress(House):
    def test_an_agent_with_an_address_speaks_from_there_and_is_answered(self):
        ann = self.login()
        address = f"pen@{self.server.component}"
        self.house("letters", server__addresses=[{"local": "pen", "agent": "AI.pen", "name": "Pen"}])
        self.model.script(says("pen", "A letter came in."), says("pen", "From bob."))
        self.publish("letters", "first")
        self.assertEqual(self.hears(ann, "A letter came in."), address)
        ann.message(address, "from whom?")
        self.assertEqual(self.hears(ann, "From bob."), address)
        self.assertTrue(self.model.requests[-1].contains("A letter came in."), "it is one conversation")


if __name__ == "__main__":
    unittest.main()
