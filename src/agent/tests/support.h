// An agent between a scripted model and a channel that records, on a real journal and a real
// memory.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "skep/agent/agent.h"
#include "skep/async/loop.h"
#include "skep/async/wait.h"
#include "skep/base/text.h"

namespace skep::agent::testing {

struct FakeClock : Clock {
  WallTime time = *parse_rfc3339("2026-03-02T08:00:00Z");
  [[nodiscard]] WallTime now() const override { return time; }
};

struct TempDir {
  std::filesystem::path path;
  TempDir() {
    std::string pattern = (std::filesystem::temp_directory_path() / "skep-agent-XXXXXX").string();
    path = ::mkdtemp(pattern.data());
  }
  ~TempDir() { std::filesystem::remove_all(path); }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
};

// Answers with what was put in line; holds an answer back while told so.
class ScriptedModel : public llm::Model {
 public:
  struct Scene {
    std::expected<llm::Response, llm::Failure> outcome;
    std::vector<std::string> pieces;  // streamed before the outcome
    bool reset_before = false;        // an attempt broke off: on_reset first
    bool hold = false;                // waits for release() or the end of the Ctx
  };

  void says(std::string text, llm::StopReason stop = llm::StopReason::kEnd) {
    add({.parts = {TextPart{std::move(text)}}, .stop = stop});
  }
  void calls(std::vector<ToolCall> wanted, std::string text = {},
             llm::StopReason stop = llm::StopReason::kToolUse) {
    llm::Response response{.stop = stop};
    if (!text.empty()) response.parts.emplace_back(TextPart{std::move(text)});
    for (ToolCall& call : wanted) response.parts.emplace_back(std::move(call));
    add(std::move(response));
  }
  void fails(Code code, std::string message) {
    scenes.push_back(
        {.outcome = std::unexpected(llm::Failure{.error = {code, std::move(message)}})});
  }
  Scene& add(llm::Response response) {
    response.model = "scripted-1";
    response.usage = {.input = 10, .output = 5};
    scenes.push_back({.outcome = std::move(response)});
    return scenes.back();
  }
  void release() { released.notify_all(); }

  Task<std::expected<llm::Response, llm::Failure>> stream(Ctx ctx, const llm::Request& request,
                                                          llm::EventSink sink,
                                                          std::function<void()> on_reset) override {
    requests.push_back(request);
    if (scenes.empty()) {
      ADD_FAILURE() << "the model was asked once too often";
      co_return std::unexpected(llm::Failure{.error = {Code::kInternal, "no scene left"}});
    }
    Scene scene = std::move(scenes.front());
    scenes.pop_front();
    if (scene.reset_before) on_reset();
    for (const std::string& piece : scene.pieces) sink({llm::StreamEvent::Type::kTextDelta, piece});
    if (scene.hold) {
      holding.notify_all();
      ++held;
      Result<void> waited = co_await released.wait(ctx);
      --held;
      if (!waited) co_return std::unexpected(llm::Failure{.error = waited.error()});
    }
    co_return std::move(scene.outcome);
  }
  [[nodiscard]] const llm::Driver& driver() const override { return driver_; }
  [[nodiscard]] const llm::LlmConfig& config() const override { return config_; }

  std::deque<Scene> scenes;
  std::vector<llm::Request> requests;
  Signal released, holding;
  int held = 0;
  llm::LlmConfig config_;

 private:
  struct ScriptedDriver : llm::Driver {
    Task<std::expected<llm::Response, llm::Failure>> attempt(Ctx, const llm::Request&,
                                                             llm::EventSink) override {
      co_return std::unexpected(llm::Failure{});
    }
    [[nodiscard]] std::string describe() const override { return "scripted (scripted-1)"; }
    [[nodiscard]] std::string model() const override { return "scripted-1"; }
    [[nodiscard]] bool takes_images() const override { return true; }
    [[nodiscard]] int context_window_tokens() const override { return 100'000; }
  };
  ScriptedDriver driver_;
};

// Stands for the fabric and the channel behind it.
class RecordingChannel : public Inbox {
 public:
  Result<void> deliver(Message message) override {
    if (message.kind == Kind::kProgress) {
      progress.push_back(*message.progress);
      return {};
    }
    if (refuse) return fail(refuse->code, refuse->message);
    replies.push_back(std::move(message));
    replied.notify_all();
    return {};
  }
  [[nodiscard]] std::string text(std::size_t index) const {
    return index < replies.size() ? text_of(replies[index].parts) : "(no such reply)";
  }

