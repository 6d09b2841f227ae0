"""Clients that we did not write talk to an agent of another domain: @xmpp/client (JavaScript) and slixmpp (Python)."""
import asyncio
import json
import os
import subprocess
import unittest
import xml.etree.ElementTree as ET

import slixmpp
from support import aio, procs, skep
from whole_house.two_domains import EXECUTE, SKILLS, TwoDomains, execute, peer

JS = os.path.join(skep.ROOT, "tests", "xmpp_js")


class IndependentClients(TwoDomains):
    def setUp(self):
        super().setUp()
        self.agent = self.agent_b(peers={'"ann@a.test"': peer(allow_in=True, skills_in=["*"])})
        self.agent.config["agent"].update({"allowed_jids": ["ann@a.test"], "allowed_domains": ["a.test"]})
        self.agent.start()
        self.online(self.agent)

    def test_xmpp_js_chats_and_runs_a_skill(self):
        subprocess.run(["bash", os.path.join(JS, "install.sh")], check=True, timeout=240)
        self.model_b.script('text "Hello from the agent."')
        wanted = {"service": f"xmpp://{self.a.host}:{self.a.c2s_port}", "domain": "a.test", "username": "ann",
                  "password": self.a.password("ann"), "agent": "helper@agent.b.test", "text": "hello",
                  "skill": "system_time", "params": {}}
        env = {**os.environ, "NODE_EXTRA_CA_CERTS": self.a.ca_file}
        code, out, err = procs.run(["node", os.path.join(JS, "client.js"), json.dumps(wanted)], env=env, seconds=120, cwd=JS)
        self.assertEqual(code, 0, err)
        said = json.loads(out.strip().splitlines()[-1])
        self.assertEqual(said["reply"], "Hello from the agent.")
        self.assertEqual(said["result"]["status"], "completed")
        self.assertIn("UTC", said["result"]["output"])

    def test_slixmpp_reads_the_catalogue_and_runs_a_skill(self):
        async def talk():
            ann = slixmpp.ClientXMPP("ann@a.test/slix", self.a.password("ann"))
            ann.ca_certs = self.a.ca_file
            online = asyncio.get_event_loop().create_future()
            ann.add_event_handler("session_start", lambda _: online.set_result(True))
            ann.connect((self.a.host, self.a.c2s_port))
            try:
                await asyncio.wait_for(online, 30)
                ann.send_presence()

                async def ask(kind, payload):
                    iq = ann.make_iq(ito="agent.b.test", itype=kind)
                    iq.append(ET.fromstring(payload))
                    return (await iq.send(timeout=60)).xml

                skills = await ask("get", '<query xmlns="urn:fluux:agent:0#skills"/>')
                self.assertIn("system_time", {skill.get("id") for skill in skills.iter(SKILLS + "skill")})
                result = (await ask("set", execute("system_time", "slix-1"))).find(EXECUTE + "result")
                self.assertEqual((result.get("status"), result.get("exec-id")), ("completed", "slix-1"))
            finally:
                ann.disconnect(wait=1)
                await asyncio.wait_for(ann.disconnected, 30)

        aio.run_alone(talk())


if __name__ == "__main__":
    unittest.main()
