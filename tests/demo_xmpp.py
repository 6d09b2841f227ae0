#!/usr/bin/python3
"""A throwaway Prosody on loopback with two accounts, and the agent as its component: `./dev demo-xmpp`.

Prints what to type into an XMPP client, then follows the agent's log until Ctrl-C, which removes everything. --check logs in
as ann instead, says hello, prints the reply of the demo model, and ends with 0 when there was one.
"""
import argparse
import asyncio
import os
import socket
import sys
import time

from support import certs, ports, procs, skep, xmpp_server
from support.procs import Failure
from support.xmpp_wire import WireClient

DOMAIN = "localhost"
COMPONENT = "agent.localhost"
AGENT = "skep@" + COMPONENT      # any name before the @ reaches the agent
PASSWORDS = {"ann": "ann", "bob": "bob"}
REPLY_SECONDS = 30

# What usual clients look for: more than a chat needs.
MODULES = ("roster saslauth tls disco posix message presence iq offline carbons pep mam smacks csi_simple blocklist bookmarks "
           "vcard4 vcard_legacy private ping version").split()


def preferred_port(number):
    """`number` when it is free on loopback, else another."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ports.HOST, number))
            return number
        except OSError:
            return ports.free_port()


class DemoServer(xmpp_server.Server):
    kind = "prosody"

    def __init__(self, standard_ports):   # pylint: disable=super-init-not-called
        self.options = xmpp_server.Options()
        self.folder = procs.temp_dir("demo")
        self.process = None
        self.host, self.domain, self.component, self.component_secret = ports.HOST, DOMAIN, COMPONENT, os.urandom(16).hex()
        self.c2s_port, self.component_port = (map(preferred_port, (5222, 5347)) if standard_ports
                                              else ports.free_ports(2))
        authority = certs.Authority(self.path("certs"))
        self.ca_file = authority.ca_file
        self.cert, self.key, _ = authority.issue("server", [DOMAIN, COMPONENT])
        self.config = self.write("prosody.cfg.lua", self._config())
        for name, password in PASSWORDS.items():
            os.makedirs(self.path("data", DOMAIN, "accounts"), exist_ok=True)
            self.write(os.path.join("data", DOMAIN, "accounts", name + ".dat"),
                       f'return {{ ["password"] = "{password}" }};\n')

    def password(self, account):
        return PASSWORDS[account]

    def start(self):
        self.process = procs.Process("prosody", ["prosody", "-F", "--config", self.config], self.path("prosody.log"))
        for port in (self.c2s_port, self.component_port):
            procs.wait_for_port(self.process, port)

    def _config(self):
        return f"""run_as_root = true
daemonize = false
pidfile = "{self.path("prosody.pid")}"
data_path = "{self.path("data")}"
certificates = "{self.path("certs")}"
interfaces = {{ "127.0.0.1" }}
use_ipv6 = false
c2s_ports = {{ {self.c2s_port} }}
component_ports = {{ {self.component_port} }}
component_interfaces = {{ "127.0.0.1" }}
s2s_ports = {{}}
http_ports = {{}}
https_ports = {{}}
ssl = {{ key = "{self.key}", certificate = "{self.cert}" }}
modules_enabled = {{ {", ".join(f'"{name}"' for name in MODULES)} }}
modules_disabled = {{ "s2s" }}
c2s_require_encryption = true
authentication = "internal_hashed"
storage = "internal"
log = {{ {{ levels = {{ min = "info" }}, to = "console" }} }}
VirtualHost "{DOMAIN}"
Component "{COMPONENT}"
  component_secret = "{self.component_secret}"
