"""Links that break, servers that refuse, disks that fill: what the agent does about it."""
import re
import unittest

from support import ports
from support.proxy import Proxy
from whole_house.base import WholeHouse, procs, skep, xmpp_server

CLIENT = "{jabber:client}"
RECEIPT = "{urn:xmpp:receipts}"


class Links(WholeHouse):
    def proxied(self, mode, **overrides):
        """(agent behind a proxy, proxy)"""
        target = self.server.component_port if mode == "component" else self.server.c2s_port
        proxy = Proxy(target).start()
        self.addCleanup(proxy.close)
        return self.make_agent(mode, server__port=proxy.port, **overrides), proxy

    def test_a_session_works_byte_by_byte(self):
        client = self.login()
        for mode in skep.MODES:
            with self.subTest(mode=mode):
                agent, proxy = self.proxied(mode)
                proxy.one_byte = True
                agent.start()
                self.online(agent, client)
                self.model.script('text "Byte by byte: äöü 漢字."')
                self.ask(agent, client, "hello", "Byte by byte: äöü 漢字.")
                agent.close()

    def test_a_silent_link_is_noticed_and_replaced(self):
        client = self.login()
        for mode in skep.MODES:
            with self.subTest(mode=mode):
                agent, proxy = self.proxied(mode, keepalive__ping_interval_secs=1, keepalive__read_timeout_secs=2,
                                            keepalive__ping_timeout_secs=1)
                agent.start()
                self.online(agent, client)
                before = proxy.connections
                proxy.blackhole()
                procs.wait_until(lambda: proxy.connections > before, "the agent opens a new connection", 30,
                                 alive=agent.process)
                proxy.pass_through()
                self.online(agent, client)
                self.model.script('text "back"')
                self.ask(agent, client, "hello", "back")
                self.assertEqual(client.unread(lambda s: s.find(CLIENT + "body") is not None), [])
                agent.close()

    def test_a_reply_survives_a_cut_link(self):
        client = self.login()
        agent, proxy = self.proxied("component")
        agent.start()
        self.online(agent, client)
        self.model.script('holds then text "late but once"')
        client.message(self.address(agent), "slow question")
        self.model.wait_until_holding()
        proxy.refuse()
        proxy.cut()
        self.model.release()
        procs.wait_until(lambda: self.model.requests[-1].ended, "the model has answered")
        proxy.refuse(False)
        self.assertEqual(client.body().findtext(CLIENT + "body"), "late but once")
        self.online(agent, client)
        self.assertEqual(client.unread(lambda s: s.find(CLIENT + "body") is not None), [])
        self.assertEqual(len(self.model.requests), 1)

    def test_a_line_that_breaks_again_and_again_is_tried_again_as_usual(self):
        """Only somebody with the same account is a reason to wait for a minute: test_two_agents."""
        agent, proxy = self.proxied("component", reconnect__initial_secs=1, reconnect__max_secs=1)
        agent.start()
        client = self.login()
        for broken in range(13):
            procs.wait_until(lambda broken=broken: agent.log_text().count("xmpp: connected as") > broken, f"session {broken + 1}", 40,
                             alive=agent.process)
            proxy.cut()
        self.online(agent, client)
        waits = [float(one) for one in re.findall(r"trying again in ([0-9.]+) s", agent.log_text())]
        self.assertEqual(len(waits), 13)
        self.assertLessEqual(max(waits), 1.0)
        self.ask(agent, client, "still there?", "You said: still there?")

    def test_a_server_that_is_down_at_the_start_is_waited_for(self):
        agent = self.make_agent("component", server__port=(port := ports.free_port()))
        agent.start()
        self.assertEqual(agent.http_get("/api/health")[0], 200)
        proxy = Proxy(self.server.component_port, port).start()
        self.addCleanup(proxy.close)
        self.online(agent, self.login())

    def test_direct_tls_logs_in(self):
        with xmpp_server.make("prosody", xmpp_server.Options(direct_tls=True)) as server:
            agent = self.make_agent("client", server=server, server__port=server.direct_tls_port, server__direct_tls=True)
            agent.start()
            self.online(agent, self.login(server=server))


