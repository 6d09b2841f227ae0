#include "skep/model/event_depth.h"

#include <gtest/gtest.h>

namespace skep {
namespace {

TEST(EventDepth, TravelsInAMessage) {
  Message message;
  EXPECT_EQ(event_depth_of(message), 0);
  put_event_depth(message, 0);
  EXPECT_TRUE(message.meta.empty());
  put_event_depth(message, 3);
  const auto read = message_from_json(to_json_value(message));
  ASSERT_TRUE(read);
  EXPECT_EQ(event_depth_of(*read), 3);
}

TEST(EventDepth, OfAnotherFormIsNone) {
  const std::pair<const char*, int> table[] = {
      {"-5", 0}, {"\"7\"", 0}, {"{}", 0}, {"99999999999", 1'000'000}};
  for (const auto& [text, depth] : table) {
    Message message;
    message.meta["event_depth"] = *parse_json(text);
    EXPECT_EQ(event_depth_of(message), depth) << text;
  }
}

}  // namespace
}  // namespace skep
