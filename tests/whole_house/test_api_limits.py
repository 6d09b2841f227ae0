"""What the HTTP routes give to whom, and how fast, through a running skep."""
import json
import os
import re
import time
import unittest

from whole_house.base import WholeHouse, skep

ROUTE = re.compile(r"^\| `([A-Z]+) (\S+)` \| (yes|no) \|")


def documented():
    """(method, path, needs the token) of every route of docs/api.md, which a test compares with the code."""
    with open(os.path.join(skep.ROOT, "docs", "api.md"), encoding="utf-8") as source:
        return [(m[1], m[2].replace("{name}", "Helper"), m[3] == "yes") for m in map(ROUTE.match, source) if m]


class Limits(WholeHouse):
    needs_server = False

    def house(self, **limits):
        return self.make_agent(api__rate_limit=limits).start()

    def message(self, house, text="hello"):
        return house.http("POST", "/api/chat", {"peer": "ann@cli", "text": text})

    def test_sixteen_messages_pass_and_the_next_is_told_how_long_to_wait(self):
        house = self.house(owner_per_minute=500)
        began, passed = time.monotonic(), 0
        while True:   # empty ones: they reach no model and cost what messages cost
            status, headers, body = house.http("POST", "/api/chat", {"peer": "ann@cli", "text": ""})
            if status == 429:
                break
            self.assertEqual(status, 400, body)
            passed += 1
        self.assertGreaterEqual(passed, 16)
        # However slow this machine is: no more than the burst and what has come back since (RateLimit.* has the exact number).
        self.assertLessEqual(passed * 30, 500 + (time.monotonic() - began) * 500 / 60)
        self.assertIn("too many requests", json.loads(body)["error"]["message"])
        wait = int(headers["Retry-After"])
        self.assertIn(wait, range(1, 5))   # a message is 3.6 s of the minute
        time.sleep(wait)   # what it says, no less
        self.assertEqual(self.message(house)[0], 200)

    def test_a_refused_message_is_not_answered(self):
        house = self.house(owner_per_minute=60)
        statuses = [self.message(house)[0] for _ in range(3)]
        self.assertEqual(statuses, [200, 200, 429])   # a third one would have to wait for half a minute
        self.assertEqual(len(self.model.requests), 2)

    def test_five_hundred_looks_at_its_health_pass_without_a_token(self):
        house = self.house()
        statuses = [house.http("GET", "/api/health", token=False)[0] for _ in range(500)]
        self.assertEqual(set(statuses), {200})

    def test_guessing_tokens_is_slow_and_hinders_nobody_who_has_it(self):
        house = self.house(per_minute=20)
        statuses = []
        while 429 not in statuses:
            statuses.append(house.http("GET", "/api/usage", token="Bearer " + "0" * 48)[0])
        self.assertEqual(set(statuses[:-1]), {401})
        self.assertGreaterEqual(len(statuses), 6)   # 3 units each
        for _ in range(30):
            self.assertEqual(house.http_get("/api/usage")[0], 200)

    def test_the_command_line_is_not_hampered_even_by_somebody_who_floods(self):
        house = self.house(per_minute=20)
        while house.http("GET", "/api/health", token=False)[0] != 429:
            pass
        for _ in range(20):
            code, out, err = house.cli("status")
            self.assertEqual(code, 0, err)
        code, out, err = house.cli("chat", "-m", "hello")
        self.assertEqual((code, out.strip()), (0, "You said: hello"), err)

    def test_a_client_of_ours_waits_when_it_is_told_to(self):
        house = self.house(owner_per_minute=120)
        for _ in range(59):
            self.assertEqual(house.http_get("/api/agents")[0], 200)   # 2 units each
        code, out, err = house.cli("agent", "kill", "nobody", "-y")   # 10 units: refused until they are there
        self.assertNotEqual(code, 0)
        self.assertIn("nobody", err)
        self.assertNotIn("too many", err)


class Shown(WholeHouse):
    needs_server = False

    def test_health_says_no_more_than_that_it_lives(self):
        house = self.make_agent().start()
        status, _, body = house.http("GET", "/api/health", token=False)
        self.assertEqual(status, 200)
        self.assertEqual(set(json.loads(body)), {"status", "version"})

    def test_every_other_route_wants_the_token(self):
        house = self.make_agent(api__rate_limit={"per_minute": 0}).start()
        token = house.daemon()["token"]
        routes = documented()
        self.assertGreater(len(routes), 25)
        self.assertEqual([path for _, path, secret in routes if not secret], ["/api/health"])
        wrong = (None, "Bearer", "Bearer ", "Bearer " + token[:-1], "Bearer " + token + "0", "Bearer " + token[:-1] + "x",
                 token, "bearer-" + token, "Basic " + token)
        for method, path, secret in routes:
            if not secret:
                continue
            for given in wrong:
                with self.subTest(route=f"{method} {path}", given=given):
                    status, _, body = house.http(method, path, {} if method == "POST" else None, token=given)
                    self.assertEqual((status, json.loads(body)["error"]["code"]), (401, "unauthenticated"))
            self.assertEqual(house.http(method, f"{path}?token={token}", {} if method == "POST" else None, token=None)[0], 401)
        self.assertTrue(house.running())
        self.assertEqual(house.http_get("/api/status")[0], 200)

    def test_every_answer_tells_a_browser_to_keep_and_guess_nothing(self):
        house = self.make_agent().start()
        for path, token in (("/api/health", False), ("/api/usage", False), ("/api/usage", True), ("/nothing", True)):
            _, headers, _ = house.http("GET", path, token=token)
            self.assertEqual(headers["X-Content-Type-Options"], "nosniff")
            self.assertEqual(headers["X-Frame-Options"], "DENY")
            self.assertEqual(headers["Cache-Control"], "no-store")
            self.assertIn("default-src 'none'", headers["Content-Security-Policy"])


if __name__ == "__main__":
    unittest.main()