"""


class DemoAgent(skep.Skep):
    """The binary as a person would start it: it may find a model in the environment, or an Ollama."""

    def __init__(self, server, llm):
        config = {"api": {"listen": "127.0.0.1:0"},
                  "agent": {"name": "Skep", "allowed_jids": ["@" + DOMAIN]},
                  "server": skep.server_section(server, "component")}
        if llm is not None:
            config["llm"] = llm
        super().__init__(config)

    def environment(self):
        return dict(os.environ, SKEP_HOME=self.home)


def wait_until_online(server, agent):
    client = WireClient(server, f"ann@{DOMAIN}/demo").login(presence=False)
    try:
        procs.wait_until(lambda: client.ping(AGENT), f"{AGENT} answers a ping over XMPP", REPLY_SECONDS, alive=agent.process)
    finally:
        client.close()


# -- an independent client -----------------------------------------------------------------------------------------------

async def converse(server, seconds):
    """ann logs in and says hello; returns the reply's text."""
    import slixmpp   # pylint: disable=import-outside-toplevel
    ann = slixmpp.ClientXMPP("ann@" + DOMAIN, PASSWORDS["ann"])
    ann.ca_certs = server.ca_file
    loop = asyncio.get_running_loop()
    started, reply = loop.create_future(), loop.create_future()

    def settle(future, value):
        if not future.done():
            future.set_result(value)

    ann.add_event_handler("session_start", lambda _: settle(started, True))
    ann.add_event_handler("failed_all_auth", lambda _: settle(started, False))
    ann.add_event_handler("message", lambda message: message["body"] and settle(reply, message))
    ann.connect((server.host, server.c2s_port))
    try:
        if not await asyncio.wait_for(started, seconds):
            raise Failure("ann's login was refused")
        ann.send_presence()
        ann.send_message(mto=AGENT, mbody="hello", mtype="chat")
        message = await asyncio.wait_for(reply, seconds)
        if message["type"] == "error":
            raise Failure(f"an error came back: {message}")
        return message["body"]
    finally:
        ann.disconnect(wait=1)
        await asyncio.wait_for(ann.disconnected, seconds)


# -- the two ways to run -------------------------------------------------------------------------------------------------

def check(server, agent):
    try:
        reply = asyncio.run(converse(server, REPLY_SECONDS))
    except (Failure, asyncio.TimeoutError) as problem:
        print(f"no reply: {str(problem) or 'nothing came in time'}\n{agent.tail()}\n{server.tail()}", file=sys.stderr)
        return 1
    print(f"ann@{DOMAIN}: hello\n{AGENT}: {reply}")
    return 0


def show(server, agent):
    print(f"""
Two people have accounts, and the agent is a component of the server:

  address    ann@{DOMAIN}    password {PASSWORDS["ann"]}        (a second person: bob@{DOMAIN}, password {PASSWORDS["bob"]})
  server     {server.host}, port {server.c2s_port}, STARTTLS
  write to   {AGENT}

In any XMPP client: add the account, give the server and port by hand (advanced settings), and accept the certificate. It was
signed a moment ago by nobody your client knows; the authority is {server.ca_file}
In a terminal, with profanity:

  profanity
  /connect ann@{DOMAIN} server {server.host} port {server.c2s_port} tls trust
  /msg {AGENT} hello

Home of the agent: {agent.home}   HTTP: {agent.url}
Ctrl-C ends the demo and removes everything. The agent's log:
""", flush=True)


def follow(server, agent):
    """Shows the agent's log as it grows, until Ctrl-C (0) or one of the two ends (1)."""
    with open(agent.log_file, "r", encoding="utf-8", errors="replace") as log:
        try:
            while True:
                print(log.read(), end="", flush=True)
                for process in (agent.process, server.process):
                    if process.poll() is not None:
                        print(log.read(), end="")
                        print(f"{process.name} ended with {process.poll()}\n{process.tail()}", file=sys.stderr)
                        return 1
                time.sleep(0.2)
        except KeyboardInterrupt:
            print("\nending …", flush=True)
            agent.sigterm()
            return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="say hello as ann over STARTTLS, print the reply, end")
    options = parser.parse_args()
    try:
        with DemoServer(standard_ports=not options.check) as server, \
             DemoAgent(server, {"provider": "demo"} if options.check else None) as agent:
            agent.start()
            wait_until_online(server, agent)
            if options.check:
                return check(server, agent)
            show(server, agent)
            return follow(server, agent)
    except Failure as failure:
        print(f"demo-xmpp: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