  std::vector<Message> replies;
  std::vector<Progress> progress;
  std::optional<Error> refuse;
  Signal replied;
};

// A tool that writes down its runs.
class CountingTool : public tools::Tool {
 public:
  CountingTool(std::string name, bool repeatable, std::vector<std::string>& runs)
      : repeatable_(repeatable), runs_(runs) {
    spec_ = {std::move(name), "Counts.",
             json::object{{"type", "object"},
                          {"properties", json::object{{"x", json::object{{"type", "string"}}}}}}};
  }
  [[nodiscard]] const llm::ToolSpec& spec() const override { return spec_; }
  [[nodiscard]] bool repeatable() const override { return repeatable_; }
  Task<tools::ToolOutput> call(tools::ToolContext context, json::object arguments) override {
    runs_.push_back(fmt::format("{} {}", spec_.name, to_json(arguments)));
    if (on_run) on_run();
    if (hold != nullptr) {
      Result<void> waited = co_await hold->wait(context.ctx);
      if (!waited) co_return tools::ToolOutput{"stopped", true};
    }
    co_return tools::ToolOutput{fmt::format("result of {}", spec_.name), false};
  }
  Signal* hold = nullptr;
  std::function<void()> on_run;

 private:
  llm::ToolSpec spec_;
  bool repeatable_;
  std::vector<std::string>& runs_;
};

inline ToolCall tool_call(std::string id, std::string name, json::object arguments = {}) {
  return {.id = std::move(id), .name = std::move(name), .arguments = std::move(arguments)};
}

inline const NodeId& channel_node() {
  static const NodeId id{*Uuid::parse("11111111-2222-4333-8444-555555555555")};
  return id;
}

inline Message user_message(std::string text, std::string peer = "ann@example.org") {
  Message message;
  message.id = MessageId(mint_ulid());
  message.trace = "trace-" + message.id.str();
  message.src = channel_node();
  message.src_name = *Name::parse("IO.test@lab");
  message.kind = Kind::kUser;
  message.conversation = {"xmpp", std::move(peer), ""};
  message.reply_address = {"bot@example.org/x", message.conversation.peer + "/phone"};
  message.parts = {TextPart{std::move(text)}};
  return message;
}

class AgentFixture : public ::testing::Test {
 protected:
  AgentFixture() { open(); }
  ~AgentFixture() override { close(); }

  void open() {
    journal = std::move(*store::Journal::open({.directory = (dir.path / "journal").string()}));
    memory = std::move(*memory::Memory::open({.path = (dir.path / "memory").string()}, clock));
    open_ledger({});
    open_authority();
    make_agent();
  }
  void open_authority() {
    audit = std::move(*authority::AuditLog::open(dir.path.string(), clock));
    approvals = std::move(*authority::Approvals::open(approval_config, *journal, *audit, clock));
    authority = std::move(*authority::Authority::open(
        rules, *audit, [this](std::string_view) { return &config.grants; }));
  }
  void open_ledger(memory::QuotaConfig quota) {
    ledger = std::move(*memory::Ledger::open(
        {.directory = (dir.path / "usage").string(), .quota = quota, .time_zone = "UTC"}, clock));
  }
  // What every agent needs; all else is the test's to add.
  AgentDeps needed(llm::ModelRef its_model) {
    return {.loop = loop,
            .model = its_model,
            .toolbox = toolbox,
            .memory = *memory,
            .ledger = *ledger,
            .journal = *journal,
            .authority = *authority,
            .approvals = *approvals,
            .audit = *audit,
            .out = channel,
            .clock = clock};
  }
  void make_agent() {
    AgentDeps deps = needed(model);
    deps.status_lines = [](bool admin) {
      return std::vector<std::string>{admin ? "Secret: domains" : "Public line"};
    };
    deps.is_admin = [](const Conversation& c) { return c.peer == "admin@example.org"; };
    deps.settings = [this](const Conversation&) { return settings; };
    deps.rooms = [](std::string_view command, std::string_view arguments) {
      return fmt::format("{}({})", command, arguments);
    };
    deps.access = [](const Conversation& who, std::string_view command,
                     std::string_view arguments) {
      return fmt::format("{}({}) of {}", command, arguments, who.peer);
    };
    deps.config_text = [](std::string_view section) { return fmt::format("config({})", section); };
    if (!roles.empty()) {
      deps.role_of = [this](const Message& message) -> std::optional<Role> {
        const auto role = roles.find(message.conversation.peer);
        return role == roles.end() ? Role::kNone : role->second;
      };
    }
    deps.turn_log = turn_log.get();
    agent = std::move(*Agent::open(config, std::move(deps)));
  }
  void reconfigure() {
    close_agent();
    make_agent();
  }
  void close_agent(Ctx ctx = Ctx{}) {
    if (agent) loop.run(agent->close(std::move(ctx)));
    agent.reset();
  }
  void close() {
    Ctx at_once;
    at_once.deadline = std::chrono::steady_clock::now();
    if (approvals) approvals->stop();
    close_agent(at_once);
    authority.reset();
    approvals.reset();
    audit.reset();
    journal.reset();
    memory.reset();
  }

