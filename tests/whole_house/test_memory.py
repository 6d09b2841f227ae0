"""What an agent remembers, knows and finds again, through a running skep: scenarios 49 to 56 of the agent, 58 of XMPP."""
import contextlib
import glob
import json
import os
import sqlite3
import threading
import unittest

from support.embedding_server import EmbeddingServer
from support.fabric_node import FabricNode
from support.model_script import parse_step
from whole_house.base import WholeHouse

FULL = {"knowledge": True, "tasks": True, "events": True}


class Remembering(WholeHouse):
    """Talks through the command line; what a tool said is in the model's next request."""
    needs_server = False

    def agent(self, **config):
        return self.make_agent(tools__memory=FULL, **config)

    def started(self, **config):
        return self.agent(**config).start()

    def say(self, agent, text, who="ann", to=None):
        code, out, err = agent.cli("chat", "-m", text, "--as", who, *(["--agent", to] if to else []), seconds=60)
        self.assertEqual(code, 0, f"{err}\n{agent.tail()}")
        return out.strip()

    def use(self, agent, tool, arguments, who="ann", to=None, say=None):
        """Lets the model call the tool; gives the result that the model read."""
        self.model.script(f"tool_call {tool} {json.dumps(arguments, ensure_ascii=False)}", 'text "Done."')
        self.assertEqual(self.say(agent, say or f"please use {tool}", who, to), "Done.")
        results = self.model.requests[-1].tool_results
        self.assertTrue(results, self.model.describe())
        return results[-1]


class Values(Remembering):
    def test_a_key_counts_its_versions_tells_of_them_and_scopes_are_apart(self):
        agent = self.started()
        with FabricNode(agent.home, "RT.main", "AI.watcher").connect() as watcher:
            self.assertEqual(self.use(agent, "memory_store", {"key": "pet", "content": "a cat"}), 'Stored under "pet".')
            self.assertEqual(self.use(agent, "memory_store", {"key": "self.pet", "content": "a dog"}),
                             'Stored under "pet" (version 2).')
            self.use(agent, "memory_store", {"key": "shared.pet", "value": {"kind": "bird"}})
            updates = [watcher.receive(lambda m: m["meta"].get("msg") == "MEMORY_UPDATE")["payload"] for _ in range(3)]
        self.assertEqual([(u["key"], u["version"]) for u in updates],
                         [("self.pet", 1), ("self.pet", 2), ("shared.pet", 1)])
        self.assertEqual({u["agent"] for u in updates}, {"Helper"})
        self.assertEqual(self.use(agent, "memory_recall", {"key": "pet"}), "1. [pet] a dog")
        self.assertIn("bird", self.use(agent, "memory_recall", {"key": "shared.pet"}))
        self.assertEqual(self.use(agent, "memory_recall", {"key": "pet"}, who="bob"),
                         'There is nothing under "self.pet".')
        self.assertIn("bird", self.use(agent, "memory_recall", {"key": "shared.pet"}, who="bob"))
        agent.kill9()
        agent.start()
        self.assertIn("bird", self.use(agent, "memory_recall", {"query": "", "scope": "shared"}))
        self.assertEqual(agent.sigterm(), 0)

    def test_case_is_folded_in_any_script(self):
        agent = self.started()
        self.use(agent, "memory_store", {"key": "école", "content": "Ζυρίχη"})
        self.assertEqual(self.use(agent, "memory_recall", {"query": "ÉCOLE"}), "1. [école] Ζυρίχη")
        self.assertEqual(self.use(agent, "memory_recall", {"query": "ΖΥΡΊΧΗ"}), "1. [école] Ζυρίχη")


    def test_a_note_that_says_the_same_is_merged_and_the_model_is_told(self):
        agent = self.started()
        with FabricNode(agent.home, "RT.main", "AI.watcher").connect() as watcher:
            self.use(agent, "memory_store", {"key": "green tea", "content": "Ann likes green tea in the morning"})
            self.assertEqual(self.use(agent, "memory_store", {"key": "tea", "content": "Ann likes green tea in the morning."}),
                             'Nothing was added: the note "green tea" says this already. To change it, store under that key.')
            self.assertEqual(self.use(agent, "memory_store", {"key": "green_tea_habit", "content": "Ann likes green tea in the morning, never at night"}),
                             'Stored under "green_tea_habit". It says all that stood under "green tea", which is gone.')
            updates = [watcher.receive(lambda m: m["meta"].get("msg") == "MEMORY_UPDATE")["payload"]["key"] for _ in range(2)]
        self.assertEqual(updates, ["self.green tea", "self.green_tea_habit"])
        self.assertEqual(self.use(agent, "memory_recall", {"query": ""}),
                         "1. [green_tea_habit] Ann likes green tea in the morning, never at night")


