#include "skep/agent/replay.h"

#include <stdlib.h>

#include <filesystem>

#include "read_only_memory.h"
#include "skep/async/loop.h"
#include "skep/async/wait.h"
#include "skep/base/text.h"
#include "turn_trace.h"

namespace skep::agent {
namespace {

namespace fs = std::filesystem;
using memory::TranscriptEntry;
using memory::TranscriptMessage;

struct StoppedClock final : Clock {
  explicit StoppedClock(WallTime at) : at(at) {}
  [[nodiscard]] WallTime now() const override { return at; }
  WallTime at;
};

struct TempFolder {
  std::string path;
  static Result<TempFolder> make() {
    std::string pattern = (fs::temp_directory_path() / "skep-replay-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) return fail(Code::kInternal, "no temporary folder");
    return TempFolder{std::move(pattern)};
  }
  TempFolder(TempFolder&& other) noexcept : path(std::exchange(other.path, {})) {}
  explicit TempFolder(std::string at) : path(std::move(at)) {}
  ~TempFolder() {
    std::error_code ignored;
    if (!path.empty()) fs::remove_all(path, ignored);
  }
};

// Answers with what was recorded, and notices what it is asked differently.
class RecordedModel final : public llm::Model {
 public:
  RecordedModel(std::vector<json::value> answers, ReplayReport& report)
      : answers_(std::move(answers)), report_(report) {}

  Task<std::expected<llm::Response, llm::Failure>> stream(Ctx, const llm::Request& request,
                                                          llm::EventSink,
                                                          std::function<void()>) override {
    const std::size_t at = report_.model_calls++;
    if (at >= answers_.size()) {
      report_.differences.push_back(
          fmt::format("model call {}: there was none then", report_.model_calls));
      co_return std::unexpected(llm::Failure{.error = {Code::kUnavailable, "not recorded"}});
    }
    const json::value& answer = answers_[at];
    if (get_string(answer, "request") != request_mark(request))
      report_.differences.push_back(
          fmt::format("model call {}: other words go to the model now "
                      "(instructions, tools or history changed)",
                      report_.model_calls));
    co_return read(answer);
  }
  [[nodiscard]] const llm::Driver& driver() const override { return driver_; }
  [[nodiscard]] const llm::LlmConfig& config() const override { return config_; }

 private:
  static std::expected<llm::Response, llm::Failure> read(const json::value& answer) {
    if (const auto code = get_int(answer, "code"))
      return std::unexpected(llm::Failure{
          .error = {static_cast<Code>(*code), std::string(get_string(answer, "error"))}});
    llm::Response response{
        .stop = static_cast<llm::StopReason>(get_int(answer, "stop").value_or(0)),
        .model = std::string(get_string(answer, "model"))};
    const json::value* parts = get_member(answer, "parts");
    auto read = parts == nullptr ? Result<std::vector<Part>>(fail(Code::kCorrupt, "no parts"))
                                 : parts_from_json(*parts);
    if (!read) return std::unexpected(llm::Failure{.error = std::move(read).error()});
    response.parts = *std::move(read);
    return response;
  }

  struct NoDriver final : llm::Driver {
    Task<std::expected<llm::Response, llm::Failure>> attempt(Ctx, const llm::Request&,
                                                             llm::EventSink) override {
      co_return std::unexpected(llm::Failure{.error = {Code::kUnsupported, "a replay"}});
    }
    [[nodiscard]] std::string describe() const override { return "recorded"; }
    [[nodiscard]] std::string model() const override { return "recorded"; }
    [[nodiscard]] bool takes_images() const override { return true; }
    [[nodiscard]] int context_window_tokens() const override { return 0; }  // the budget is given
  };
  std::vector<json::value> answers_;
  ReplayReport& report_;
  NoDriver driver_;
  llm::LlmConfig config_;
};

class RecordedTool final : public tools::Tool {
 public:
  RecordedTool(llm::ToolSpec spec, const json::array& steps, ReplayReport& report)
      : spec_(std::move(spec)), steps_(steps), report_(report) {}
  [[nodiscard]] const llm::ToolSpec& spec() const override { return spec_; }
  [[nodiscard]] bool repeatable() const override { return true; }
  Task<tools::ToolOutput> call(tools::ToolContext context, json::object) override {
    ++report_.tool_calls;
    for (const json::value& step : steps_) {
      if (get_string(step, "s") == "tool" && get_string(step, "place") == context.call_id)
        co_return tools::ToolOutput{std::string(get_string(step, "result")),
                                    get_bool(step, "is_error").value_or(false)};
    }
    report_.differences.push_back(
        fmt::format("{} ({}): was not called then", spec_.name, context.call_id));
    co_return tools::ToolOutput{"not recorded", true};
  }