class ServerGoesAway(WholeHouse):
    def test_an_accepted_message_is_answered_after_the_server_is_back(self):
        for mode in skep.MODES:
            with self.subTest(mode=mode):
                agent = self.make_agent(mode).start()
                client = self.login()
                self.online(agent, client)
                self.model.script('holds then text "after the storm"')
                client.message(self.address(agent), "before the storm")
                self.model.wait_until_holding()
                client.close()
                self.server.stop()
                self.model.release()
                self.server.start()
                client = self.login_and_keep()
                self.assertEqual(client.body().findtext(CLIENT + "body"), "after the storm")
                self.online(agent, client)
                self.assertEqual(client.unread(lambda s: s.find(CLIENT + "body") is not None), [])
                agent.close()

    def login_and_keep(self):
        """Unlike login(): what is in the offline store counts."""
        from support.xmpp_wire import WireClient
        client = WireClient(self.server, "ann@example.test/phone").login()
        self.addCleanup(client.close)
        return client


class Refusals(WholeHouse):
    def proxy_to(self, port):
        proxy = Proxy(port).start()
        self.addCleanup(proxy.close)
        return proxy

    def test_a_wrong_component_secret_ends_the_process_without_retry(self):
        proxy = self.proxy_to(self.server.component_port)
        agent = self.make_agent("component", server__port=proxy.port, server__component_secret="wrong-secret")
        self.assert_gives_up(agent, "secret", "not-authorized", "not authorized")
        self.assertEqual(proxy.connections, 1)

    def test_a_wrong_password_ends_the_process_without_retry(self):
        proxy = self.proxy_to(self.server.c2s_port)
        agent = self.make_agent("client", server__port=proxy.port, server__password="wrong-secret")
        self.assert_gives_up(agent, "password", "not-authorized", "not authorized")
        self.assertEqual(proxy.connections, 1)

    def test_an_unknown_authority_is_refused(self):
        self.assert_gives_up(self.make_agent("client", server__tls_ca_file=None), "certificate")

    def test_a_certificate_for_another_name_is_refused_unless_checks_are_off(self):
        with xmpp_server.make("prosody", xmpp_server.Options(wrong_name=True)) as server:
            self.assert_gives_up(self.make_agent("client", server=server), "certificate")
            agent = self.make_agent("client", server=server, server__tls_verify=False).start()
            self.online(agent, self.login(server=server))
            self.assertIn("tls_verify", agent.log_text())

    def test_plain_is_refused_unless_allowed(self):
        with xmpp_server.make("prosody", xmpp_server.Options(sasl=("PLAIN",))) as server:
            self.assert_gives_up(self.make_agent("client", server=server), "allow_plain")
            agent = self.make_agent("client", server=server, server__allow_plain=True).start()
            self.online(agent, self.login(server=server))

    def test_without_starttls_no_credential_is_sent(self):
        with xmpp_server.make("prosody", xmpp_server.Options(starttls=False)) as server:
            proxy = self.proxy_to(server.c2s_port)
            self.assert_gives_up(self.make_agent("client", server=server, server__port=proxy.port, server__allow_plain=True),
                                 "starttls", "tls")
            self.assertNotIn(b"<auth", bytes(proxy.client_bytes))
            self.assertEqual(proxy.connections, 1)

    def test_every_scram_a_server_may_store_works(self):
        for kind, stored, offered in (("prosody", "SHA-1", "SCRAM-SHA-1"), ("prosody", "SHA-256", "SCRAM-SHA-256"),
                                      ("ejabberd", "SHA-512", "SCRAM-SHA-512")):
            with self.subTest(server=kind, mechanism=offered):
                options = xmpp_server.Options(sasl=(offered,), scram_hash=stored)
                with xmpp_server.make(kind, options) as server:
                    agent = self.make_agent("client", server=server).start()
                    self.online(agent, self.login(server=server))
                    agent.close()

    def test_a_password_with_odd_characters_logs_in(self):
        for kind in ("prosody", "ejabberd"):
            with self.subTest(server=kind):
                options = xmpp_server.Options(passwords={"bot": 'q"u$o{t}e,=ä\\ ${HOME} $$'})
                with xmpp_server.make(kind, options) as server:
                    agent = self.make_agent("client", server=server).start()
                    self.online(agent, self.login(server=server))
                    agent.close()