class Knowing(Remembering):
    def test_relations_by_name_are_found_by_name_two_steps_away(self):
        agent = self.started()
        self.use(agent, "knowledge_add_relation", {"source": "Ann", "relation": "works_at", "target": "Acme"})
        self.use(agent, "knowledge_add_relation", {"source": "ACME", "relation": "located_in", "target": "Porto"})
        self.assertIn("Ann -works_at-> Acme -located_in-> Porto",
                      self.use(agent, "knowledge_query", {"source": "ann", "max_depth": 2}))
        self.assertEqual(self.use(agent, "knowledge_query", {"source": "ann"}, who="bob"), 'I know no "ann".')
        self.say(agent, "/forget")
        self.assertEqual(self.use(agent, "knowledge_query", {"source": "ann"}), 'I know no "ann".')


class Tasks(Remembering):
    TASKS = 100

    def test_two_agents_claim_a_hundred_tasks_once_each(self):
        agent = self.agent()
        folder = os.path.join(agent.home, "agents", "Otto")
        os.makedirs(folder)
        with open(os.path.join(folder, "agent.toml"), "w", encoding="utf-8") as out:
            out.write('name = "Otto"\n[capabilities]\ntools = ["task_*"]\n')
        agent.start()
        self.assertIn("Posted as task ", self.use(agent, "task_post", {"title": "first", "description": "x"}))
        with self.database(agent) as db:
            db.executemany("INSERT INTO task (id, title, description, status, priority, assigned_to, created_by, person, taint,"
                           " created_ms) VALUES (?, ?, '', 'pending', 0, '', 'Helper', 'ann@cli', '', ?)",
                           [(f"T{number:03}", f"task {number}", number) for number in range(1, self.TASKS)])
            db.commit()
        self.model.rule = lambda request: parse_step('text "Done."' if request.tool_results else "tool_call task_claim {}")
        workers = [threading.Thread(target=self.work, args=(agent, name)) for name in ("Helper", "Otto")]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        with self.database(agent) as db:
            rows = db.execute("SELECT claimed_by, claims FROM task").fetchall()
        self.assertEqual(len(rows), self.TASKS)
        self.assertEqual({claims for _, claims in rows}, {1})
        self.assertEqual({name for name, _ in rows}, {"Helper", "Otto"})
        self.model.rule = None
        self.assertEqual(self.use(agent, "task_claim", {}), "There is no task to claim.")

    def work(self, agent, name):
        for _ in range(self.TASKS // 2):
            agent.cli("chat", "-m", "work", "--as", name.lower(), "--agent", name, seconds=120)

    @contextlib.contextmanager
    def database(self, agent):
        db = sqlite3.connect(os.path.join(agent.home, "memory.db"), timeout=30)
        try:
            yield db
        finally:
            db.close()


class Searching(Remembering):
    def searched(self, agent, query, who="ann", **more):
        return self.use(agent, "memory_search", {"query": query, **more}, who)

    def notes(self, agent, who, entries):
        """Writes knowledge.jsonl as a person may: (key, content, when)."""
        folder = os.path.join(agent.memory, who)
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, "knowledge.jsonl"), "a", encoding="utf-8") as out:
            for key, content, when in entries:
                out.write(json.dumps({"key": key, "content": content, "ts": when}) + "\n")

    def test_a_paraphrase_with_two_rare_words_is_found_without_any_model(self):
        agent = self.started()
        for text in ("Our boat Albatross is moored in Leixões", "It rains today", "The tea is cold"):
            self.model.script('text "I see."')
            self.say(agent, text)
        self.say(agent, "/new")
        found = self.searched(agent, "where does the albatross lie, was it leixoes?")
        self.assertRegex(found, r"^1\. session sessions/\d{8}-\d{6}\.jsonl, line 2, \S+, ann@cli said \(score 0\.\d\d\): Our boat Albatross")
        self.assertIn("Search: 70 % by vectors (hashed words and letters, computed here; no language model)",
                      self.say(agent, "/status"))

    def test_one_relevant_among_five_hundred_old_notes_is_first(self):
        agent = self.started()
        old = "2020-01-01T00:00:00Z"
        self.notes(agent, "ann@cli", [(f"day{number}", f"went shopping and cooked soup number {number}", old)
                                      for number in range(500)] + [("allergy", "must never eat hazelnuts", old)])
        self.assertRegex(self.searched(agent, "is there an allergy to some nut, a hazelnut?"),
                         r"^1\. note \[allergy\], 2020-01-01T00:00:00Z \(score")

    def test_what_is_long_unused_gives_way_and_what_is_deleted_stays_away(self):
        agent = self.started()
        self.notes(agent, "ann@cli", [("old", "the gate code is 1111", "2020-01-01T00:00:00Z")])
        self.use(agent, "memory_store", {"key": "new", "content": "the gate code is 2222"})
        found = self.searched(agent, "gate code")
        self.assertLess(found.index("[new]"), found.index("[old]"))
        self.assertEqual(self.say(agent, "/memory del new"), 'Deleted the note "new".')
        found = self.searched(agent, "gate code")
        self.assertIn("[old]", found)
        self.assertNotIn("2222", found)

    def test_nobody_finds_what_is_anothers_and_all_find_what_is_shared(self):
        agent = self.started()
        os.makedirs(os.path.join(agent.memory, "shared", "team"))
        self.write(agent, "shared/team/rules.md", "# Releases\n\nWe deploy on Tuesdays only.\n")
        self.use(agent, "memory_store", {"key": "safe", "content": "the safe opens with 4711"})
        self.use(agent, "memory_store", {"key": "cat", "content": "my cat is Mia"}, who="bob")
        self.assertIn("4711", self.searched(agent, "what opens the safe"))
        bobs = self.searched(agent, "what opens the safe with 4711", who="bob")
        self.assertNotIn("opens with 4711", bobs)
        for who in ("ann", "bob"):
            self.assertRegex(self.searched(agent, "when do we deploy?", who=who),
                             r"^1\. shared team/rules\.md, line 1 \(score 0\.\d\d\): Releases\nWe deploy on Tuesdays only\.")
        self.assertNotIn("Tuesdays", self.searched(agent, "when do we deploy?", scope="self"))
        self.write(agent, "shared/team/rules.md", "# Releases\n\nWe deploy whenever we like.\n")
        self.assertIn("whenever we like", self.searched(agent, "when do we deploy?"))
        # Forgotten is forgotten, in the index as well.
        self.say(agent, "/forget")
        for path in glob.glob(os.path.join(agent.home, "index", "*")):
            with open(path, "rb") as data:
                self.assertNotIn(b"opens with 4711", data.read())

    def write(self, agent, path, text):
        with open(os.path.join(agent.memory, path), "w", encoding="utf-8") as out:
            out.write(text)

    def test_a_damaged_index_is_built_anew(self):
        agent = self.started()
        self.use(agent, "memory_store", {"key": "cat", "content": "my cat is Mia"})
        self.assertIn("Mia", self.searched(agent, "cat"))
        self.assertEqual(agent.sigterm(), 0)
        for path in glob.glob(os.path.join(agent.home, "index", "*.db")):
            with open(path, "wb") as out:
                out.write(b"x" * 8192)
        agent.start()
        self.assertIn("Mia", self.searched(agent, "cat"))

    def test_a_model_finds_synonyms_and_each_call_of_it_is_in_the_books(self):
        for provider, suffix, key in (("openai", "/v1", "sk-embeddings"), ("ollama", "", None)):
            with self.subTest(provider), EmbeddingServer([{"car", "automobile"}], key) as server:
                self.model.reset()
                search = {"provider": provider, "base_url": server.url + suffix, "model": "embedding-test"}
                if key:
                    search["api_key"] = key
                agent = self.started(memory__search=search)
                self.use(agent, "memory_store", {"key": "garage", "content": "the car is red"})
                self.use(agent, "memory_store", {"key": "kitchen", "content": "the kettle is blue"})
                self.assertRegex(self.searched(agent, "automobile"), r"^1\. note \[garage\]")
                self.assertRegex(self.searched(agent, "AB-4711 kettle"), r"^1\. note \[kitchen\]")
                calls = server.calls
                embedded = self.embedding_calls(agent)
                self.assertEqual((len(embedded), {call["failed"] for call in embedded}), (calls, {False}))
                self.assertGreater(sum(call["in"] for call in embedded), 0)
                server.status = 503
                found = self.searched(agent, "red car")
                self.assertIn("[garage]", found)
                self.assertIn("Searched by words only: ", found)
                self.assertIn("the embedding model is away", found)
                self.assertTrue(self.embedding_calls(agent)[-1]["failed"])
                self.assertEqual((len(self.embedding_calls(agent)), server.calls), (len(embedded) + 1, calls + 3),
                                 "one call on the bill, with two more attempts")
                self.assertNotIn(key or "sk-", agent.log_text())
                self.assertEqual(agent.sigterm(), 0)

    def test_an_embedding_call_that_fails_is_made_again_when_its_provider_says(self):
        with EmbeddingServer([{"car", "automobile"}]) as server:
            agent = self.started(memory__search={"provider": "openai", "base_url": server.url + "/v1", "api_key": "k", "model": "m"})
            self.use(agent, "memory_store", {"key": "garage", "content": "the car is red"})
            server.failures = [(429, {"Retry-After": "0"}), (503, {"Retry-After": "0"})]
            self.assertRegex(self.searched(agent, "automobile"), r"^1\. note \[garage\]")
            self.assertEqual(server.failures, [])
            self.assertEqual({call["failed"] for call in self.embedding_calls(agent)}, {False})
            self.assertEqual(len(self.embedding_calls(agent)), server.calls - 2)

    def test_who_is_down_is_left_alone_for_a_while_and_words_are_searched(self):
        with EmbeddingServer([{"car", "automobile"}]) as server:
            agent = self.started(memory__search={"provider": "openai", "base_url": server.url + "/v1", "api_key": "k", "model": "m"})
            self.use(agent, "memory_store", {"key": "garage", "content": "the car is red"})
            self.assertRegex(self.searched(agent, "automobile"), r"^1\. note \[garage\]")
            server.failures = [(401, {})]
            self.assertIn("Searched by words only: ", self.searched(agent, "red"))
            calls, billed = server.calls, len(self.embedding_calls(agent))
            self.assertTrue(self.embedding_calls(agent)[-1]["failed"])
            found = self.searched(agent, "red")
            self.assertIn("[garage]", found)
            self.assertRegex(found, r"Searched by words only: openai \(m\) rests for \d+ s: ")
            self.assertEqual((server.calls, len(self.embedding_calls(agent))), (calls, billed), "nobody was asked")
            self.assertRegex(self.say(agent, "/status"), r"Searched by words only: openai \(m\) rests for \d+ s: ")
            self.assertIn("texts are searched by their words only", agent.log_text())

    def embedding_calls(self, agent):
        calls = []
        for path in glob.glob(os.path.join(agent.home, "usage", "*.jsonl")):
            with open(path, encoding="utf-8") as lines:
                calls += [json.loads(line) for line in lines]
        return [{**call, "failed": call.get("failed", False)} for call in calls if call.get("purpose") == "embedding"]

    def test_a_budget_that_is_spent_leaves_the_words(self):
        with EmbeddingServer() as server:
            agent = self.agent(memory__search={"provider": "openai", "base_url": server.url + "/v1", "api_key": "k"},
                               quota={"daily_tokens": 40000, "admins_exempt": False})
            self.notes(agent, "ann@cli", [(f"n{n}", "word " * 780, "2026-01-01T00:00:00Z") for n in range(80)])
            agent.start()
            found = self.searched(agent, "word")
            self.assertIn("You have used", found)
            self.assertIn("1. note [", found)


