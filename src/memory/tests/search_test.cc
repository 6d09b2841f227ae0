#include "skep/memory/search.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "skep/memory/memory.h"
#include "temp_folder.h"

namespace skep::memory {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using Role = TranscriptMessage::Role;

struct TestClock final : Clock {
  [[nodiscard]] WallTime now() const override { return time; }
  WallTime time = *parse_rfc3339("2026-03-02T08:00:00Z");
};

const Conversation kAnn{"xmpp", "ann@ex.org", ""};
const Conversation kBob{"xmpp", "bob@ex.org", ""};

class SearchTest : public testing::Test {
 protected:
  SearchTest() {
    config.shared_path = root + "/shared";
    reopen(hashed_embeddings());
  }
  void reopen(Embeddings embeddings) {
    search.reset();
    search = Search::make(config, {.loop = loop,
                                   .clock = clock,
                                   .embeddings = std::move(embeddings),
                                   .shared_index = (folder.path / "index").string()});
  }
  SearchAnswer answer(const Conversation& who, std::string text,
                      SearchQuery::Scope scope = SearchQuery::Scope::kAll, std::string turn = {}) {
    auto found = loop.run(search->find(Ctx{}, {.directory = memory->directory(who),
                                               .index = (folder.path / "index").string(),
                                               .text = std::move(text),
                                               .scope = scope,
                                               .turn = std::move(turn)}));
    EXPECT_TRUE(found) << found.error().to_string();
    return found ? *std::move(found) : SearchAnswer();
  }
  std::vector<std::string> texts(const Conversation& who, std::string text) {
    std::vector<std::string> all;
    for (const SearchHit& hit : answer(who, std::move(text)).hits) all.push_back(hit.text);
    return all;
  }
  std::string best(const Conversation& who, std::string text) {
    const auto all = texts(who, std::move(text));
    return all.empty() ? "" : all.front();
  }
  void note(const Conversation& who, std::string key, std::string content, std::string taint = {}) {
    ASSERT_TRUE(memory->remember(
        who, {.key = std::move(key), .content = std::move(content), .taint = std::move(taint)}));
  }
  void say(const Conversation& who, Role role, std::string text, std::string id) {
    ASSERT_TRUE(memory->append(
        who,
        TranscriptMessage{
            .role = role, .content = std::move(text), .msg_id = std::move(id), .ts = clock.time}));
  }
  void write(const std::string& path, std::string_view content) {
    fs::create_directories(fs::path(root + "/" + path).parent_path());
    std::ofstream(root + "/" + path, std::ios::trunc) << content;
  }
  [[nodiscard]] std::size_t index_files() const {
    std::size_t count = 0;
    for (const auto& entry : fs::directory_iterator(folder.path / "index"))
      count += entry.path().extension() == ".db";
    return count;
  }

