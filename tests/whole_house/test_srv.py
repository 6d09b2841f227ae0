"""An account whose server is found by DNS (RFC 6120 3.2.1, XEP-0368)."""
import unittest

from support import ports
from support.dns_server import DnsServer
from whole_house.base import WholeHouse, skep, xmpp_server

STARTTLS = "_xmpp-client._tcp.example.test"
DIRECT = "_xmpps-client._tcp.example.test"


class Srv(WholeHouse):
    options = xmpp_server.Options(direct_tls=True)

    def found_by(self, records):
        dns = DnsServer(records).start()
        self.addCleanup(dns.close)
        agent = self.make_agent("client", server__host=None, server__port=None, server__nameserver=dns.address)
        agent.start()
        self.online(agent, self.login())
        self.assertEqual(sorted(set(dns.asked)), [STARTTLS, DIRECT])
        return agent

    def test_an_account_finds_its_server(self):
        self.found_by({STARTTLS: [(10, 0, self.server.c2s_port, "localhost")]})

    def test_direct_tls_is_used_where_it_is_preferred(self):
        agent = self.found_by({STARTTLS: [(20, 0, ports.free_port(), "localhost")],
                               DIRECT: [(10, 0, self.server.direct_tls_port, "localhost")]})
        self.assertNotIn("refused", agent.log_text())

    def test_a_dead_server_is_passed_over_for_the_next(self):
        self.found_by({STARTTLS: [(10, 0, ports.free_port(), "localhost"),
                                  (20, 0, self.server.c2s_port, "localhost")]})


if __name__ == "__main__":
    unittest.main()
