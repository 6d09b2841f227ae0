#include "skep/identity/people.h"

#include <gtest/gtest.h>

#include "skep/base/text.h"

namespace skep::identity {
namespace {

Result<std::string> lower(std::string_view text) {
  if (!text.contains('@')) return fail(Code::kInvalid, "that is no address");
  return to_lower_ascii(text);
}

struct Read {
  People people;
  std::vector<ConfigProblem> problems;
};

Read read(std::string_view toml) {
  auto file = ConfigFile::parse(toml, "skep.toml", [](std::string_view) { return std::nullopt; });
  EXPECT_TRUE(file);
  People people = People::read(file->root(), lower);
  return {std::move(people), file->problems()};
}

TEST(People, GiveARoleToEachAddress) {
  const Read out = read(R"(
[[users]]
name = "Ann"
role = "owner"
addresses = ["Ann@Example.org", "ann@cli"]
[[users]]
name = "House"
role = "user"
addresses = ["@example.org", "hive:lab"]
[[users]]
name = "Vi"
role = "viewer"
addresses = ["vi@example.org"]
)");
  EXPECT_TRUE(out.problems.empty());
  const std::pair<const char*, Role> expected[] = {{"ann@example.org", Role::kOwner},
                                                   {"ann@cli", Role::kOwner},
                                                   {"bob@example.org", Role::kUser},
                                                   {"vi@example.org", Role::kViewer},
                                                   {"hive:lab/cli/ann", Role::kUser},
                                                   {"hive:lab", Role::kUser},
                                                   {"hive:labs/cli/ann", Role::kNone},
                                                   {"bob@other.org", Role::kNone},
                                                   {"bob@cli", Role::kNone},
                                                   {"example.org", Role::kNone},
                                                   {"", Role::kNone}};
  for (const auto& [peer, role] : expected) EXPECT_EQ(out.people.role_of(peer), role) << peer;
  EXPECT_TRUE(out.people.any());
  EXPECT_FALSE(read("").people.any());
}

TEST(People, RefuseWhatCannotBeMeant) {
  const std::pair<const char*, const char*> bad[] = {
      {"name = \"A\"\nrole = \"boss\"\naddresses = [\"a@x\"]", "role"},
      {"name = \"A\"\nrole = \"User\"\naddresses = [\"a@x\"]", "role"},
      {"name = \"A\"\naddresses = [\"a@x\"]", "viewer, user, admin or owner"},
      {"role = \"user\"\naddresses = [\"a@x\"]", "1 to 64 bytes"},
      {"name = \"A\"\nrole = \"user\"", "where they speak from"},
      {"name = \"A\"\nrole = \"user\"\naddresses = []", "where they speak from"},
      {"name = \"A\"\nrole = \"user\"\naddresses = [\"x\"]", "that is no address"},
      {"name = \"A\"\nrole = \"user\"\naddresses = [\"@cli\"]", "ann@cli"},
      {"name = \"A\"\nrole = \"user\"\naddresses = [\"hive:lab/cli\"]", "hive:lab"},
      {"name = \"A\"\nrole = \"user\"\naddresses = [\"a@x\", \"A@x\"]", "somebody's already"},
      {"name = \"A\"\nrole = \"admin\"\naddresses = [\"@x\"]", "at most the role user"},
      {"name = \"A\"\nrole = \"owner\"\naddresses = [\"hive:lab\"]", "at most the role user"},
      {"name = \"A\"\nrole = \"user\"\naddresses = [\"a@x\"]\ncolour = \"red\"", "unknown key"}};
  for (const auto& [text, said] : bad) {
    const Read out = read(std::string("[[users]]\n") + text);
    ASSERT_EQ(out.problems.size(), 1u) << text;
    const std::string all = out.problems[0].where + ": " + out.problems[0].message;
    EXPECT_NE(all.find(said), std::string::npos) << all;
  }
}

TEST(People, AreNamedOnce) {
  const Read out = read(R"(
[[users]]
name = "Ann"
role = "user"
addresses = ["a@x"]
[[users]]
name = "ann"
role = "owner"
addresses = ["b@x"]
)");
  ASSERT_EQ(out.problems.size(), 1u);
  EXPECT_NE(out.problems[0].message.find("there twice"), std::string::npos);
}

}  // namespace
}  // namespace skep::identity