class Taint(Remembering):
    def test_a_note_from_a_page_keeps_later_turns_from_sinks(self):
        agent = self.agent(tools__shell={"enabled": True}, authority={"tainted": "deny"})
        folder = os.path.join(agent.memory, "ann@cli")
        os.makedirs(folder)
        # As memory_store writes it in a turn that has read a page (tools.MemoryToolsTest).
        with open(os.path.join(folder, "knowledge.jsonl"), "w", encoding="utf-8") as out:
            out.write(json.dumps({"key": "tip", "content": "run expr 1 + 1", "taint": "external_network"}) + "\n"
                      + json.dumps({"key": "pet", "content": "a cat"}) + "\n")
        agent.start()
        run = 'tool_call shell_exec {"command":"expr 40 + 2"}'
        self.model.script('tool_call memory_recall {"query":"pet"}', run, 'text "Ran."')
        self.assertEqual(self.say(agent, "do it"), "Ran.")
        self.assertIn("42", "\n".join(self.model.requests[-1].strings()))
        for recall in ('tool_call memory_recall {"query":"tip"}', 'tool_call memory_search {"query":"expr tip"}'):
            self.model.script(recall, run, 'text "I may not."')
            self.assertEqual(self.say(agent, "do it"), "I may not.")
            self.assertIn("after reading what may not be trusted (external_network)",
                          "\n".join(self.model.requests[-1].strings()))


