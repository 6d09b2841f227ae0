#include "skep/model/role.h"

#include <gtest/gtest.h>

namespace skep {
namespace {

TEST(Role, HasANameAndAnOrder) {
  for (const Role role : {Role::kViewer, Role::kUser, Role::kAdmin, Role::kOwner})
    EXPECT_EQ(role_from(role_name(role)), role);
  EXPECT_LT(Role::kNone, Role::kViewer);
  EXPECT_LT(Role::kAdmin, Role::kOwner);
  for (std::string_view none : {"", "none", "User", "superuser", "owner "})
    EXPECT_EQ(role_from(none), std::nullopt) << none;
}

TEST(Role, TravelsInAMessageAndIsNoneWhenItIsNoRole) {
  Message message;
  EXPECT_EQ(role_in(message), std::nullopt);
  put_role(message, Role::kAdmin);
  const auto read = message_from_json(to_json_value(message));
  ASSERT_TRUE(read);
  EXPECT_EQ(role_in(*read), Role::kAdmin);
  for (std::string_view bad : {R"(4)", R"("emperor")", R"({})", R"(null)"}) {
    message.meta["role"] = *parse_json(bad);
    EXPECT_EQ(role_in(message), Role::kNone) << bad;
  }
  drop_role(message);
  EXPECT_EQ(role_in(message), std::nullopt);
}

}  // namespace
}  // namespace skep
