#include "skep/tools/result_store.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "skep/async/loop.h"

namespace skep::tools {
namespace {

namespace fs = std::filesystem;

class LongTool final : public Tool {
 public:
  explicit LongTool(std::string text) : text_(std::move(text)) {
    spec_ = {"long", "Long.", *parse_json(R"({"type":"object"})")};
  }
  [[nodiscard]] const llm::ToolSpec& spec() const override { return spec_; }
  [[nodiscard]] bool repeatable() const override { return true; }
  Task<ToolOutput> call(ToolContext, json::object) override { co_return ToolOutput{text_, false}; }

 private:
  llm::ToolSpec spec_;
  std::string text_;
};

class ResultStoreTest : public testing::Test {
 protected:
  ResultStoreTest() {
    std::string pattern = (fs::temp_directory_path() / "skep-results-XXXXXX").string();
    root = ::mkdtemp(pattern.data());
  }
  ~ResultStoreTest() override { fs::remove_all(root); }
  ToolOutput call(std::string name, json::object arguments, const Conversation& who) {
    const ToolCall wanted{.id = "c1", .name = std::move(name), .arguments = std::move(arguments)};
    return loop.run(toolbox.call({.conversation = who, .turn = "t1", .call_id = "c1"}, wanted));
  }
  std::string handle_in(const std::string& text) {
    const std::size_t at = text.find("\"handle\":\"");
    return at == std::string::npos ? "" : text.substr(at + 10, 16);
  }
  void offer(std::string text) {
    ASSERT_TRUE(toolbox.add(std::make_unique<LongTool>(std::move(text))));
    ASSERT_TRUE(toolbox.add(make_result_read(store)));
    toolbox.keep_long_results(store, 50'000);
  }

  const Conversation ann{"xmpp", "ann@ex", ""}, bob{"xmpp", "bob@ex", ""};
  std::string root;
  Loop loop;
  ResultStore store{[this](const Conversation& c) { return root + "/" + c.peer; }};
  Toolbox toolbox;
};

TEST_F(ResultStoreTest, TheModelReadsOnWhereAResultWasCut) {
  std::string text;
  for (int i = 0; text.size() < 300'000; ++i) text += fmt::format("line {}\n", i);
  offer(text);
  const ToolOutput cut = call("long", {}, ann);
  EXPECT_LE(cut.text.size(), 50'000u);
  EXPECT_NE(cut.text.find(fmt::format("of {} bytes", text.size())), std::string::npos);
  const std::string handle = handle_in(cut.text);
  const ToolOutput piece =
      call("result_read", {{"handle", handle}, {"offset", 100'000}, {"bytes", 50}}, ann);
  EXPECT_EQ(piece.text, fmt::format("[bytes 100000 to 100050 of {}]\n{}", text.size(),
                                    text.substr(100'000, 50)));
  const ToolOutput found = call("result_read", {{"handle", handle}, {"find", "line 20000\n"}}, ann);
  EXPECT_NE(found.text.find("\nline 20000\n"), std::string::npos) << found.text.substr(0, 200);
}

TEST_F(ResultStoreTest, NobodyReadsAnothersResult) {
  offer(std::string(100'000, 'x'));
  const std::string handle = handle_in(call("long", {}, ann).text);
  EXPECT_FALSE(call("result_read", {{"handle", handle}}, ann).is_error);
  EXPECT_TRUE(call("result_read", {{"handle", handle}}, bob).is_error);
}

TEST_F(ResultStoreTest, AHandleIsNoPath) {
  offer("short");
  for (const char* bad : {"", "../../secret", "ABCDEF0123456789", "0123456789abcde", "a/../b"}) {
    const ToolOutput out = call("result_read", {{"handle", bad}}, ann);
    EXPECT_EQ(out.text, "Not read: that is no handle of a result.") << bad;
  }
}

TEST_F(ResultStoreTest, TheOldestTextsMakeRoom) {
  std::string first;
  for (int i = 0; i < 6; ++i) {
    auto handle = store.keep(ann, std::string(15u << 20, static_cast<char>('a' + i)));
    ASSERT_TRUE(handle);
    if (i == 0) first = *handle;
  }
  std::uintmax_t held = 0;
  for (const auto& file : fs::directory_iterator(root + "/ann@ex/results"))
    held += file.file_size();
  EXPECT_LE(held, ResultStore::folder_bytes_max);
  EXPECT_EQ(store.read(ann, first).error().code, Code::kNotFound);
}

TEST_F(ResultStoreTest, PiecesEndAtWholeCharacters) {
  std::string text;
  while (text.size() < 60'000) text += "ä";
  offer(text);
  const std::string handle = handle_in(call("long", {}, ann).text);
  const ToolOutput piece =
      call("result_read", {{"handle", handle}, {"offset", 1}, {"bytes", 3}}, ann);
  EXPECT_EQ(piece.text, "[bytes 2 to 4 of 60000]\nä");
}

}  // namespace
}  // namespace skep::tools
