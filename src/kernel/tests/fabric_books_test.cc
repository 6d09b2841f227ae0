#include "skep/kernel/fabric_books.h"

#include <gtest/gtest.h>

#include "skep/kernel/kernel.h"
#include "temp_home.h"

namespace skep::kernel {
namespace {

struct Read {
  explicit Read(const std::string& text)
      : file(ConfigFile::parse("[llm]\nprovider = \"demo\"\n" + text, "test.toml").value()),
        config(KernelConfig::read(file, "/nowhere")) {}
  ConfigFile file;
  KernelConfig config;
};

TEST(StreamsConfig, IsOffUntilSomebodyTakesTheTurns) {
  EXPECT_FALSE(Read("").config.streams.enabled);
  EXPECT_TRUE(Read("[streams]\nurl = \"nats://127.0.0.1:4222\"\n").config.streams.enabled);
  EXPECT_TRUE(Read("[streams]\nenabled = true\n").config.streams.enabled);
  EXPECT_FALSE(Read("[streams]\nurl = \"nats://h:1\"\nenabled = false\n").config.streams.enabled);
}

TEST(StreamsConfig, SaysWhatIsWrong) {
  for (const std::string text :
       {"[streams]\nurl = \"http://h:1\"\n", "[streams]\nbytes_max = 1\n",
        "[streams]\nwaiting_max = 0\n", "[fabric]\nconfig_from = [\"no hive\"]\n"}) {
    EXPECT_EQ(Read(text).file.problems().size(), 1u) << text;
  }
}

class FabricBooksTest : public testing::Test {
 protected:
  FabricBooks::Config main() const {
    return {.home = home.path(), .router = "RT.main", .main = true};
  }
  const TempHome home;
  Loop loop;
};

TEST_F(FabricBooksTest, RoutesAndZonesHoldOverARestart) {
  for (int start = 0; start < 2; ++start) {
    auto router = *fabric::Router::open({.hive = "lab"});
    auto books = *FabricBooks::open(loop, *router, main());
    fabric::ConfigRegion region;
    if (start == 0) {
      const json::object drop{{"prefix", "AI.bad.*"}, {"action", "DROP"}};
      const json::value answer = books->config_log().command("add_route", drop);
      EXPECT_EQ(get_string(answer, "status"), "ok");
    }
    books->complete(region);
    EXPECT_EQ(region.routes_version, 1u);
    EXPECT_EQ(region.routes_origin, "lab");
    EXPECT_EQ(books->config_log().rules().routes.size(), 1u);
    loop.run(books->close({}));
  }
}

TEST_F(FabricBooksTest, TwoRoutersOfOneNameDoNotShareTurns) {
  auto one = *fabric::Router::open({.hive = "lab"}), two = *fabric::Router::open({.hive = "lab"});
  FabricBooks::Config config = main();
  config.streams.enabled = true;
  auto books = *FabricBooks::open(loop, *one, config);
  EXPECT_FALSE(books->streams_status().empty());
  auto same = FabricBooks::open(loop, *two, config);
  ASSERT_FALSE(same);
  EXPECT_EQ(same.error().code, Code::kConflict);
  config.main = false, config.router = "RT.two";
  auto other = FabricBooks::open(loop, *two, config);
  ASSERT_TRUE(other) << other.error().message;
  loop.run((*other)->close({}));
  loop.run(books->close({}));
}

}  // namespace
}  // namespace skep::kernel
