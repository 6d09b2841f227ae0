#include <gtest/gtest.h>

#include "skep/memory/memory.h"

namespace skep::memory {
namespace {

WallTime at(const char* text) { return *parse_rfc3339(text); }

TranscriptMessage full_message() {
  return {.role = TranscriptMessage::Role::kAssistant,
          .content = "four\nlines \"quoted\" \u00fc",
          .msg_id = "01A",
          .sender = "ann@ex.org",
          .ts = at("2026-03-02T08:00:01.250Z"),
          .origin_id = "o1",
          .thread = "th",
          .turn = "01B",
          .model = "demo",
          .usage = {.input = 1, .output = 2, .cache_read = 3, .cache_write = 4},
          .attachments = {{"a.pdf", "application/pdf", "120 KB"}, {"b", "image/png", "unknown"}}};
}

TEST(Transcript, EveryEntryComesBackAsItWasWritten) {
  const TranscriptEntry entries[] = {
      full_message(),
      TranscriptMessage{.content = "hi", .msg_id = "m1", .sender = "ann@ex.org"},
      TranscriptMessage{},
      TranscriptSummary{
          .compacted_count = 12, .content = "so far", .ts = at("2026-03-02T08:00:00Z")},
      TranscriptTool{.turn = "01B",
                     .name = "calc",
                     .arguments = R"({"expr":"2+2", "precise": 1.0})",
                     .result = "4",
                     .is_error = true,
                     .ts = at("2026-03-02T08:00:00Z")},
  };
  for (const TranscriptEntry& entry : entries) {
    const std::string line = to_line(entry);
    EXPECT_EQ(line.find('\n'), std::string::npos);
    EXPECT_EQ(parse_line(line), entry) << line;
  }
}

TEST(Transcript, LeavesOutWhatIsEmpty) {
  EXPECT_EQ(to_line(TranscriptMessage{.content = "hi",
                                      .msg_id = "m1",
                                      .sender = "ann@ex.org",
                                      .ts = at("2026-03-02T08:00:01Z")}),
            R"({"type":"message","role":"user","content":"hi","msg_id":"m1","sender":"ann@ex.org",)"
            R"("ts":"2026-03-02T08:00:01Z"})");
  EXPECT_EQ(to_line(TranscriptSummary{.compacted_count = 3, .content = "x"}),
            R"({"type":"summary","compacted_count":3,"content":"x"})");
}

TEST(Transcript, ReadsTheOlderForms) {
  EXPECT_EQ(parse_line(
                R"({"Summary":{"compacted_count":5,"content":"old","ts":"2026-01-01T00:00:00Z"}})"),
            TranscriptEntry(TranscriptSummary{5, "old", at("2026-01-01T00:00:00Z"), ""}));
  EXPECT_EQ(parse_line(R"({"Message":{"role":"assistant","content":"old"}})"),
            TranscriptEntry(
                TranscriptMessage{.role = TranscriptMessage::Role::kAssistant, .content = "old"}));
  // A reaction of version 1 is a message without text.
  EXPECT_EQ(parse_line(R"({"type":"message","role":"user","content":"","sender":"ann@ex.org",)"
                       R"("reaction":{"message_id":"o7","emojis":["+"]}})"),
            TranscriptEntry(TranscriptMessage{.sender = "ann@ex.org"}));
}

TEST(Transcript, SkipsWhatIsNoEntry) {
  for (const char* line : {
           "",
           " ",
           "{",
           "null",
           "[]",
           "7",
           "\"message\"",
           "{}",
           R"({"type":"session","version":2,"created":"2026-03-02T08:00:00Z","jid":"a@b"})",
           R"({"type":"marker","name":"x"})",
           R"({"type":7})",
           R"({"type":"message"})",
           R"({"type":"message","role":"system","content":"x"})",
           R"({"Summary":7})",
           R"({"Message":[]})",
           R"({"type":"message","role":"user","content":"torn)",
       }) {
    EXPECT_EQ(parse_line(line), std::nullopt) << line;
  }
  EXPECT_EQ(parse_line(std::string(100'000, '[')), std::nullopt);
}

TEST(Transcript, FieldsOfAnotherTypeCountAsMissing) {
  EXPECT_EQ(parse_line(R"({"type":"message","role":"user","content":7,"ts":"yesterday","usage":[],)"
                       R"("attachments":[1,{"filename":2,"size":"3 KB"}],"msg_id":null})"),
            TranscriptEntry(TranscriptMessage{.attachments = {{"", "", "3 KB"}}}));
}

TEST(Transcript, BrokenUtf8DoesNotCostTheLine) {
  const auto entry = parse_line(to_line(TranscriptMessage{.content = "a\xff\xc3z"}));
  EXPECT_EQ(entry, TranscriptEntry(TranscriptMessage{.content = "a\uFFFD\uFFFDz"}));
}

TEST(Transcript, AToolsTextsAreCutBetweenCharacters) {
  std::string long_text;
  for (int i = 0; i < 3000; ++i) long_text += "\u00fc";
  const auto entry =
      parse_line(to_line(TranscriptTool{.arguments = long_text, .result = "x" + long_text}));
  ASSERT_TRUE(entry);
  EXPECT_EQ(std::get<TranscriptTool>(*entry).arguments, long_text.substr(0, 4096));
  EXPECT_EQ(std::get<TranscriptTool>(*entry).result, ("x" + long_text).substr(0, 4095));
}

}  // namespace
}  // namespace skep::memory
