#include "skep/kernel/kernel.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "temp_home.h"

namespace skep::kernel {
namespace {

KernelConfig demo_config(const std::string& home) {
  ConfigFile file = ConfigFile::parse("[llm]\nprovider = \"demo\"\n", "test.toml").value();
  return KernelConfig::read(file, home);
}

Task<Result<void>> say(Kernel* kernel, std::string text, std::string* reply) {
  channels::WebChannel::ChatRequest request{.peer = "ann@cli", .text = std::move(text)};
  channels::ChatSink sink = [reply](channels::ChatEvent event) -> Task<Result<void>> {
    auto take = [](channels::ChatEvent e, std::string* out) -> Task<Result<void>> {
      if (e.type == channels::ChatEvent::Type::kReply) *out = e.text;
      co_return Result<void>{};
    };
    return take(std::move(event), reply);
  };
  const Ctx ctx;
  const Ctx bounded = ctx.within(std::chrono::seconds(20));
  co_return co_await kernel->web().chat(bounded, std::move(request), std::move(sink));
}

Task<Result<std::string>> open_say_close(Loop* loop, KernelConfig config, std::string text) {
  SKEP_CO_TRY(auto kernel, co_await Kernel::open(*loop, std::move(config), KernelOptions()));
  std::string reply;
  SKEP_CO_TRY_VOID(co_await say(kernel.get(), std::move(text), &reply));
  const Ctx ctx;
  const Ctx bounded = ctx.within(std::chrono::seconds(5));
  co_await kernel->close(bounded);
  co_return reply;
}

TEST(Kernel, AnswersWithNothingButAHome) {
  const TempHome home;
  Loop loop;
  const auto reply = loop.run(open_say_close(&loop, demo_config(home.path()), "hello"));
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_TRUE(reply->contains("demo model")) << *reply;
}

TEST(Kernel, RemembersAcrossProcesses) {
  const TempHome home;
  for (const auto& [text, expected] :
       {std::pair{"remember that color is blue", ""}, std::pair{"recall color", "blue"}}) {
    Loop loop;
    const auto reply = loop.run(open_say_close(&loop, demo_config(home.path()), text));
    ASSERT_TRUE(reply) << reply.error().message;
    EXPECT_TRUE(reply->contains(expected)) << *reply;
  }
}

// What is kept of a turn's tools is what the model was told. Each byte of it is paid for with every
// request, so that more of them is a decision.
TEST(Kernel, TheToolsOfAFreshHomeAreFewBytes) {
  const TempHome home;
  Loop loop;
  ASSERT_TRUE(loop.run(open_say_close(&loop, demo_config(home.path()), "hello")));
  std::vector<std::string> kept;
  for (const auto& entry : std::filesystem::directory_iterator(home.path() + "/turns/tools"))
    kept.push_back(entry.path());
  ASSERT_EQ(kept.size(), 1u);
  const std::uintmax_t bytes = std::filesystem::file_size(kept.front());
  RecordProperty("bytes", static_cast<int>(bytes));
  EXPECT_LE(bytes, 4000u);
  EXPECT_GE(bytes, 1000u) << "the tools are missing";
}

Task<Code> open_twice(Loop* loop, std::string home) {
  auto first = co_await Kernel::open(*loop, demo_config(home), KernelOptions());
  auto second = co_await Kernel::open(*loop, demo_config(home), KernelOptions());
  const Code code = second ? Code::kInternal : second.error().code;
  const Ctx ctx;
  if (first) co_await (*first)->close(ctx);
  co_return code;
}

TEST(Kernel, RefusesASecondOnTheSameHome) {
  const TempHome home;
  Loop loop;
  EXPECT_EQ(loop.run(open_twice(&loop, home.path())), Code::kConflict);
}

}  // namespace
}  // namespace skep::kernel
