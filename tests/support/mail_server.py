"""A mail server (Debian's aiosmtpd) that keeps what it takes.

    with MailServer(user="skep", password="s3cret", authority=certs) as mail:   # STARTTLS and a login, or neither
        mail.url -> "smtp://localhost:41234"; mail.mails -> [Mail]; mail.refuse["bob@example.org"] = "550 no such user"
"""
import email
import email.policy
import ssl

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from .ports import free_port


class Mail:
    def __init__(self, envelope):
        self.sender, self.to = envelope.mail_from, envelope.rcpt_tos
        self.raw = envelope.content
        self.message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.subject = str(self.message["Subject"])
        self.id = str(self.message["Message-ID"])
        self.text = self.message.get_content().rstrip("\n")


class MailServer:
    def __init__(self, user="", password="", authority=None):
        self.mails, self.refuse, self.logins = [], {}, []
        self._login = (user.encode(), password.encode())
        options = {}
        if authority is not None:
            cert, key, _ = authority.issue("mail", ["localhost"])
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(cert, key)
            options = {"tls_context": context, "require_starttls": True}
        if user:
            options |= {"authenticator": self._authenticate, "auth_required": True,
                        "auth_require_tls": authority is not None}
        self._controller = Controller(self, hostname="127.0.0.1", port=free_port(), **options)

    def _authenticate(self, server, session, envelope, mechanism, login):
        given = (login.login, login.password)
        self.logins.append(given)
        good = given == self._login
        return AuthResult(success=good, handled=good)   # not handled: it answers 535 itself

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        self.mails.append(Mail(envelope))
        return "250 OK"

    @property
    def url(self):
        return f"smtp://localhost:{self._controller.port}"

    def __enter__(self):
        self._controller.start()
        return self

    def __exit__(self, *_):
        self._controller.stop()