  TempFolder folder;
  std::string root = (folder.path / "memory").string();
  TestClock clock;
  Loop loop;
  std::unique_ptr<Memory> memory = std::move(*Memory::open({.path = root}, clock));
  SearchConfig config;
  std::unique_ptr<Search> search;
};

TEST_F(SearchTest, AParaphraseThatSharesRareWordsIsFound) {
  for (int i = 0; i < 40; ++i)
    say(kAnn, Role::kUser, fmt::format("what is the weather like on day {}", i),
        fmt::format("m{}", i));
  say(kAnn, Role::kUser, "Our boat Albatross is moored in Leixões", "boat");
  EXPECT_EQ(best(kAnn, "where did I say the albatross lies, was it leixoes?"),
            "Our boat Albatross is moored in Leixões");
}

TEST_F(SearchTest, OneRelevantAmong500OldNotesComesFirst) {
  for (int i = 0; i < 500; ++i)
    note(kAnn, fmt::format("day{}", i), fmt::format("went shopping and cooked soup number {}", i));
  note(kAnn, "allergy", "must never eat hazelnuts");
  clock.time += 24h * 200;
  EXPECT_EQ(best(kAnn, "is there an allergy to hazelnut?"), "allergy: must never eat hazelnuts");
}

TEST_F(SearchTest, AnExactIdIsFoundAmongLikeOnes) {
  for (int i = 0; i < 50; ++i)
    note(kAnn, fmt::format("ticket{}", i), fmt::format("ticket AB-{:04} is about printing", i));
  EXPECT_EQ(best(kAnn, "AB-0037"), "ticket37: ticket AB-0037 is about printing");
}

TEST_F(SearchTest, NobodyFindsWhatIsAnothers) {
  note(kBob, "pin", "the safe opens with 4711");
  say(kBob, Role::kUser, "the safe opens with 4711", "m1");
  note(kAnn, "cat", "the cat is called Mia");
  for (const std::string& text : texts(kAnn, "the safe opens with 4711"))
    EXPECT_FALSE(text.contains("4711")) << text;
  EXPECT_EQ(texts(kBob, "safe 4711").size(), 2u);
}

TEST_F(SearchTest, SharedFilesAreFoundByAllAndScopesHold) {
  write("shared/team/rules.md", "# Releases\n\nWe deploy on Tuesdays only.\n");
  note(kAnn, "me", "I deploy nothing");
  using Scope = SearchQuery::Scope;
  const SearchHit hit = answer(kBob, "when do we deploy?").hits.at(0);
  EXPECT_EQ(hit.source, "shared");
  EXPECT_EQ(hit.path, "team/rules.md");
  EXPECT_EQ(hit.place, "line 1");
  EXPECT_EQ(hit.text, "Releases\nWe deploy on Tuesdays only.");
  EXPECT_EQ(answer(kAnn, "deploy", Scope::kSelf).hits.size(), 1u);
  EXPECT_EQ(answer(kAnn, "deploy", Scope::kShared).hits.size(), 1u);
  EXPECT_EQ(answer(kAnn, "deploy", Scope::kAll).hits.size(), 2u);
}

TEST_F(SearchTest, HitsSayWhereTheyComeFrom) {
  say(kAnn, Role::kUser, "the plumber comes on Friday", "m1");
  ASSERT_TRUE(memory->archive(kAnn));
  say(kAnn, Role::kAssistant, "The plumber is called Rui.", "m2");
  note(kAnn, "plumber", "phone 555-0101");
  write("ann@ex.org/memory.md", "The plumber takes cards.\n");
  std::vector<std::string> places;
  for (const SearchHit& hit : answer(kAnn, "plumber").hits)
    places.push_back(fmt::format("{} {} {} {}", hit.source, hit.path, hit.place, hit.who));
  std::ranges::sort(places);
  EXPECT_EQ(places,
            (std::vector<std::string>{"note knowledge.jsonl plumber ", "profile memory.md line 1 ",
                                      "session history.jsonl line 2 assistant",
                                      "session sessions/20260302-080000.jsonl line 2 "}));
}

TEST_F(SearchTest, FilesAreReadAgainWhenTheyHaveChanged) {
  write("shared/a.md", "The office is in Porto.");
  EXPECT_EQ(best(kAnn, "where is the office"), "The office is in Porto.");
  write("shared/a.md", "The office has moved to Lisbon.");
  EXPECT_EQ(best(kAnn, "where is the office"), "The office has moved to Lisbon.");
  fs::remove(root + "/shared/a.md");
  EXPECT_TRUE(texts(kAnn, "where is the office").empty());
}

TEST_F(SearchTest, WhatIsTakenBackIsNotFoundAnyMore) {
  ASSERT_TRUE(memory->append(kAnn, TranscriptMessage{.role = Role::kUser,
                                                     .content = "my password is hunter2",
                                                     .msg_id = "m1",
                                                     .sender = "ann@ex.org",
                                                     .origin_id = "o1"}));
  say(kAnn, Role::kUser, "good morning", "m2");
  EXPECT_FALSE(texts(kAnn, "password hunter2").empty());
  ASSERT_TRUE(memory->retract(kAnn, "o1", "ann@ex.org"));
  EXPECT_TRUE(texts(kAnn, "password hunter2").empty());
}

TEST_F(SearchTest, WhatIsForgottenIsGoneFromTheIndexToo) {
  note(kAnn, "pin", "4711");
  EXPECT_FALSE(texts(kAnn, "pin 4711").empty());
  EXPECT_EQ(index_files(), 1u);
  ASSERT_TRUE(memory->forget(kAnn));
  search->forget(memory->directory(kAnn), (folder.path / "index").string());
  EXPECT_EQ(index_files(), 0u);
  EXPECT_TRUE(texts(kAnn, "pin 4711").empty());
}

TEST_F(SearchTest, TheQuestionItselfIsNoAnswer) {
  say(kAnn, Role::kUser, "what colour is the bicycle?", "m9");
  EXPECT_TRUE(answer(kAnn, "colour bicycle", SearchQuery::Scope::kAll, "m9").hits.empty());
  EXPECT_EQ(answer(kAnn, "colour bicycle").hits.size(), 1u);
}

TEST_F(SearchTest, TaintGoesWithTheWords) {
  note(kAnn, "recipe", "take the walnuts", "external_network");
  const std::vector<TranscriptEntry> turn{
      TranscriptTool{.turn = "m1", .call = "0.0/a", .name = "read", .taint = "untrusted_agent"},
      TranscriptMessage{.role = Role::kAssistant,
                        .content = "It says to send the walnuts away.",
                        .msg_id = "m2",
                        .turn = "m1"}};
  say(kAnn, Role::kUser, "what about walnuts?", "m1");
  ASSERT_TRUE(memory->append_all(kAnn, turn));
  std::vector<std::string> taints;
  for (const SearchHit& hit : answer(kAnn, "walnuts").hits)
    taints.push_back(hit.source + ":" + hit.taint);
  std::ranges::sort(taints);
  EXPECT_EQ(taints, (std::vector<std::string>{"note:external_network",
                                              "session:", "session:untrusted_agent"}));
}

TEST_F(SearchTest, WhatIsNotUsedForWeeksLosesWeight) {
  const auto week = 24h * 7;
  EXPECT_DOUBLE_EQ(confidence_after(week - 1ms), 1);
  EXPECT_DOUBLE_EQ(confidence_after(week), 0.9);
  EXPECT_DOUBLE_EQ(confidence_after(week * 2), 0.81);
  EXPECT_DOUBLE_EQ(confidence_after(week * 500), 0.1);
  note(kAnn, "a", "the gate code is 1");
  clock.time += week * 8;
  note(kAnn, "b", "the gate code is 2");
  EXPECT_EQ(best(kAnn, "gate code"), "b: the gate code is 2");
  // Using it makes it fresh again; what was dropped stays away.
  clock.time += week * 8;
  ASSERT_TRUE(memory->drop_note(kAnn, "b"));
  EXPECT_EQ(texts(kAnn, "gate code"), std::vector<std::string>{"a: the gate code is 1"});
  EXPECT_DOUBLE_EQ(answer(kAnn, "gate code").hits.at(0).confidence, 1);
}

TEST_F(SearchTest, ADamagedIndexIsBuiltAnew) {
  note(kAnn, "pet", "a cat called Mia");
  EXPECT_FALSE(texts(kAnn, "cat").empty());
  search.reset();
  for (const auto& entry : fs::directory_iterator(folder.path / "index"))
    std::ofstream(entry.path(), std::ios::trunc) << std::string(8192, 'x');
  reopen(hashed_embeddings());
  EXPECT_EQ(best(kAnn, "cat"), "pet: a cat called Mia");
}

// A model that knows two words for one thing.
Task<Result<std::vector<Vector>>> look_up(std::size_t* seen, std::vector<std::string> texts) {
  *seen += texts.size();
  std::vector<Vector> vectors;
  for (const std::string& text : texts) {
    const bool car = text.contains("car") || text.contains("automobile");
    vectors.push_back(car ? Vector{1, 0} : Vector{0, 1});
  }
  co_return vectors;
}

Embeddings thesaurus(std::size_t& seen) {
  return {.id = "thesaurus",
          .described = "test",
          .remote = [&seen](Ctx, Payer, std::vector<std::string> texts) {
            return look_up(&seen, std::move(texts));
          }};
}

Task<Result<std::vector<Vector>>> nobody(Ctx, Payer, std::vector<std::string>) {
  co_return fail(Code::kUnavailable, "nobody is there");
}

TEST_F(SearchTest, ASynonymIsFoundByAModelAndEachTextIsEmbeddedOnce) {
  std::size_t seen = 0;
  reopen(thesaurus(seen));
  note(kAnn, "garage", "the car is red");
  note(kAnn, "kitchen", "the kettle is blue");
  EXPECT_EQ(best(kAnn, "automobile"), "garage: the car is red");
  EXPECT_EQ(seen, 3u);
  EXPECT_EQ(best(kAnn, "automobile"), "garage: the car is red");
  EXPECT_EQ(seen, 4u);  // the question alone
  note(kAnn, "bath", "the towel is green");
  EXPECT_EQ(best(kAnn, "automobile"), "garage: the car is red");
  EXPECT_EQ(seen, 6u);
}

TEST_F(SearchTest, AnotherModelComputesAllAnew) {
  note(kAnn, "garage", "the car is red");
  EXPECT_FALSE(texts(kAnn, "car").empty());
  std::size_t seen = 0;
  reopen(thesaurus(seen));
  EXPECT_EQ(best(kAnn, "automobile"), "garage: the car is red");
}

TEST_F(SearchTest, WithoutAModelThatAnswersWordsStillFind) {
  reopen({.id = "down", .described = "test", .remote = nobody});
  note(kAnn, "garage", "the car is red");
  const SearchAnswer found = answer(kAnn, "car");
  ASSERT_EQ(found.hits.size(), 1u);
  EXPECT_FALSE(found.notes.empty());
  EXPECT_TRUE(found.notes.back().contains("nobody is there")) << found.notes.back();
}

TEST_F(SearchTest, FewIndexesStayOpen) {
  config.indexes_open_max = 2;
  reopen(hashed_embeddings());
  for (int i = 0; i < 6; ++i) {
    const Conversation who{"xmpp", fmt::format("p{}@ex.org", i), ""};
    note(who, "number", fmt::format("my number is {}", i));
    EXPECT_EQ(best(who, "number"), fmt::format("number: my number is {}", i));
  }
  EXPECT_EQ(best({"xmpp", "p0@ex.org", ""}, "number"), "number: my number is 0");
}

TEST_F(SearchTest, WritingWithoutBlanksIsSearchedByItsCharacters) {
  note(kAnn, "city", "東京に住んでいます");
  note(kAnn, "other", "京都は古い");
  EXPECT_EQ(best(kAnn, "東京"), "city: 東京に住んでいます");
}

}  // namespace
}  // namespace skep::memory
