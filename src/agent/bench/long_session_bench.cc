// What a session of 2,000 messages costs each turn: reading the plan of its compaction, and the
// prompt.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "compact.h"
#include "skep/agent/prompt.h"
#include "skep/agent/repair.h"

namespace skep::agent {
namespace {

using memory::TranscriptMessage;

constexpr int kMessages = 2000;
constexpr int kBudget = 50'000;  // the default history_token_budget

std::vector<memory::TranscriptEntry> long_session() {
  std::vector<memory::TranscriptEntry> entries;
  for (int i = 0; i < kMessages; ++i) {
    TranscriptMessage message{
        .role = i % 2 == 0 ? TranscriptMessage::Role::kUser : TranscriptMessage::Role::kAssistant,
        .msg_id = fmt::format("m{}", i)};
    message.content = fmt::format("Message {}: ", i);
    for (int k = 0; k < 6; ++k) message.content += "the bees fly over the hill when it is warm. ";
    if (i % 4 == 3)
      entries.emplace_back(memory::TranscriptTool{.turn = message.msg_id,
                                                  .call = "0.0/c",
                                                  .name = "memory_recall",
                                                  .arguments = R"({"query":"bees"})",
                                                  .result = "They fly."});
    entries.emplace_back(std::move(message));
  }
  return entries;
}

void prompt_of_a_long_session(benchmark::State& state) {
  PromptInput input{.agent_name = "Skep",
                    .history = long_session(),
                    .newest = {TextPart{"And now?"}},
                    .channel = "xmpp",
                    .peer = "ann@example.org",
                    .history_token_budget = kBudget};
  for (auto _ : state) {
    Prompt prompt = assemble(input);
    benchmark::DoNotOptimize(prompt);
  }
}
BENCHMARK(prompt_of_a_long_session)->Unit(benchmark::kMicrosecond);

void plan_of_a_long_session(benchmark::State& state) {
  const auto entries = long_session();
  for (auto _ : state) {
    auto plan = plan_compaction(entries, kBudget);
    benchmark::DoNotOptimize(plan);
  }
}
BENCHMARK(plan_of_a_long_session)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace skep::agent
