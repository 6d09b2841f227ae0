#include "least_rights.h"

#include <gtest/gtest.h>

namespace skep::kernel {
namespace {

using Texts = std::vector<std::string>;

agent::Manifest manifest(std::string_view toml) {
  auto parsed = agent::Manifest::parse(toml, "draft");
  EXPECT_TRUE(parsed) << parsed.error().message;
  return *std::move(parsed);
}

TEST(LeastRights, WantsToolsThatAreNamedAndThere) {
  const Texts tools{"file_read", "web_fetch"};
  EXPECT_EQ(too_much_in(manifest("name = \"x\"\n[capabilities]\ntools = [\"file_read\"]"), tools),
            Texts());
  EXPECT_EQ(too_much_in(manifest("name = \"x\"\n[capabilities]\ntools = []"), tools), Texts());
  EXPECT_EQ(
      too_much_in(manifest("name = \"x\"\n[capabilities]\ntools = [\"web_*\", \"fly\"]"), tools)
          .size(),
      2u);
  EXPECT_EQ(too_much_in(manifest("name = \"x\"\nprofile = \"full\""), tools).size(), 1u);
}

TEST(LeastRights, TakesWhatNoToolCouldUse) {
  constexpr std::string_view kRights =
      "network = [\"*\"]\nshell = [\"make\"]\nagent_message = [\"a\"]\nagent_kill = [\"a\"]\n"
      "agent_spawn = true\nmemory_read = [\"self.*\"]\nmemory_write = [\"self.*\"]\n";
  const auto with = [&](std::string_view tools) {
    agent::Manifest drafted =
        manifest(fmt::format("name = \"x\"\n[capabilities]\ntools = [{}]\n{}", tools, kRights));
    take_unused_rights(drafted);
    return drafted;
  };
  EXPECT_EQ(with(R"("file_read")"),
            manifest("name = \"x\"\n[capabilities]\ntools = [\"file_read\"]"));
  EXPECT_EQ(with(R"("web_fetch")").network, Texts{"*"});
  EXPECT_EQ(with(R"("shell_exec")").shell, Texts{"make"});
  EXPECT_EQ(with(R"("agent_send")").agent_message, Texts{"a"});
  EXPECT_EQ(with(R"("agent_kill")").agent_kill, Texts{"a"});
  EXPECT_EQ(with(R"("agent_spawn")").agent_spawn, true);
  EXPECT_EQ(with(R"("memory_store")").memory_write, Texts{"self.*"});
}

TEST(LeastRights, SaysWhatItCouldDo) {
  EXPECT_EQ(rights_in_words(manifest("name = \"x\"\n[capabilities]\ntools = [\"file_read\"]")),
            Texts());
  EXPECT_EQ(rights_in_words(manifest(
                "name = \"x\"\nschedule = \"continuous\"\n[capabilities]\ntools = [\"web_fetch\", "
                "\"web_search\", \"shell_exec\", \"process_start\"]\nnetwork = [\"a.org\"]")),
            (Texts{"run programs", "read the web (a.org)", "act by itself"}));
}

}  // namespace
}  // namespace skep::kernel
