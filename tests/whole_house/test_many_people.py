"""Two hundred people at once, and what the log says about them at its most talkative: nothing that was said, no secret."""
import json
import unittest

from support.component import WireComponent
from support.model_server import Step
from support.xmpp_server import Options
from whole_house.base import WholeHouse, procs, skep

CLIENT = "{jabber:client}"
CROWD = "crowd.example.test"
PEOPLE = 200
WORDS = "cinnamon-4711"


class ManyPeople(WholeHouse):
    options = Options(components=(CROWD,))

    def test_all_are_answered_and_the_log_keeps_what_they_said_to_itself(self):
        crowd = WireComponent(self.server, CROWD).login()
        self.addCleanup(crowd.close)
        self.model.rule = lambda request: Step(text=f"to {request.last_user.split()[-1]}", stall_first=0.3)
        agent = self.make_agent("component", agent__allowed_jids=[f"@{CROWD}"], agent__allowed_domains=[CROWD],
                                log__level="debug").start()
        procs.wait_until(lambda: json.loads(agent.http_get("/api/status")[1])["xmpp"]["up"], "the agent is online", 30,
                         alive=agent.process)
        for number in range(PEOPLE):
            crowd.send(f'<message from="p{number}@{CROWD}/x" to="{self.address(agent)}" type="chat" id="m{number}">'
                       f'<body>{WORDS} {number}</body></message>')
        answers = {}
        while len(answers) < PEOPLE:
            stanza = crowd.body(self.address(agent), 60)
            self.assertNotIn(stanza.get("to"), answers, "answered twice")
            answers[stanza.get("to")] = stanza.findtext(CLIENT + "body")
        self.assertEqual(answers, {f"p{number}@{CROWD}/x": f"to {number}" for number in range(PEOPLE)})
        log = agent.log_text()
        self.assertIn("connected as", log)
        for secret in (WORDS, skep.API_KEY, self.server.component_secret):
            self.assertNotIn(secret, log)


if __name__ == "__main__":
    unittest.main()
