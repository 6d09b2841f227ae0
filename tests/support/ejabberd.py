"""A throwaway ejabberd on free loopback ports, with an epmd of its own."""
import glob
import json
import os
import urllib.request

from . import ports, procs, xmpp_server
from .xmpp_server import COMPONENT, COMPONENT_SECRET, DOMAIN, OTHER_DOMAIN, Options

MECHANISMS = ("PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS",
              "SCRAM-SHA-512-PLUS", "DIGEST-MD5", "X-OAUTH2", "EXTERNAL", "ANONYMOUS")


class Ejabberd(xmpp_server.Server):
    kind = "ejabberd"

    def __init__(self, options=None):
        super().__init__(options)
        self.config = self.write("ejabberd.yml", json.dumps(self._config(), indent=1))   # JSON is YAML
        self.write("inetrc", '{file, hosts, "/etc/hosts"}.\n{lookup, ["file","native"]}.\n')
        for name in ("home", "db", "spool", "uploads"):
            os.makedirs(self.path(name))
        self._epmd = None
        self._registered = False

    def start(self):
        env = dict(os.environ, EJABBERD_CONFIG_PATH=self.config, EJABBERD_LOG_PATH=self.path("ejabberd-own.log"),
                   SPOOL_DIR=self.path("spool"), HOME=self.path("home"), ERL_EPMD_ADDRESS=ports.HOST,
                   ERL_EPMD_PORT=str(self.spare_port), ERL_INETRC=self.path("inetrc"),
                   ERL_LIBS="/usr/lib/x86_64-linux-gnu", ERL_CRASH_DUMP=self.path("crash.dump"))
        if self._epmd is None:
            epmd = (glob.glob("/usr/lib/erlang/erts-*/bin/epmd") or ["epmd"])[0]
            self._epmd = procs.Process("epmd", [epmd, "-port", str(self.spare_port), "-address", ports.HOST],
                                       self.path("epmd.log"), env=env)
            procs.wait_for_port(self._epmd, self.spare_port)
        argv = ["erl", "-noinput", "-sname", f"skep{self.spare_port}@localhost", "-setcookie", "throwaway",
                "-start_epmd", "false", "-kernel", "inet_dist_use_interface", "{127,0,0,1}", "+K", "true",
                "-mnesia", "dir", f'"{self.path("db")}"', "-s", "ejabberd"]
        self.process = procs.Process("ejabberd", argv, self.path("ejabberd.log"), env=env, cwd=self.folder)
        ready = [self.http_port, self.c2s_port, self.component_port]
        for port in ready + ([self.direct_tls_port] if self.options.direct_tls else []):
            procs.wait_for_port(self.process, port, 60)
        if not self._registered:
            for local, domain in self.logins():
                procs.wait_until(lambda: self._register(local, domain), f"ejabberd registers {local}@{domain}", 20,
                                 alive=self.process)
            self._registered = True

    def close(self):
        self.kill()
        if self._epmd is not None:
            self._epmd.kill()
            self._epmd = None
        super().close()

    def _register(self, local, domain):
        body = json.dumps({"user": local, "host": domain, "password": self.password(local)}).encode()
        request = urllib.request.Request(f"http://{ports.HOST}:{self.http_port}/api/register", body,
                                         {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status == 200
        except OSError:
            return False

    def _config(self):
        options = self.options
        c2s = {"port": self.c2s_port, "ip": ports.HOST, "module": "ejabberd_c2s", "starttls": options.starttls,
               "starttls_required": options.starttls}
        listen = [
            c2s,
            {"port": self.component_port, "ip": ports.HOST, "module": "ejabberd_service",
             "hosts": {COMPONENT: {"password": COMPONENT_SECRET}}},
            {"port": self.http_port, "ip": ports.HOST, "module": "ejabberd_http",
             "request_handlers": {"/api": "mod_http_api", "/upload": "mod_http_upload"}},
        ]
        if options.direct_tls:
            listen.append({"port": self.direct_tls_port, "ip": ports.HOST, "module": "ejabberd_c2s", "tls": True})
        modules = {name: {} for name in ("mod_roster", "mod_disco", "mod_carboncopy", "mod_offline", "mod_ping", "mod_version",
                                         "mod_http_api", "mod_blocking", "mod_privacy", "mod_last")}
        modules["mod_stream_mgmt"] = {"resend_on_timeout": "if_offline"}
        modules["mod_mam"] = {"default": "always", "assume_mam_usage": True}
        modules["mod_caps"] = {}
        modules["mod_pubsub"] = {"host": "pubsub.@HOST@", "plugins": ["flat", "pep"], "access_createnode": "all"}
        modules["mod_http_upload"] = {"host": "upload.@HOST@", "docroot": self.path("uploads"), "access": "all",
                                      "put_url": f"http://{ports.HOST}:{self.http_port}/upload/@HOST@",
                                      "max_size": options.upload_bytes_max}
        if options.muc:
            modules["mod_muc"] = {"host": "conference." + DOMAIN, "default_room_options": {"mam": True}}
        config = {
            "hosts": [DOMAIN, OTHER_DOMAIN], "loglevel": "info", "certfiles": [self.cert_and_key],
            "auth_method": "internal", "auth_password_format": "scram",
            "auth_scram_hash": {"SHA-1": "sha"}.get(options.scram_hash, options.scram_hash.lower().replace("-", "")),
            "listen": listen, "modules": modules, "s2s_access": "none",
            "acl": {"loopback": {"ip": ["127.0.0.0/8"]}},
            "access_rules": {"local": {"allow": "all"}, "c2s": {"allow": "all"}},
            "api_permissions": {"all": {"from": ["mod_http_api"], "who": {"ip": "127.0.0.0/8"}, "what": ["*"]}},
        }
        if options.sasl:
            config["disable_sasl_mechanisms"] = [name for name in MECHANISMS if name not in options.sasl]
        return config


__all__ = ["Ejabberd", "Options"]
