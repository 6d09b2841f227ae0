"""Prosody servers that federate over loopback, each with a domain, people, and a component for its agent.

    with Federation("a.test", "b.test") as domains:
        a, b = domains
        a.component               # agent.a.test
        skep.server_section(a, "component")

Each domain has an address of its own in 127.0.0.0/8, drawn at random, so that all may use the one port that servers look for
(5269) and several federations run side by side.
"""
import os
import random

from . import certs, ports, procs, xmpp_server

S2S_PORT = 5269
SECRET = "component-s3cret-4711"
MODULES = ("roster", "saslauth", "tls", "dialback", "disco", "carbons", "blocklist", "ping", "posix", "offline", "message",
           "presence", "iq", "version", "smacks", "mam", "s2s", "pep")


class Domain:
    """What WireClient and skep.server_section() want of a server."""
    kind = "prosody"

    def __init__(self, name, host, hosts_file, people=("ann", "bob", "eve", "bot")):
        self.domain, self.host, self.people = name, host, people
        self.component, self.component_secret = f"agent.{name}", SECRET
        self.options = xmpp_server.Options()
        self.folder = procs.temp_dir("domain")
        self.uploads = False         # before start(): upload.<name>, for the agent
        self.c2s_port, self.component_port, self.http_port = ports.free_ports(3)
        authority = certs.Authority(self._path("certs"))
        self.ca_file = authority.ca_file
        self.cert, self.key, _ = authority.issue("server", [name, self.component])
        self.process = None
        self._config, self._hosts_file = self._path("prosody.cfg.lua"), hosts_file
        self._write_accounts()

    def _path(self, *parts):
        return os.path.join(self.folder, *parts)

    def password(self, account):
        return f"pw-{account}-0815"

    def _write_accounts(self):
        stored = "".join(c if c.isalnum() else f"%{ord(c):02x}" for c in self.domain)   # as Prosody names its folders
        folder = self._path("data", stored, "accounts")
        os.makedirs(folder)
        for name in self.people:
            with open(os.path.join(folder, name + ".dat"), "w", encoding="utf-8") as out:
                out.write(f'return {{ ["password"] = "{self.password(name)}" }};\n')

    def _lines(self, hosts_file):
        tls = f'{{ key = "{self.key}", certificate = "{self.cert}" }}'
        modules = "{ " + ", ".join(f'"{name}"' for name in MODULES) + " }"
        return "\n".join([
            "run_as_root = true", "daemonize = false", f'pidfile = "{self._path("prosody.pid")}"',
            f'data_path = "{self._path("data")}"', f'certificates = "{self._path("certs")}"',
            'network_backend = "epoll"', f'interfaces = {{ "{self.host}" }}', "use_ipv6 = false",
            f"c2s_ports = {{ {self.c2s_port} }}", f"component_ports = {{ {self.component_port} }}",
            f'component_interfaces = {{ "{self.host}" }}', f"s2s_ports = {{ {S2S_PORT} }}", f"http_ports = {{ {self.http_port if self.uploads else ''} }}",
            f'http_interfaces = {{ "{self.host}" }}', "https_ports = {}", f'http_default_host = "upload.{self.domain}"',
            f'http_external_url = "http://{self.host}:{self.http_port}/"',
            f"ssl = {tls}", f"modules_enabled = {modules}", 'modules_disabled = { "s2s_auth_certs" }',
            # Certificates are the test's own, so dialback says who is who.
            "s2s_require_encryption = true", "s2s_secure_auth = false", "limits = {}",
            f'unbound = {{ resolvconf = false; hoststxt = "{hosts_file}" }}',
            'authentication = "internal_hashed"', 'storage = "internal"',
            'log = { { levels = { min = "info" }, to = "console" } }',
            f'VirtualHost "{self.domain}"',
            *((f'Component "upload.{self.domain}" "http_file_share"', f'  http_file_share_access = {{ "{self.component}" }}')
              if self.uploads else ()), f'Component "{self.component}"', f'  component_secret = "{SECRET}"',
            '  component_conflict_resolve = "kick_old"', '  modules_enabled = { "s2s", "dialback", "tls" }', ""])

    def start(self):
        with open(self._config, "w", encoding="utf-8") as out:
            out.write(self._lines(self._hosts_file))
        self.process = procs.Process("prosody", ["prosody", "-F", "--config", self._config], self._path("prosody.log"))
        for port in (self.c2s_port, self.component_port, S2S_PORT):
            procs.wait_until(lambda p=port: ports.accepts(p, self.host), f"{self.domain} listens on {port}", alive=self.process)

    def stop(self):
        if self.process is not None:
            self.process.stop()
            self.process = None

    def tail(self):
        return self.process.tail() if self.process is not None else "(prosody is not running)"

    def close(self):
        if self.process is not None:
            self.process.kill()
            self.process = None
        procs.remove_dir(self.folder)


class Federation:
    def __init__(self, *names):
        self.folder = procs.temp_dir("hosts")
        second, third = random.randint(1, 250), random.randint(1, 250)
        hosts = {name: f"127.{second}.{third}.{number}" for number, name in enumerate(names, 1)}
        self.hosts_file = os.path.join(self.folder, "hosts")
        with open(self.hosts_file, "w", encoding="utf-8") as out:
            for name, host in hosts.items():
                out.write(f"{host} {name} agent.{name}\n")
        self.domains = [Domain(name, host, self.hosts_file) for name, host in hosts.items()]

    def start(self):
        for domain in self.domains:
            domain.start()
        return self.domains

    def close(self):
        for domain in self.domains:
            domain.close()
        procs.remove_dir(self.folder)

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, *_):
        self.close()
