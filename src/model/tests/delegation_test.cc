#include "skep/model/delegation.h"

#include <gtest/gtest.h>

namespace skep {
namespace {

TEST(Delegation, TravelsInAMessage) {
  Message message;
  EXPECT_EQ(delegation_of(message), std::nullopt);
  const Delegation chain{{"AI.a@h", "AI.b@h"}};
  put_delegation(message, chain);
  const auto read = message_from_json(to_json_value(message));
  ASSERT_TRUE(read);
  EXPECT_EQ(delegation_of(*read), chain);
}

TEST(Delegation, OfAnotherFormIsNone) {
  for (std::string_view bad :
       {R"(1)", R"({})", R"({"chain":[]})", R"({"chain":[1]})", R"({"chain":"AI.a@h"})"}) {
    Message message;
    message.meta["delegation"] = *parse_json(bad);
    EXPECT_EQ(delegation_of(message), std::nullopt) << bad;
  }
}

}  // namespace
}  // namespace skep
