#include "skep/base/log.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace skep {
namespace {

class LogFile : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "skep-log-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    dir = pattern;
    testing::internal::CaptureStderr();
  }
  void TearDown() override {
    log::configure({});
    std::filesystem::remove_all(dir);
  }
  std::string file() const { return (dir / "log").string(); }
  std::string content() const {
    std::ifstream in(file());
    return (std::stringstream() << in.rdbuf()).str();
  }
  std::filesystem::path dir;
};

TEST_F(LogFile, HoldsTheSameLinesAsStandardError) {
  log::configure({.level = log::Level::kInfo, .file = file()});
  log::info("xmpp", "hello {}", 7);
  log::debug("xmpp", "unseen");
  std::string line = content();
  EXPECT_TRUE(line.ends_with("Z info  xmpp: hello 7\n")) << line;
  EXPECT_EQ(testing::internal::GetCapturedStderr(), line);
}

TEST_F(LogFile, KeepsAnEventOnOneLine) {
  log::configure({.file = file()});
  log::warn("net", "a\nb\x1b[31m\r{}", "é");
  EXPECT_TRUE(content().ends_with("net: a\\nb\\x1b[31m\\x0dé\n")) << content();
  testing::internal::GetCapturedStderr();
}

TEST_F(LogFile, ThatCannotBeOpenedIsSaidAndTheLogGoesOn) {
  log::configure({.file = (dir / "missing" / "x" / "\0").string() + "/"});
  log::error("net", "still here");
  std::string text = testing::internal::GetCapturedStderr();
  EXPECT_NE(text.find("no log file"), std::string::npos) << text;
  EXPECT_NE(text.find("still here"), std::string::npos) << text;
}

TEST_F(LogFile, LevelOffIsSilent) {
  log::configure({.level = log::Level::kOff});
  log::error("net", "x");
  EXPECT_FALSE(log::enabled(log::Level::kError));
  log::set_level(log::Level::kError);
  EXPECT_TRUE(log::enabled(log::Level::kError));
  EXPECT_FALSE(log::enabled(log::Level::kWarn));
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

}  // namespace
}  // namespace skep
