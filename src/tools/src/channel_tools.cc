#include "skep/tools/channel_tools.h"

#include "skep/base/text.h"
#include "spec.h"
#include "workspace_path.h"

namespace skep::tools {
namespace {

class React final : public Tool {
 public:
  explicit React(ReactFunction react) : react_(std::move(react)) {
    spec_ = make_spec("react", "React with an emoji to the message you are answering.",
                      R"({"emoji":{"type":"string","maxLength":64}})", {"emoji"});
  }
  [[nodiscard]] const llm::ToolSpec& spec() const override { return spec_; }
  [[nodiscard]] bool repeatable() const override { return true; }  // a set replaces the one before

  Task<ToolOutput> call(ToolContext context, json::object arguments) override {
    std::vector<std::string> emojis;
    if (const auto emoji = trim(get_string(arguments, "emoji")); !emoji.empty())
      emojis.emplace_back(emoji);
    const Result<void> done = react_(context, std::move(emojis));
    if (!done) co_return ToolOutput{"Not done: " + done.error().message + ".", true};
    co_return ToolOutput{"Done.", false};
  }

 private:
  llm::ToolSpec spec_;
  ReactFunction react_;
};

class SendFile final : public Tool {
 public:
  SendFile(WorkspacePtr workspace, Pool& pool, SendFileFunction send)
      : workspace_(std::move(workspace)), pool_(pool), send_(std::move(send)) {
    spec_ = make_spec("send_file", "Send a file of the workspace to this conversation.",
                      R"({"path":{"type":"string","minLength":1},)"
                      R"("caption":{"type":"string","maxLength":2000}})",
                      {"path"});
  }
  [[nodiscard]] const llm::ToolSpec& spec() const override { return spec_; }
  [[nodiscard]] bool repeatable() const override { return false; }
  [[nodiscard]] std::chrono::milliseconds timeout() const override {
    return std::chrono::seconds(180);
  }

  [[nodiscard]] std::vector<Need> needs(const json::value& arguments) const override {
    return {{authority::Action::kFileRead, path_resource(get_string(arguments, "path"))}};
  }

  Task<ToolOutput> call(ToolContext context, json::object arguments) override {
    const std::string path(get_string(arguments, "path"));
    std::string caption(get_string(arguments, "caption"));
    auto read = co_await pool_.run(
        context.ctx, [workspace = workspace_, path] { return workspace->read(path); });
    if (!read) co_return not_sent(read.error());
    if (!*read) co_return not_sent(read->error());
    if ((*read)->empty()) co_return ToolOutput{"Not sent: the file is empty.", true};
    const std::size_t slash = path.rfind('/');
    FileToSend file{.name = slash == std::string::npos ? path : path.substr(slash + 1),
                    .bytes = **std::move(read),
                    .caption = std::move(caption)};
    const auto sent = co_await send_(std::move(context), std::move(file));
    if (!sent) co_return not_sent(sent.error());
    co_return ToolOutput{"Sent.", false};
  }

 private:
  static ToolOutput not_sent(const Error& error) {
    return {"Not sent: " + error.message + ".", true};
  }

  llm::ToolSpec spec_;
  WorkspacePtr workspace_;
  Pool& pool_;
  SendFileFunction send_;
};

}  // namespace

std::unique_ptr<Tool> make_react(ReactFunction react) {
  return std::make_unique<React>(std::move(react));
}

std::unique_ptr<Tool> make_send_file(WorkspacePtr workspace, Pool& pool, SendFileFunction send) {
  return std::make_unique<SendFile>(std::move(workspace), pool, std::move(send));
}

}  // namespace skep::tools
