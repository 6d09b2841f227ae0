"""A throwaway Prosody on free loopback ports."""
import os

from . import procs, xmpp_server
from .xmpp_server import COMPONENT, COMPONENT_SECRET, DOMAIN, OTHER_DOMAIN, Options

MECHANISMS = ("PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS", "EXTERNAL", "ANONYMOUS",
              "DIGEST-MD5", "OAUTHBEARER")


def _lua_list(items):
    return "{ " + ", ".join(f'"{item}"' for item in items) + " }"


class Prosody(xmpp_server.Server):
    kind = "prosody"

    def __init__(self, options=None):
        super().__init__(options)
        self.config = self.write("prosody.cfg.lua", self._config())
        self._write_accounts()

    def start(self):
        self.process = procs.Process("prosody", ["prosody", "-F", "--config", self.config], self.path("prosody.log"))
        ready = [self.c2s_port, self.component_port] + ([self.direct_tls_port] if self.options.direct_tls else [])
        for port in ready:
            procs.wait_for_port(self.process, port)

    def _write_accounts(self):
        # internal_hashed takes a plain password from its store and hashes it at the first login.
        for local, domain in self.logins():
            folder = self.path("data", domain.replace(".", "%2e"), "accounts")
            os.makedirs(folder, exist_ok=True)
            password = self.password(local).replace("\\", "\\\\").replace('"', '\\"')
            with open(os.path.join(folder, local + ".dat"), "w", encoding="utf-8") as out:
                out.write(f'return {{ ["password"] = "{password}" }};\n')

    def _config(self):
        options = self.options
        modules = ["roster", "saslauth", "disco", "carbons", "blocklist", "ping", "posix", "offline", "message", "presence",
                   "iq", "version", "smacks", "mam", "pep"]
        if options.starttls or options.direct_tls:
            modules.append("tls")
        disabled = [name for name in MECHANISMS if options.sasl and name not in options.sasl]
        tls = f'{{ key = "{self.key}", certificate = "{self.cert}" }}'
        lines = [
            "run_as_root = true", "daemonize = false", f'pidfile = "{self.path("prosody.pid")}"',
            f'data_path = "{self.path("data")}"', f'certificates = "{self.path("certs")}"',
            'network_backend = "epoll"', 'interfaces = { "127.0.0.1" }', "use_ipv6 = false",
            f"c2s_ports = {{ {self.c2s_port} }}", f"component_ports = {{ {self.component_port} }}",
            'component_interfaces = { "127.0.0.1" }', "s2s_ports = {}", f"http_ports = {{ {self.http_port} }}", 'http_interfaces = { "127.0.0.1" }',
            "https_ports = {}", f'http_default_host = "upload.{DOMAIN}"',
            f'http_external_url = "http://127.0.0.1:{self.http_port}/"',
            f"c2s_direct_tls_ports = {{ {self.direct_tls_port if options.direct_tls else ''} }}",
            f"ssl = {tls}", f"c2s_direct_tls_ssl = {tls}",
            f"modules_enabled = {_lua_list(modules)}",
            'modules_disabled = { "s2s", "s2s_auth_certs" }' if options.starttls or options.direct_tls
            else 'modules_disabled = { "s2s", "s2s_auth_certs", "tls" }',
            f"c2s_require_encryption = {'true' if options.starttls else 'false'}",
            "allow_unencrypted_plain_auth = true" if not options.starttls else "",
            'authentication = "internal_hashed"', f'password_hash = "{options.scram_hash}"', 'storage = "internal"',
            f"disable_sasl_mechanisms = {_lua_list(disabled)}" if disabled else "",
            'limits = {}', 'log = { { levels = { min = "info" }, to = "console" } }',
            f'VirtualHost "{DOMAIN}"', f'VirtualHost "{OTHER_DOMAIN}"',
            f'Component "conference.{DOMAIN}" "muc"' if options.muc else "",
            # With an archive rooms give their messages ids (XEP-0359).
            '  modules_enabled = { "muc_mam" }' if options.muc else "",
            f'Component "upload.{DOMAIN}" "http_file_share"',
            f'  http_file_share_access = {{ "{DOMAIN}", "{COMPONENT}" }}',
            f"  http_file_share_size_limit = {options.upload_bytes_max}",
            f'Component "pubsub.{DOMAIN}" "pubsub"', f'  admins = {{ "adm@{DOMAIN}" }}',
            f'Component "{COMPONENT}"', f'  component_secret = "{COMPONENT_SECRET}"',
            # A component whose link died silently comes back before the server has noticed.
            '  component_conflict_resolve = "kick_old"',
        ]
        for domain in options.components:
            lines += [f'Component "{domain}"', f'  component_secret = "{COMPONENT_SECRET}"']
        return "\n".join(line for line in lines if line) + "\n"


__all__ = ["Prosody", "Options"]