  // Runs the loop until `done`; a minute is for ever.
  void run_until(std::function<bool()> done) { loop.run(poll(std::move(done))); }
  static Task<void> poll(std::function<bool()> done) {
    for (int i = 0; i < 60'000'000 && !done(); ++i) co_await yield();
    EXPECT_TRUE(done());
  }
  void run_until_replies(std::size_t count) {
    run_until([this, count] { return channel.replies.size() >= count; });
    run_until([this, count] {
      return agent->stats().replied >= count || channel.replies.size() > count;
    });
  }
  // Ann says `text`, and the model holds its answer back until `model.release()`.
  void hold_answer(std::string answer, std::string text = "think") {
    model.says(std::move(answer));
    model.scenes.back().hold = true;
    ASSERT_TRUE(agent->deliver(user_message(std::move(text))));
    run_until([this] { return model.held == 1; });
  }
  std::string ask(std::string text, std::string peer = "ann@example.org") {
    std::size_t before = channel.replies.size();
    Result<void> taken = agent->deliver(user_message(std::move(text), std::move(peer)));
    EXPECT_TRUE(taken.has_value()) << taken.error().to_string();
    run_until([this, before] { return channel.replies.size() > before; });
    run_until([this] { return agent->stats().waiting + agent->stats().running == 0; });
    return channel.text(before);
  }
  std::vector<std::string> transcript(std::string peer = "ann@example.org") {
    std::vector<std::string> lines;
    auto entries = memory->history({"xmpp", std::move(peer), ""});
    for (const auto& entry : *entries) {
      const auto* message = std::get_if<memory::TranscriptMessage>(&entry);
      if (message == nullptr) continue;
      bool user = message->role == memory::TranscriptMessage::Role::kUser;
      lines.push_back(fmt::format("{}: {}", user ? "user" : "assistant", message->content));
    }
    return lines;
  }

  TempDir dir;
  FakeClock clock;
  Loop loop;
  ScriptedModel model;
  tools::Toolbox toolbox;
  RecordingChannel channel;
  AgentConfig config;
  std::unique_ptr<store::Journal> journal;
  std::unique_ptr<memory::Ledger> ledger;
  std::unique_ptr<memory::Memory> memory;
  authority::AuthorityConfig rules;
  authority::ApprovalsConfig approval_config;
  std::unique_ptr<authority::AuditLog> audit;
  std::unique_ptr<authority::Approvals> approvals;
  std::unique_ptr<authority::Authority> authority;
  std::map<std::string, Role, std::less<>> roles;  // by peer; empty: there are no [[users]]
  ConversationSettings settings;
  std::unique_ptr<TurnLog> turn_log;
  std::unique_ptr<Agent> agent;
};

// All text that a request carries, message by message.
inline std::vector<std::string> told(const llm::Request& request) {
  std::vector<std::string> lines;
  for (const llm::ChatMessage& message : request.messages) {
    std::string line = message.role == llm::Role::kUser ? "user:" : "assistant:";
    for (const Part& part : message.parts) {
      if (const auto* text = std::get_if<TextPart>(&part)) line += " " + text->text;
      if (const auto* call = std::get_if<ToolCall>(&part))
        line += fmt::format(" call({} {})", call->id, call->name);
      if (const auto* result = std::get_if<ToolResult>(&part))
        line += fmt::format(" result({} {})", result->call_id, result->text);
    }
    lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace skep::agent::testing
