"""What tests of several agents in one skep have in common: manifests, and models that know who asks."""
import json

from support.model_server import Step
from whole_house.base import WholeHouse


def manifest(name, tools=None, prompt="", **rest):
    """A manifest with a system prompt by which the scripted model knows who asks."""
    lines = [f'name = "{name}"']
    lines += [f"{key} = {json.dumps(value)}" for key, value in rest.items() if "." not in key]
    lines += ["[model]", f'system_prompt = {json.dumps(prompt or f"You are the agent {name}.")}']
    lines += ["[capabilities]"]
    if tools is not None:
        lines.append(f"tools = {json.dumps(tools)}")
    lines += [f"{key.split('.')[1]} = {json.dumps(value)}" for key, value in rest.items() if "." in key]
    return "\n".join(lines) + "\n"


def asked_by(name):
    return lambda request: request.contains(f"You are the agent {name}.")


def says(name, text, **rest):
    return Step(text=text, predicate=asked_by(name), label=f"{name} says {text}", **rest)


def calls(name, *tool_calls, **rest):
    return Step(calls=list(tool_calls), predicate=asked_by(name), label=f"{name} calls {tool_calls}", **rest)


def sends(name, to, message):
    return calls(name, ("agent_send", {"agent": to, "message": message}))


class Agents(WholeHouse):
    needs_server = False

    def house(self, **overrides):
        return self.make_agent(**overrides).start()

    def request(self, house, method, path, body=None, seconds=30):
        """(status, JSON) of a request to the daemon."""
        status, _, text = house.http(method, path, body, seconds=seconds)
        return status, json.loads(text)

    def spawn(self, house, text, mode=""):
        status, body = self.request(house, "POST", "/api/agents", {"manifest": text, "mode": mode})
        self.assertEqual(status, 201, body)
        return body

    def entry(self, house, name):
        status, body = self.request(house, "GET", f"/api/agents/{name}")
        return body if status == 200 else None

    def names(self, house):
        return [entry["name"] for entry in self.request(house, "GET", "/api/agents")[1]["agents"]]

    def chat(self, house, name, text, seconds=60):
        code, out, err = house.cli("chat", "--agent", name, "-m", text, seconds=seconds)
        return code, out.strip(), err

    def ask(self, house, name, text, expected):
        code, out, err = self.chat(house, name, text)
        self.assertEqual((code, out), (0, expected), err + self.model.describe())

    def cli_ok(self, house, *arguments, **rest):
        code, out, err = house.cli(*arguments, **rest)
        self.assertEqual(code, 0, f"skep {' '.join(arguments)} ended with {code}\nstdout: {out}\nstderr: {err}")
        return out
