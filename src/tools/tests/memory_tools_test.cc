#include <gtest/gtest.h>

#include <filesystem>

#include "skep/async/loop.h"
#include "skep/tools/builtin.h"

namespace skep::tools {
namespace {

class MemoryToolsTest : public testing::Test {
 protected:
  MemoryToolsTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "skep-tools-XXXXXX").string();
    path = ::mkdtemp(pattern.data());
    memory = std::move(*memory::Memory::open({.path = path.string()}));
    EXPECT_TRUE(toolbox.add(make_memory_store(*memory, Clock::system())));
    EXPECT_TRUE(toolbox.add(make_memory_recall(*memory)));
  }
  ~MemoryToolsTest() override {
    memory.reset();
    std::filesystem::remove_all(path);
  }
  ToolOutput call(std::string name, json::object arguments, std::string peer = "ann@example.org") {
    ToolCall wanted{.id = "c1", .name = std::move(name), .arguments = std::move(arguments)};
    ToolContext context{.conversation = {"xmpp", std::move(peer), ""}, .turn = "t", .call_id = "c"};
    return loop.run(toolbox.call(std::move(context), wanted));
  }
  std::filesystem::path path;
  Loop loop;
  std::unique_ptr<memory::Memory> memory;
  Toolbox toolbox;
};

TEST_F(MemoryToolsTest, StoresAndRecalls) {
  EXPECT_EQ(call("memory_store", {{"key", "pet"}, {"content", "a cat, Mia"}}).text,
            "Stored under \"pet\".");
  EXPECT_EQ(call("memory_store", {{"key", " city "}, {"content", "Porto"}}).text,
            "Stored under \"city\".");
  EXPECT_EQ(call("memory_recall", {{"query", ""}}).text, "1. [pet] a cat, Mia\n2. [city] Porto");
  EXPECT_EQ(call("memory_recall", {{"query", "MIA"}}).text, "1. [pet] a cat, Mia");
  EXPECT_EQ(call("memory_recall", {{"query", "dog"}}).text, "No note matches.");
}

TEST_F(MemoryToolsTest, TheSameKeyReplaces) {
  call("memory_store", {{"key", "pet"}, {"content", "cat"}});
  call("memory_store", {{"key", "pet"}, {"content", "dog"}});
  EXPECT_EQ(call("memory_recall", {{"query", ""}}).text, "1. [pet] dog");
}

TEST_F(MemoryToolsTest, NotesBelongToThePeer) {
  call("memory_store", {{"key", "pet"}, {"content", "cat"}});
  EXPECT_EQ(call("memory_recall", {{"query", ""}}, "bob@example.org").text, "There are no notes.");
}

TEST_F(MemoryToolsTest, RefusalsSayWhatToDo) {
  ToolOutput output = call("memory_store", {{"key", std::string(200, 'k')}, {"content", "x"}});
  EXPECT_TRUE(output.is_error);
  EXPECT_TRUE(output.text.contains("at most 128 bytes")) << output.text;
  EXPECT_TRUE(call("memory_store", {{"key", "k"}, {"content", std::string(5000, 'x')}}).is_error);
  EXPECT_TRUE(call("memory_store", {{"key", " "}, {"content", "x"}}).is_error);
  EXPECT_TRUE(call("memory_store", {{"key", "k"}}).is_error);
}

TEST_F(MemoryToolsTest, ALongListIsCutWithAHint) {
  for (int i = 0; i < 10; ++i)
    call("memory_store", {{"key", fmt::format("k{}", i)}, {"content", std::string(4000, 'x')}});
  ToolOutput output = call("memory_recall", {{"query", ""}});
  EXPECT_LT(output.text.size(), 17'000u);
  EXPECT_TRUE(output.text.ends_with("(7 more; use a narrower query)"))
      << output.text.substr(output.text.size() - 60);
}

TEST_F(MemoryToolsTest, StoringIsNotRepeatableRecallingIs) {
  EXPECT_FALSE(toolbox.find("memory_store")->repeatable());
  EXPECT_TRUE(toolbox.find("memory_recall")->repeatable());
}

}  // namespace
}  // namespace skep::tools
