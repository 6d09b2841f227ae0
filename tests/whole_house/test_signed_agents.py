"""Signed manifests: made by the command line, looked at wherever one comes in, through a running skep."""
import json
import os
import subprocess
import unittest

from support.model_server import Step
from whole_house.base import WholeHouse


class Signed(WholeHouse):
    needs_server = False

    def make_key(self, agent, name="ops"):
        """(path, "name:public key")"""
        path = os.path.join(agent.home, f"{name}.key")
        code, out, err = agent.cli("agent", "keygen", "--key", path, "--name", name)
        self.assertEqual(code, 0, err)
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
        return path, next(line.split()[1] for line in out.splitlines() if line.startswith("signer"))

    def house(self, required=True, names=("ops",)):
        house = self.make_agent(agents__main_tools="on")
        keys = [self.make_key(house, name) for name in names]
        self.key = keys[0][0]
        house.config["agents"].update(trusted_signers=[signer for _, signer in keys], require_signed=required)
        return house.start()

    def write(self, house, name, text=None):
        path = os.path.join(house.home, f"{name}.toml")
        with open(path, "w", encoding="utf-8") as out:
            out.write(text or f'name = "{name}"\ndescription = "for a test"\n')
        return path

    def signed(self, house, name, *rest, key=None):
        """The text of a signed manifest."""
        path = self.write(house, name)
        code, _, err = house.cli("agent", "sign", path, "--key", key or self.key, *rest)
        self.assertEqual(code, 0, err)
        with open(path, encoding="utf-8") as source:
            return source.read()

    def post(self, house, text):
        status, _, body = house.http("POST", "/api/agents", {"manifest": text})
        return status, json.loads(body).get("error", {}).get("message", "")

    def denied(self, house, name):
        """What the audit log has about refusals of that agent."""
        code, out, err = house.cli("audit", "list", "--json", "-n", "500")
        self.assertEqual(code, 0, err)
        return [entry["detail"] for entry in json.loads(out)
                if entry["outcome"] == "deny" and entry["resource"] == name]

    def assert_refused(self, house, name, text, why):
        status, message = self.post(house, text)
        self.assertEqual(status, 403, message)
        self.assertIn(why, message)
        self.assertIn(why, " ".join(self.denied(house, name)))
        self.assertEqual(house.http_get(f"/api/agents/{name}")[0], 404)

    def test_altered_foreign_unknown_and_expired_are_refused_and_written_down(self):
        house = self.house(required=False)   # what is signed is looked at, whether it must be or not
        good = self.signed(house, "one")
        self.assert_refused(house, "one", good.replace("for a test", "for the worst"), "not the one that was signed")
        line = good.rstrip("\n").splitlines()[-1]
        swapped = line[:-1] + ("0" if line[-1] != "0" else "1")
        self.assert_refused(house, "one", good.replace(line, swapped), "not of the key that it names")
        self.assert_refused(house, "one", good.replace(line, line.replace("expires=2", "expires=3")), "not of the key")
        self.assert_refused(house, "one", good + "tags = []\n", "must be last")
        self.assert_refused(house, "one", good.replace(" v1 ", " v9 "), "unknown version")
        stranger, _ = self.make_key(house, "mallory")
        self.assert_refused(house, "two", self.signed(house, "two", key=stranger), "none of [agents] trusted_signers")
        old = self.signed(house, "three", "--until", "2020-01-01T00:00:00Z")
        self.assert_refused(house, "three", old, "good until 2020-01-01T00:00:00Z")
        renamed = good.replace('name = "one"', 'name = "four"')
        self.assert_refused(house, "four", renamed, "not the one that was signed")
        self.assertEqual(self.post(house, good), (201, ""))
        self.assertEqual(self.post(house, 'name = "plain"\n'), (201, ""))   # nothing asks for a signature here

    def test_where_it_is_required_nothing_else_is_spawned_by_anybody(self):
        house = self.house()
        path = self.write(house, "plain")
        code, _, err = house.cli("agent", "spawn", path)
        self.assertNotEqual(code, 0)
        self.assertIn("require_signed", err)
        code, _, err = house.cli("agent", "new", "copy", "--template", "assistant")
        self.assertNotEqual(code, 0)
        self.assertIn("require_signed", err)
        self.assert_refused(house, "plain", 'name = "plain"\n', "not signed")
        self.model.script(Step(calls=[("agent_spawn", {"manifest_toml": 'name = "plain"\n'})]), Step(text="I tried."))
        code, out, err = house.cli("chat", "-m", "make one")
        self.assertEqual((code, out.strip()), (0, "I tried."), err)
        self.assertIn("require_signed", json.dumps(self.model.requests[-1].tool_results))
        # The same words with a signature are let through, by each of these ways.
        self.signed(house, "plain")
        code, _, err = house.cli("agent", "spawn", path)
        self.assertEqual(code, 0, err)
        other = self.signed(house, "other")
        self.model.script(Step(calls=[("agent_spawn", {"manifest_toml": other})]), Step(text="Done."))
        code, out, err = house.cli("chat", "-m", "make the other")
        self.assertEqual((code, out.strip()), (0, "Done."), err)
        self.assertEqual(house.http_get("/api/agents/other")[0], 200, self.model.describe())

    def test_a_file_that_is_altered_later_is_not_opened(self):
        house = self.house()
        self.assertEqual(self.post(house, self.signed(house, "kept")), (201, ""))
        self.model.script('text "Here."', 'text "Here again."')
        self.assertEqual(house.cli("chat", "--agent", "kept", "-m", "hello")[1].strip(), "Here.")
        house.sigterm()
        house.start()
        self.assertEqual(house.cli("chat", "--agent", "kept", "-m", "hello")[1].strip(), "Here again.")
        house.sigterm()
        manifest = os.path.join(house.home, "agents", "kept", "agent.toml")
        with open(manifest, encoding="utf-8") as source:
            text = source.read()
        with open(manifest, "w", encoding="utf-8") as out:
            out.write(text.replace("for a test", "for the worst"))
        house.start()
        code, out, err = house.cli("chat", "--agent", "kept", "-m", "hello")
        self.assertNotEqual(code, 0, out)
        self.assertIn("not the one that was signed", err)
        self.assertIn("not the one that was signed", " ".join(self.denied(house, "kept")))

    def test_a_folder_without_a_signature_is_not_taken_up_where_one_is_required(self):
        house = self.house()
        house.sigterm()
        folder = os.path.join(house.home, "agents", "dropped")
        os.makedirs(folder)
        with open(os.path.join(folder, "agent.toml"), "w", encoding="utf-8") as out:
            out.write('name = "dropped"\n')
        house.start()
        agent = json.loads(house.http_get("/api/agents/dropped")[1])
        self.assertEqual(agent["state"], "crashed")
        self.assertIn("not signed", agent["why"])
        self.assertIn("not signed", " ".join(self.denied(house, "dropped")))

    def test_openssls_keys_sign_and_verify_says_who(self):
        house = self.house(names=("ops", "dev"))
        own = os.path.join(house.home, "openssl.pem")
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", own], check=True, capture_output=True)
        raw = subprocess.run(["openssl", "pkey", "-in", own, "-pubout", "-outform", "DER"], check=True, capture_output=True)
        house.config["agents"]["trusted_signers"].append("bee:" + raw.stdout[-32:].hex())
        house.write_config()
        self.assertEqual(house.cli("config", "reload")[0], 0)
        text = self.signed(house, "sealed", key=own)
        code, out, err = house.cli("agent", "verify", os.path.join(house.home, "sealed.toml"))
        self.assertEqual(code, 0, err)
        self.assertIn("signed by bee for the agent sealed", out)
        self.assertEqual(self.post(house, text), (201, ""))
        plain = self.write(house, "plain")
        self.assertEqual(house.cli("agent", "verify", plain)[0], 1)
        # A key is never overwritten, and what is none says so.
        self.assertNotEqual(house.cli("agent", "keygen", "--key", own)[0], 0)
        code, _, err = house.cli("agent", "sign", plain, "--key", plain)
        self.assertNotEqual(code, 0)
        self.assertIn("Ed25519", err)

    def test_a_bad_signer_keeps_it_from_starting(self):
        for signers, why in ((["ops"], "64 hex digits"), ([], "no agent could be started")):
            with self.subTest(signers=signers):
                house = self.make_agent(agents__trusted_signers=signers, agents__require_signed=True)
                self.assertNotEqual(house.launch().wait_for_exit(), 0)
                self.assertIn(why, house.log_text())


if __name__ == "__main__":
    unittest.main()
