#include "skep/net/sse.h"

#include <gtest/gtest.h>

namespace skep::net {

void PrintTo(const SseEvent& event, std::ostream* out) {
  *out << "{" << event.event << "|" << event.data << "|" << event.id << "}";
}

namespace {

using Events = std::vector<SseEvent>;

struct Case {
  const char* name;
  std::string text;
  Events events;
};

const Case kCases[] = {
    {"nothing", "", {}},
    {"one event", "data: a\n\n", {{"", "a", ""}}},
    {"named", "event: tick\ndata: a\n\n", {{"tick", "a", ""}}},
    {"without the space", "event:tick\ndata:a\n\n", {{"tick", "a", ""}}},
    {"only one space is dropped", "data:  a\n\n", {{"", " a", ""}}},
    {"CRLF", "event: t\r\ndata: a\r\n\r\ndata: b\r\n\r\n", {{"t", "a", ""}, {"", "b", ""}}},
    {"CR", "data: a\rdata: b\r\rdata: c\r\r", {{"", "a\nb", ""}, {"", "c", ""}}},
    {"mixed ends", "data: a\r\ndata: b\ndata: c\r\r\n", {{"", "a\nb\nc", ""}}},
    {"lines of data", "data: a\ndata: b\ndata:\ndata: d\n\n", {{"", "a\nb\n\nd", ""}}},
    {"empty data", "data\n\n", {{"", "", ""}}},
    {"comments", ": hello\n\n:\ndata: a\n: in between\ndata: b\n\n", {{"", "a\nb", ""}}},
    {"a name without data is no event", "event: ping\n\ndata: a\n\n", {{"", "a", ""}}},
    {"unknown fields", "foo: bar\nfoo\ndata: a\n\n", {{"", "a", ""}}},
    {"an id stays",
     "id: 7\ndata: a\n\ndata: b\n\nid\ndata: c\n\n",
     {{"", "a", "7"}, {"", "b", "7"}, {"", "c", ""}}},
    {"final event without a blank line", "data: a\n\ndata: b\n", {{"", "a", ""}, {"", "b", ""}}},
    {"final event without a line end", "data: a\n\ndata: b", {{"", "a", ""}, {"", "b", ""}}},
    {"colons in data", "data: {\"a\": 1}\n\n", {{"", "{\"a\": 1}", ""}}},
    {"UTF-8",
     "data: \xC3\xA9\xE2\x82\xAC\xF0\x9F\x90\x9D\n\n",
     {{"", "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x90\x9D", ""}}},
    {"byte order mark",
     "\xEF\xBB\xBF"
     "data: a\n\n",
     {{"", "a", ""}}},
    {"many blank lines", "\n\n\ndata: a\n\n\n\n", {{"", "a", ""}}},
    {"done mark", "data: {}\n\ndata: [DONE]\n\n", {{"", "{}", ""}, {"", "[DONE]", ""}}},
};

Result<Events> parse(std::string_view text, std::size_t step, SseLimits limits = {}) {
  SseParser parser(limits);
  Events events;
  for (std::size_t at = 0; at < text.size(); at += step)
    SKEP_TRY_VOID(parser.feed(text.substr(at, step), events));
  SKEP_TRY_VOID(parser.finish(events));
  return events;
}

TEST(SseParser, ReadsTheTableWholeAndByteByByte) {
  for (const Case& c : kCases) {
    for (const std::size_t step :
         {std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{1000}}) {
      const auto events = parse(c.text, step);
      ASSERT_TRUE(events) << c.name;
      EXPECT_EQ(*events, c.events) << c.name << ", step " << step;
    }
  }
}

TEST(SseParser, GivesAnEventAsSoonAsItIsComplete) {
  SseParser parser;
  Events events;
  ASSERT_TRUE(parser.feed("data: a\n\ndata: b\n", events));
  EXPECT_EQ(events, (Events{{"", "a", ""}}));
}

TEST(SseParser, RefusesALineOverTheLimitAndStaysFailed) {
  const std::string line = "data: 0123456789";
  EXPECT_TRUE(parse(line, 1, {.line_bytes_max = line.size()}));
  EXPECT_EQ(parse(line, 1, {.line_bytes_max = line.size() - 1}).error().code, Code::kTooLarge);
  SseParser parser({.line_bytes_max = 4});
  Events events;
  EXPECT_FALSE(parser.feed("data: a\n\n", events));
  EXPECT_EQ(parser.feed("\n", events).error().code, Code::kTooLarge);
  EXPECT_EQ(parser.finish(events).error().code, Code::kTooLarge);
  EXPECT_TRUE(events.empty());
}

TEST(SseParser, RefusesAnEventOverTheLimit) {
  std::string text;
  for (int i = 0; i < 10; ++i) text += "data: 0123456789\n";
  EXPECT_TRUE(parse(text + "\n" + text, 1000, {.data_bytes_max = 109}));
  EXPECT_EQ(parse(text + "\n", 1000, {.data_bytes_max = 108}).error().code, Code::kTooLarge);
}

TEST(SseParser, NotesTheRetryTime) {
  SseParser parser;
  Events events;
  ASSERT_TRUE(parser.feed("retry: 1500\nretry: soon\nretry: -1\n", events));
  EXPECT_EQ(parser.retry_ms(), 1500);
}

}  // namespace
}  // namespace skep::net
