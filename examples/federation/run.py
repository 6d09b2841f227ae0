#!/usr/bin/python3
"""Two organisations on this machine: two XMPP servers that federate, and an agent in each.

    ./run.py            plays the story once and prints it
    ./run.py --stay     then keeps everything running, says how to log in, and ends with Ctrl-C

The binary is $SKEP_BIN, else build/release/bin/skep, else build/dev/bin/skep. Everything is removed at the end.
"""
import argparse
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tests"))
from support import procs, skep                    # noqa: E402
from support.federation import Federation          # noqa: E402
from support.xmpp_wire import CLIENT, WireClient   # noqa: E402

CONFIRM = "{urn:fluux:agent:0#confirm}"
WISH = ('call delegate {"agent":"legal","skill":"memory_store",'
        '"input":{"key":"logo","content":"Team A asked to use it"}}')


def agent_config(domain, name, people, sections):
    config = skep.default_config(domain, "component")
    config["agent"] = {"name": name, "allowed_jids": people, "admin_jids": people}
    config["llm"] = {"provider": "demo", **sections.pop("llm", {})}
    return {**config, **sections}


def front_of(domain, other):
    """The asking side: may ask the agent of the other domain for anything, and calls it "legal"."""
    return agent_config(domain, "Front", ["ann@team-a.test"], {
        "llm": {"agents": {"legal": {"jid": other.component}}},
        "federation": {"peers": {f'"{other.component}"': {"allow_out": True, "skills_out": ["*"]}}}})


def legal_of(domain, other):
    """The asked side: lets the other agent take notes, when Bob agrees, and ask what time it is."""
    return agent_config(domain, "Legal", ["bob@team-b.test"], {
        "federation": {"expose": ["system_time", "memory_store"], "owner": "bob@team-b.test",
                       "peers": {f'"{other.component}"': {"allow_in": True, "skills_in": ["*"]}}}})


def wait_online(agent):
    procs.wait_until(lambda: '"up":true' in agent.http_get("/api/status")[1], f"{agent.name} is online", 30, alive=agent.process)


def story(a, b):
    ann = WireClient(a, "ann@team-a.test/laptop").login()
    bob = WireClient(b, "bob@team-b.test/phone").login()
    for client in (ann, bob):
        client.ping(client.domain)
    to = f"front@{a.component}"
    print(f"Ann (team A) to her agent:\n    {WISH}")
    ann.message(to, WISH)
    question = bob.next(lambda stanza: stanza.find(CONFIRM + "confirm") is not None, 60)
    if question is None:
        raise procs.Failure("nobody asked Bob")
    print(f"Team B's agent to Bob:\n    {question.findtext(CLIENT + 'body')}")
    confirm_id = question.find(CONFIRM + "confirm").get("id")
    print("Bob:\n    yes")
    bob.send(f'<message to="{b.component}" type="chat" id="yes-1"><body>yes</body><confirmed '
             f'xmlns="urn:fluux:agent:0#confirm" id="{confirm_id}" decision="approve"/></message>')
    answer = ann.body(to, 60).findtext(CLIENT + "body")
    print("Ann's agent to Ann:\n    " + answer.replace("\n", "\n    "))
    for client in (ann, bob):
        client.close()
    return answer


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--stay", action="store_true")
    options = parser.parse_args()
    with Federation("team-a.test", "team-b.test") as (a, b), skep.Skep(legal_of(b, a), name="legal") as legal, \
            skep.Skep(front_of(a, b), name="front") as front:
        for agent in (legal, front):
            agent.start()
            wait_online(agent)
        answer = story(a, b)
        for agent in (legal, front):
            code, out, _ = agent.cli("audit", "verify")
            print(f"{agent.name}'s audit log: {out.strip()}")
            if code != 0:
                return code
        if options.stay:
            for domain, person, agent in ((a, "ann", "front"), (b, "bob", "legal")):
                print(f"{person}@{domain.domain}, password {domain.password(person)}, server {domain.host}:{domain.c2s_port}, "
                      f"authority {domain.ca_file}; write to {agent}@{domain.component}")
            try:
                while all(agent.running() for agent in (legal, front)):
                    time.sleep(1)
            except KeyboardInterrupt:
                pass
        return 0 if "Stored" in answer else 1


if __name__ == "__main__":
    sys.exit(main())