 private:
  llm::ToolSpec spec_;
  const json::array& steps_;
  ReplayReport& report_;
};

// What was not allowed then has its refusal for a result; nothing is run in any case.
class EverythingAllowed final : public authority::Authority {
 public:
  authority::Decision authorize(const authority::Question&) override {
    return {authority::Decision::Outcome::kAllow, "a replay"};
  }
  Result<void> set_rules(const authority::AuthorityConfig&) override { return {}; }
};

struct Answer final : Inbox {
  std::optional<Message> reply;
  Signal replied;
  Result<void> deliver(Message message) override {
    if (message.kind != Kind::kReply) return {};
    reply = std::move(message);
    replied.notify_all();
    return {};
  }
  // Everything is there already, so it is a matter of moments.
  Task<void> wait() {
    const Ctx ctx = Ctx{}.within(std::chrono::minutes(1));
    while (!reply) {
      if (auto waited = co_await replied.wait(ctx); !waited) co_return;
    }
  }
};

// Up to the message, out of the running session or an archived one.
Result<std::vector<TranscriptEntry>> before_message(memory::Memory& memory,
                                                    const Message& message) {
  const auto cut = [&](std::vector<TranscriptEntry>& entries) {
    const auto own = std::ranges::find_if(entries, [&](const TranscriptEntry& entry) {
      const auto* said = std::get_if<TranscriptMessage>(&entry);
      return said != nullptr && said->msg_id == message.id.str();
    });
    const bool found = own != entries.end();
    entries.erase(own, entries.end());
    return found;
  };
  SKEP_TRY(std::vector<TranscriptEntry> running, memory.history(message.conversation));
  if (cut(running)) return running;
  std::error_code error;
  for (const fs::directory_entry& file :
       fs::directory_iterator(memory.directory(message.conversation) + "/sessions", error)) {
    const auto text = store::read_file(file.path().string());
    if (!text || !text->contains(message.id.str())) continue;
    std::vector<TranscriptEntry> entries;
    for (const std::string_view line : split(*text, '\n')) {
      auto entry = memory::parse_line(line);
      if (entry && !std::holds_alternative<memory::TranscriptTool>(*entry))
        entries.push_back(*std::move(entry));
    }
    if (cut(entries)) return entries;
  }
  return fail(Code::kNotFound, "the conversation of that turn is not there any more");
}

ConversationSettings settings_of(const json::value& turn) {
  return {.personality = std::string(get_string(turn, "personality")),
          .instructions = std::string(get_string(turn, "instructions")),
          .history_token_budget = static_cast<int>(get_int(turn, "history_budget").value_or(0)),
          .identity = std::string(get_string(turn, "identity")),
          .workspace = std::string(get_string(turn, "workspace")),
          .persona = std::string(get_string(turn, "persona"))};
}

std::vector<json::value> model_steps(const json::array& steps) {
  std::vector<json::value> answers;
  for (const json::value& step : steps) {
    if (get_string(step, "s") == "model") answers.push_back(step);
  }
  return answers;
}

}  // namespace

Result<ReplayReport> replay_turn(const json::object& turn, const llm::ToolSpecs& tools,
                                 AgentConfig config, memory::Memory& memory) {
  const json::value whole(turn);
  const json::value* said = get_member(whole, "message");
  const json::array* steps = get_array(whole, "steps");
  const auto now = parse_rfc3339(get_string(whole, "now"));
  if (said == nullptr || steps == nullptr || !now)
    return fail(Code::kCorrupt, "the record of that turn is not whole");
  if (get_member(whole, "parent") != nullptr)
    return fail(Code::kUnsupported, "a sub-agent's part is replayed with the turn it belongs to");
  if (get_bool(whole, "resumed").value_or(false))
    return fail(Code::kUnsupported,
                "that turn was begun by another process, whose part of it is "
                "not recorded");
  SKEP_TRY(Message message, message_from_json(*said));
  SKEP_TRY(std::vector<TranscriptEntry> before, before_message(memory, message));
  SKEP_TRY(const TempFolder temp, TempFolder::make());

  ReplayReport report;
  const StoppedClock clock(*now);
  Loop loop;
  ReadOnlyMemory past(memory, std::move(before));  // the texts as they are now
  RecordedModel model(model_steps(*steps), report);
  tools::Toolbox toolbox;
  for (const llm::ToolSpec& spec : tools)
    SKEP_TRY_VOID(toolbox.add(std::make_unique<RecordedTool>(spec, *steps, report)));
  SKEP_TRY(auto journal, store::Journal::open({.directory = temp.path + "/journal"}));
  SKEP_TRY(auto ledger, memory::Ledger::open({.directory = temp.path + "/usage"}, clock));
  SKEP_TRY(auto audit, authority::AuditLog::open(temp.path, clock));
  SKEP_TRY(auto approvals, authority::Approvals::open({}, *journal, *audit, clock));
  EverythingAllowed authority;
  Answer answer;
  config.name = get_string(whole, "agent");
  AgentDeps deps{.loop = loop,
                 .model = model,
                 .toolbox = toolbox,
                 .memory = past,
                 .ledger = *ledger,
                 .journal = *journal,
                 .authority = authority,
                 .approvals = *approvals,
                 .audit = *audit,
                 .out = answer,
                 .clock = clock,
                 .settings = [&](const Conversation&) { return settings_of(whole); }};
  SKEP_TRY(auto agent, Agent::open(std::move(config), std::move(deps)));
  message.wants_progress = false;
  SKEP_TRY_VOID(agent->deliver(std::move(message)));
  loop.run(answer.wait());
  loop.run(agent->close(Ctx{}));
  if (!answer.reply) return fail(Code::kInternal, "the replay came to no answer");
  report.text = text_of(answer.reply->parts);
  if (report.text != get_string(whole, "text"))
    report.differences.emplace_back("the answer is another one");
  return report;
}

}  // namespace skep::agent
