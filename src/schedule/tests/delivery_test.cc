#include "skep/schedule/delivery.h"

#include <gtest/gtest.h>

namespace skep::schedule {
namespace {

using Way = Delivery::Way;

TEST(Delivery, ReadsWhereAnAnswerGoes) {
  const struct {
    const char* text;
    Way way;
    const char* to;
  } table[] = {{"webhook:https://example.org/h?a=b", Way::kWebhook, "https://example.org/h?a=b"},
               {" webhook: ops ", Way::kWebhook, "ops"},
               {"file:notes/a b.md", Way::kFile, "notes/a b.md"},
               {"mail:ann+x@example.org", Way::kMail, "ann+x@example.org"}};
  for (const auto& [text, way, to] : table) {
    const auto read = Delivery::parse(text);
    ASSERT_TRUE(read) << text << ": " << read.error().message;
    EXPECT_EQ(*read, (Delivery{.way = way, .to = to})) << text;
    EXPECT_EQ(*Delivery::parse(read->text()), *read);
  }
}

TEST(Delivery, RefusesWhatIsNoPlace) {
  for (const char* text :
       {"", "webhook", "webhook:", "post:https://example.org", "webhook:ftp://example.org",
        "webhook:https://example.org/a b", "webhook:two words", "file:", "file:a\nb", "mail:ann",
        "mail:ann@", "mail:@example.org", "mail:ann@example.org,eve@example.org",
        "mail:ann@example.org\r\nBcc: eve@example.org", "mail:<ann@example.org>",
        "mail:-x@example.org", "file:\xff"}) {
    EXPECT_FALSE(Delivery::parse(text)) << text;
  }
  EXPECT_FALSE(Delivery::parse("webhook:https://example.org/" + std::string(3000, 'x')));
  EXPECT_FALSE(Delivery::parse("mail:" + std::string(300, 'x') + "@example.org"));
}

TEST(Delivery, BoundsHowManyOneJobHas) {
  EXPECT_EQ(parse_deliveries({"file:a", "file:b", "mail:a@b.c"})->size(), 3u);
  EXPECT_FALSE(parse_deliveries({"file:a", "file:b", "file:c", "file:d"}));
  EXPECT_FALSE(parse_deliveries({"file:a", "file: a"}));
}

TEST(Delivery, IsKeptWithWhatBecameOfIt) {
  std::vector<Delivery> all = *parse_deliveries({"file:a", "webhook:ops"});
  all[1].last = "failed: it answered 500";
  all[1].last_at = WallTime(Millis(1'700'000'000'000));
  EXPECT_EQ(*deliveries_from(to_json(all)), all);
  EXPECT_TRUE(deliveries_from(json::value(nullptr))->empty());
  EXPECT_FALSE(deliveries_from(json::array{json::object{{"to", "nowhere"}}}));
}

}  // namespace
}  // namespace skep::schedule
