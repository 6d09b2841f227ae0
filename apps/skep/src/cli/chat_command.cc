#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <iostream>

#include "chat_session.h"
#include "command_line.h"
#include "configure.h"
#include "line_editor.h"
#include "skep/base/log.h"
#include "skep/base/text.h"

namespace skep::cli {

namespace {

// Prints an answer while it streams. A reset (the model broke off and starts anew) is said, since
// printed text cannot be taken back from a terminal.
class Printer {
 public:
  explicit Printer(bool color) : color_(color) {}

  void event(std::string_view name, const json::value& data) {
    const std::string_view text = get_string(data, "text");
    if (name == "text") {
      fmt::print("{}", text);
      streamed_ += text;
    } else if (name == "tool_start") {
      note(fmt::format("[{} …]", text));
    } else if (name == "ask") {
      note(text);
    } else if (name == "reset") {
      note("[the model broke off; once more]");
      streamed_.clear();
    } else if (name == "reply") {
      finish(text);
    }
    std::fflush(stdout);
  }

 private:
  void note(std::string_view text) {
    if (!streamed_.empty() && !streamed_.ends_with('\n')) fmt::print("\n");
    fmt::print("{}{}{}\n", color_ ? "\033[2m" : "", text, color_ ? "\033[0m" : "");
  }
  // What streamed is not always the whole: commands and failures come only as the reply.
  void finish(std::string_view reply) {
    if (!reply.empty() && !streamed_.ends_with(reply)) {
      if (!streamed_.empty()) fmt::print("\n");
      fmt::print("{}", reply);
    }
    fmt::print("\n");
    streamed_.clear();
  }

  bool color_;
  std::string streamed_;
};

json::value chat_body(const Options& options, std::string_view text) {
  return json::object{
      {"peer", options.peer}, {"thread", options.thread}, {"text", text}, {"agent", options.agent}};
}

int run_once(const Options& options, ChatSession& session, const std::string& text) {
  std::string reply;
  const Result<void> done =
      session.chat(chat_body(options, text), [&](std::string_view name, const json::value& data) {
        if (name == "reply") reply = get_string(data, "text");
        if (name == "ask") fmt::print(stderr, "{}\n", get_string(data, "text"));
      });
  if (!done) return report(done.error());
  if (options.json) {
    fmt::print("{}\n", to_json(json::object{{"reply", reply}}));
  } else {
    fmt::print("{}\n", reply);
  }
  return 0;
}

// What to say to a question of the agent's. Nobody there is a no.
std::string answer_from(LineEditor& editor) {
  while (std::optional<std::string> line = editor.read("yes or no> ")) {
    const std::string said = to_lower_ascii(trim(*line));
    const bool always = said.ends_with(" always");
    const std::string_view word = std::string_view(said).substr(0, said.find(' '));
    if (word == "y" || word == "yes" || word == "/confirm")
      return always ? "/confirm always" : "/confirm";
    if (word == "n" || word == "no" || word == "/deny") return always ? "/deny always" : "/deny";
    if (word == "/cancel") return "/cancel";
    fmt::print("yes, no, either with \"always\" behind it, or /cancel\n");
  }
  return "/deny";
}

int run_interactive(const Options& options, ChatSession& session) {
  LineEditor editor(options.home + "/run/chat_history");
  fmt::print("{}\nType /help for commands, Ctrl-D to leave.\n", session.greeting());
  while (std::optional<std::string> line = editor.read("you> ")) {
    const std::string text(trim(*line));
    if (text.empty()) continue;
    if (text == "/quit" || text == "/exit") break;
    Printer printer(isatty(STDOUT_FILENO) != 0);
    const Result<void> done = session.chat(
        chat_body(options, text),
        [&](std::string_view name, const json::value& data) { printer.event(name, data); },
        [&](const std::string&) { return answer_from(editor); });
    if (!done) report(done.error());
  }
  fmt::print("\n");
  return 0;
}

std::string who_speaks(const Options& options) {
  if (!options.peer.empty())
    return options.peer.contains('@') ? options.peer : options.peer + "@cli";
  const char* user = std::getenv("USER");
  return to_lower_ascii(user != nullptr && *user != '\0' ? user : "me") + "@cli";
}

std::string read_all_input() {
  return {std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>()};
}

}  // namespace

int run_chat(const Options& given) {
  Options options = given;
  options.peer = who_speaks(given);
  log::configure({.level = log::Level::kError});
  std::optional<kernel::KernelConfig> config = configure_or_report(options);
  if (!config) return kExitConfig;

  Result<std::unique_ptr<ChatSession>> session = ChatSession::open(*std::move(config));
  if (!session) return report(session.error());
  if (options.message) {
    const std::string text = *options.message == "-" ? read_all_input() : *options.message;
    return run_once(options, **session, text);
  }
  return run_interactive(options, **session);
}

}  // namespace skep::cli