class Faults(Remembering):
    """The database in trouble: said in words, and the agent answers on."""

    def store(self, agent):
        return self.use(agent, "memory_store", {"key": "shared.k", "content": "v"})

    def usable(self, agent):
        self.assertIn('Stored under "still"', self.use(agent, "memory_store", {"key": "still", "content": "here"}))

    def path(self, agent):
        return os.path.join(agent.home, "memory.db")

    def test_an_ancestors_database_is_taken_over_and_a_newer_one_refused(self):
        agent = self.agent()
        with sqlite3.connect(self.path(agent)) as db:
            db.executescript("""
                CREATE TABLE kv_store (agent_id TEXT, key TEXT, value BLOB, version INTEGER DEFAULT 1, updated_at TEXT,
                                       PRIMARY KEY (agent_id, key));
                INSERT INTO kv_store VALUES ('00000000-0000-0000-0000-000000000001', 'city', CAST('"Porto"' AS BLOB), 3,
                                             '2026-01-02T03:04:05+00:00');
                CREATE TABLE sessions (id TEXT PRIMARY KEY, agent_id TEXT, messages BLOB);
                PRAGMA user_version = 8;""")
        agent.start()
        self.assertIn("Porto", self.use(agent, "memory_recall", {"key": "shared.city"}))
        with sqlite3.connect(self.path(agent) + ".before-memory-1") as copy:
            self.assertEqual(copy.execute("SELECT key FROM kv_store").fetchall(), [("city",)])
        self.assertEqual(agent.sigterm(), 0)
        with sqlite3.connect(self.path(agent)) as db:
            db.execute("INSERT INTO skep_migrations VALUES ('memory', 99, 0)")
        agent.start()
        self.assertIn("is newer than this program (memory version 99)", self.store(agent))
        self.assertIn("newer than this program", self.say(agent, "/status"))
        self.usable(agent)

    def test_a_damaged_one_is_named_and_once_it_is_moved_away_all_goes_on(self):
        agent = self.agent()
        with open(self.path(agent), "wb") as out:
            out.write(b"x" * 8192)
        agent.start()
        self.assertIn("memory.db is damaged. Move it away", self.store(agent))
        self.usable(agent)
        os.rename(self.path(agent), self.path(agent) + ".bad")
        self.assertEqual(self.store(agent), 'Stored under "shared.k".')

    def test_one_that_is_locked_is_said_to_be_and_used_again_afterwards(self):
        agent = self.started()
        self.assertEqual(self.store(agent), 'Stored under "shared.k".')
        db = sqlite3.connect(self.path(agent), isolation_level=None)
        db.execute("BEGIN IMMEDIATE")
        self.assertIn("is in use by another program", self.store(agent))
        self.usable(agent)
        db.execute("ROLLBACK")
        db.close()
        self.assertEqual(self.store(agent), 'Stored under "shared.k" (version 2).')

    def test_a_full_disk_is_said_to_be_full_and_later_all_goes_on(self):
        """No file of skep may grow beyond a limit, and another program has brought the database's log up to it."""
        agent = self.agent()
        agent.file_bytes_max = 2_000_000
        agent.start()
        self.store(agent)
        reader = sqlite3.connect(self.path(agent), isolation_level=None)
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM shared_value").fetchall()   # the log cannot be emptied while somebody reads
        writer = sqlite3.connect(self.path(agent), isolation_level=None)
        writer.execute("PRAGMA wal_autocheckpoint = 0")
        while os.path.getsize(self.path(agent) + "-wal") < agent.file_bytes_max:
            writer.execute("INSERT OR REPLACE INTO shared_value VALUES ('filler', ?, 1, 0, '', '', '')", ["x" * 100_000])
        self.assertIn("the disk is full", self.store(agent))
        self.usable(agent)
        reader.execute("ROLLBACK")
        reader.close()
        writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        writer.close()
        self.assertEqual(self.store(agent), 'Stored under "shared.k" (version 2).')


if __name__ == "__main__":
    unittest.main()
