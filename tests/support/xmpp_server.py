"""What the throwaway XMPP servers have in common: the cast, the options, the life cycle.

    with Prosody(Options(sasl=["PLAIN"])) as server:
        server.c2s_port, server.component_port, server.ca_file, server.password("ann")
"""
import dataclasses
import os

from . import certs, ports, procs

DOMAIN = "example.test"
OTHER_DOMAIN = "other.test"
COMPONENT = "agent.example.test"
COMPONENT_SECRET = "component-s3cret-4711"
ACCOUNTS = ("ann", "bob", "eve", "adm", "bot")


@dataclasses.dataclass
class Options:
    sasl: tuple = ()             # offer only these SASL mechanisms; empty: whatever the server has
    scram_hash: str = "SHA-256"  # how passwords are stored: SHA-1, SHA-256 (SHA-512: ejabberd only)
    starttls: bool = True        # False: the STARTTLS offer is gone and plaintext logins are allowed
    direct_tls: bool = False     # also listen with TLS from the first byte, on `direct_tls_port`
    wrong_name: bool = False     # the certificate names wrong.test instead of the domains
    muc: bool = True             # a conference.example.test
    upload_bytes_max: int = 1_000_000   # the largest file that upload.example.test takes
    accounts: tuple = ()         # further local parts on example.test
    components: tuple = ()       # domains of further components, with the secret of the first (Prosody only)
    passwords: dict = dataclasses.field(default_factory=dict)   # local part -> password, instead of the usual one


class Server:
    """Base of Prosody and Ejabberd. Ports and data stay the same over stop() and start()."""
    kind = "server"

    def __init__(self, options=None):
        self.options = options or Options()
        self.folder = procs.temp_dir(self.kind)
        self.process = None
        (self.c2s_port, self.direct_tls_port, self.component_port, self.http_port, self.s2s_port,
         self.spare_port) = ports.free_ports(6)
        authority = certs.Authority(os.path.join(self.folder, "certs"))
        self.ca_file = authority.ca_file
        names = ["wrong.test"] if self.options.wrong_name else [DOMAIN, COMPONENT, OTHER_DOMAIN, "conference." + DOMAIN]
        self.cert, self.key, self.cert_and_key = authority.issue("server", names)
        self.host = ports.HOST
        self.domain = DOMAIN
        self.component = COMPONENT
        self.component_secret = COMPONENT_SECRET

    def password(self, account):
        return self.options.passwords.get(account, f"pw-{account}-0815")

    def logins(self):
        """Every (local part, domain) that exists."""
        local = [(name, DOMAIN) for name in (*ACCOUNTS, *self.options.accounts)]
        return local + [("mal", OTHER_DOMAIN)]

    def start(self):
        raise NotImplementedError

    def stop(self):
        """Ends the server politely (streams are closed); start() brings it back on the same ports with the same data."""
        if self.process is not None:
            self.process.stop()
            self.process = None

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process = None

    def restart(self):
        self.stop()
        self.start()

    def tail(self):
        return self.process.tail() if self.process is not None else f"({self.kind} is not running)"

    def close(self):
        self.kill()
        procs.remove_dir(self.folder)

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as out:
            out.write(text)
        return self.path(name)


def make(kind, options=None):
    from . import ejabberd, prosody
    return {"prosody": prosody.Prosody, "ejabberd": ejabberd.Ejabberd}[kind](options)
