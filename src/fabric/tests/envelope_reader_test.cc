#include <fmt/format.h>
#include <gtest/gtest.h>

#include <random>

#include "skep/base/text.h"
#include "skep/fabric/envelope.h"

namespace skep::fabric {
namespace {

bool same(EnvelopeView::Range a, EnvelopeView::Range b) {
  return a.begin == b.begin && a.end == b.end;
}

// Every field: that the two point to the same places is as much as to say the same.
bool same(const EnvelopeView& a, const EnvelopeView& b) {
  const auto text = [](std::string_view x, std::string_view y) {
    return x == y && (x.empty() || x.data() == y.data());
  };
  return text(a.json, b.json) && a.src == b.src && text(a.src_name, b.src_name) && a.to == b.to &&
         a.dst_node == b.dst_node && text(a.dst_text, b.dst_text) && a.ttl == b.ttl &&
         a.vpn == b.vpn && text(a.trace, b.trace) && text(a.type, b.type) && text(a.msg, b.msg) &&
         text(a.target, b.target) && text(a.scope, b.scope) && text(a.thread_id, b.thread_id) &&
         text(a.id, b.id) && a.has_thread_seq == b.has_thread_seq &&
         a.has_action_class == b.has_action_class && a.ack == b.ack && text(a.meta, b.meta) &&
         text(a.payload, b.payload) && same(a.routing_at, b.routing_at) &&
         same(a.meta_at, b.meta_at) && same(a.ttl_at, b.ttl_at) && same(a.dst_at, b.dst_at) &&
         same(a.src_name_at, b.src_name_at) && same(a.vpn_at, b.vpn_at);
}

// Ok with the same view, or the same error.
testing::AssertionResult reads_alike(EnvelopeReader& reader, std::string_view json) {
  const auto plain = read_envelope(json);
  const auto quick = reader.read(json);
  if (plain.has_value() != quick.has_value())
    return testing::AssertionFailure() << json << ": " << (plain ? "good" : plain.error().message)
                                       << " but " << (quick ? "good" : quick.error().message);
  if (!plain && plain.error().message == quick.error().message) return testing::AssertionSuccess();
  if (plain && same(*plain, **quick)) return testing::AssertionSuccess();
  return testing::AssertionFailure() << json << " reads differently";
}

std::string frame(std::string_view dst, int seq, std::string_view words) {
  return fmt::format(
      R"({{"routing":{{"src":"{}","src_l2_name":"AI.a@h","dst":{},"ttl":15,"trace_id":"{}"}},)"
      R"("meta":{{"thread_seq":{},"type":"user","id":"{}","retries":3,"ack":true}},)"
      R"("payload":{{"type":"text","content":"{}","attachments":[]}}}})",
      Uuid::random().str(), dst, Uuid::random().str(), seq, Uuid::random().str(), words);
}

TEST(EnvelopeReader, ReadsEachFrameOfASenderAsIfItWereTheFirst) {
  EnvelopeReader reader;
  for (int i = 0; i < 200; ++i) {
    const std::string words = fmt::format("{} of many words", std::string(i % 7 * 40, 'w'));
    ASSERT_TRUE(reads_alike(reader, frame(R"("AI.b@h")", 100 + i, words)));
    ASSERT_TRUE(reads_alike(reader, frame(i % 2 == 0 ? R"("AI.c@h")" : "null", i, "\\n\\u00e9")));
  }
}

TEST(EnvelopeReader, SeesThatATextOfTheSameLengthIsAnotherKindOfDestination) {
  EnvelopeReader reader;
  const std::string uuid = Uuid::random().str();
  for (const std::string& dst : {uuid, Uuid::random().str(), std::string(36, 'x'), uuid}) {
    ASSERT_TRUE(reads_alike(reader, frame('"' + dst + '"', 7, "words")));
  }
  for (const char* dst : {"\"AI.bees@h\"", "\"broadcast\"", "\"AI.ants@h\""}) {
    ASSERT_TRUE(reads_alike(reader, frame(dst, 7, "words")));
  }
}

TEST(EnvelopeReader, RefusesWhatIsRefusedWithoutMemory) {
  struct Row {
    std::string_view from, to;
  };
  for (const Row& row : {Row{R"("ttl":15)", R"("ttl":99)"},
                         {R"("thread_seq":10)", R"("thread_seq":1x)"},
                         {R"("thread_seq":10)", R"("thread_seq":1-)"},
                         {R"("type":"user")", R"("type":"us\nr")"},
                         {R"("type":"user")", R"("type":"us""r")"},
                         {R"("type":"user")", "\"type\":\"us\x01r\""},
                         {R"("type":"user")", "\"type\":\"u\xc3\xa9r\""},
                         {R"("type":"user")", "\"type\":\"us\xe9r\""},
                         {R"("type":"user")", R"("tipe":"user")"},
                         {R"("ack":true)", R"("ack":tree)"},
                         {R"("attachments":[])", R"("attachments":[}])"},
                         {R"(words)",
                          "wor\xff"
                          "s"},
                         {R"(words)", R"(wor\x)"},
                         {R"(words)", R"(wo"ds)"}}) {
    EnvelopeReader reader;
    const std::string good = frame(R"("AI.b@h")", 10, "words");
    ASSERT_TRUE(reads_alike(reader, good));
    ASSERT_TRUE(reads_alike(reader, good));
    ASSERT_TRUE(reads_alike(reader, replace_all(good, row.from, row.to))) << row.to;
    std::string no_src = good;
    no_src[20] = 'g';
    ASSERT_TRUE(reads_alike(reader, no_src));
    for (std::size_t cut = good.size() - 100; cut < good.size(); ++cut) {
      ASSERT_TRUE(reads_alike(reader, std::string_view(good).substr(0, cut)));
    }
    ASSERT_TRUE(reads_alike(reader, good + " "));
    ASSERT_TRUE(reads_alike(reader, good + "}"));
  }
}

TEST(EnvelopeReader, AgreesAboutFramesWithOneByteOfAnother) {
  std::mt19937 random(7);
  const auto below = [&](std::size_t n) { return random() % n; };
  for (int round = 0; round < 60; ++round) {
    EnvelopeReader reader;
    for (int i = 0; i < 100; ++i) {
      std::string json = frame(R"("AI.b@h")", 10 + i % 90, "some words that are said");
      ASSERT_TRUE(reads_alike(reader, json));
      for (std::size_t n = below(3); n > 0; --n) {
        const std::size_t at = below(json.size());
        json[at] = below(2) == 0 ? static_cast<char>(random()) : json[below(json.size())];
      }
      ASSERT_TRUE(reads_alike(reader, json));
    }
  }
}

TEST(EnvelopeReader, ForgetsWhenToldAndLearnsAgain) {
  EnvelopeReader reader;
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(reads_alike(reader, frame(R"("AI.b@h")", 10, "words")));
    if (i % 3 == 0) reader.forget();
  }
}

}  // namespace
}  // namespace skep::fabric