class OneHome(WholeHouse):
    def test_a_second_daemon_on_the_same_home_is_refused(self):
        first = self.make_agent().start()
        second = skep.Skep(first.config, home=first.home, name="second")
        self.agents.append(second)
        self.addCleanup(second.close)
        code = second.launch().wait_for_exit(15)
        self.assertGreater(code, 0, second.log_text())
        self.assertIn(str(first.process.pid), second.log_text())
        self.assertEqual(first.http_get("/api/health")[0], 200)
        self.assertEqual(first.daemon()["pid"], first.process.pid)

    def test_the_home_is_free_again_after_a_kill(self):
        agent = self.make_agent().start()
        agent.kill9()
        agent.start()
        self.assertEqual(agent.http_get("/api/health")[0], 200)

    def test_a_taken_port_is_named(self):
        first = self.make_agent().start()
        second = self.make_agent(api__listen=first.url.removeprefix("http://"))
        code = second.launch().wait_for_exit(15)
        self.assertGreater(code, 0, second.log_text())
        self.assertIn(first.url.rpartition(":")[2], second.log_text())


class FullDisk(WholeHouse):
    FILE_BYTES_MAX = 1_500_000   # of every file the agent writes: a write beyond it fails, as on a full disk

    def test_what_cannot_be_stored_is_refused_and_what_was_stored_is_answered(self):
        agent = self.make_agent(agent__flood_per_minute=1000, agent__flood_burst=1000)
        agent.file_bytes_max = self.FILE_BYTES_MAX
        agent.start()
        client = self.login()
        self.online(agent, client)
        self.model.rule = lambda request: self.short_answer()
        refused = 0
        for number in range(40):
            stanza_id = client.message(self.address(agent), f"question {number} " + "x" * 100_000,
                                       extra='<request xmlns="urn:xmpp:receipts"/>')
            first = client.next(lambda s: s.tag == CLIENT + "message" and (
                s.find(RECEIPT + "received") is not None or s.find(CLIENT + "body") is not None or s.get("type") == "error"))
            self.assertIsNotNone(first, f"message {number} got neither receipt nor refusal\n{client.show(3)[:2000]}")
            if first.find(RECEIPT + "received") is None:
                refused += 1
                break
            self.assertEqual(first.find(RECEIPT + "received").get("id"), stanza_id)
            client.body()   # accepted: answered, whatever else fails
        self.assertGreater(refused, 0, "nothing was ever refused")
        self.assertTrue(client.ping(skep.full_address(self.server, "component")))
        self.assertEqual(agent.http_get("/api/health")[0], 200)
        agent.kill9()
        agent.file_bytes_max = None
        agent.start()
        self.online(agent, client)
        client.drop()
        self.model.rule = None
        self.model.script('text "room again"')
        self.ask(agent, client, "hello", "room again")

    @staticmethod
    def short_answer():
        from support.model_server import Step
        return Step(text="short answer")


class Termination(WholeHouse):
    def test_a_turn_may_finish_after_sigterm(self):
        client = self.login()
        for mode in skep.MODES:
            with self.subTest(mode=mode):
                agent = self.make_agent(mode).start()
                self.online(agent, client)
                self.model.script('holds then text "just in time"')
                client.message(self.address(agent), "quick, before you go")
                self.model.wait_until_holding()
                agent.process.signal(15)
                self.model.release()
                self.assertEqual(client.body().findtext(CLIENT + "body"), "just in time")
                self.assertEqual(agent.process.wait(12), 0)
                agent.close()

    def test_a_turn_that_does_not_finish_is_answered_after_the_restart(self):
        client = self.login()
        agent = self.make_agent().start()
        self.online(agent, client)
        self.model.script('when "endless" holds then text "never"')
        client.message(self.address(agent), "an endless question")
        self.model.wait_until_holding()
        self.assertEqual(agent.sigterm(15), 0)
        self.assertEqual(client.unread(lambda s: s.find(CLIENT + "body") is not None), [])
        self.model.script('text "finished after all"')
        agent.start()
        self.assertEqual(client.body().findtext(CLIENT + "body"), "finished after all")
        self.online(agent, client)
        self.assertEqual(client.unread(lambda s: s.find(CLIENT + "body") is not None), [])

    def test_daemon_json_goes_with_the_daemon(self):
        agent = self.make_agent().start()
        self.assertEqual(agent.daemon()["pid"], agent.process.pid)
        self.assertEqual(agent.sigterm(), 0)
        with self.assertRaises(FileNotFoundError):
            agent.daemon()


if __name__ == "__main__":
    unittest.main()
