#include "adhoc.h"

#include <algorithm>

#include "skep/async/wait.h"
#include "skep/base/log.h"
#include "skep/base/text.h"
#include "skep/xmpp/caps.h"

namespace skep::channels {
namespace {

using xmpp::Element;
using xmpp::Jid;

// One word of CommandSpec::arguments.
struct Argument {
  std::string name;
  bool required = true;
  std::vector<std::string> choices;
};

std::vector<Argument> arguments_of(const CommandSpec& command) {
  std::vector<Argument> all;
  for (std::string_view word : split_words(command.arguments)) {
    Argument argument;
    if (word.starts_with('[') && word.ends_with(']')) {
      argument.required = false;
      word = word.substr(1, word.size() - 2);
    }
    argument.name = word;
    if (word.contains('|')) {
      for (const std::string_view choice : split(word, '|')) argument.choices.emplace_back(choice);
      argument.name = fmt::format("choice{}", all.size() + 1);
    }
    all.push_back(std::move(argument));
  }
  return all;
}

std::string one_line(std::string text) {
  std::ranges::replace_if(text, [](char c) { return c == '\n' || c == '\r' || c == '\t'; }, ' ');
  return std::string(trim(text));
}

Element identity(std::string_view type, const std::string& name) {
  Element out("identity", std::string(xmpp::kNsDiscoInfo));
  out.set("category", "automation").set("type", std::string(type));
  return out.set("name", name);
}

Element feature(std::string_view ns) {
  Element out("feature", std::string(xmpp::kNsDiscoInfo));
  return out.set("var", std::string(ns));
}

}  // namespace

xmpp::DataForm AdHoc::form_of(const CommandSpec& command) {
  xmpp::DataForm form{.title = "/" + command.name, .instructions = command.help, .fields = {}};
  for (const Argument& argument : arguments_of(command)) {
    xmpp::FormField field{.var = argument.name,
                          .label = argument.choices.empty() ? argument.name : "",
                          .required = argument.required};
    if (!argument.choices.empty()) field.type = "list-single";
    for (const std::string& choice : argument.choices) field.options.push_back({choice, choice});
    form.fields.push_back(std::move(field));
  }
  return form;
}

Result<std::string> AdHoc::line_of(const CommandSpec& command,
                                   const std::map<std::string, std::string>& values) {
  std::string line = "/" + command.name;
  for (const Argument& argument : arguments_of(command)) {
    const auto found = values.find(argument.name);
    const std::string value = found == values.end() ? "" : one_line(found->second);
    if (value.size() > kValueBytesMax) return fail(Code::kInvalid, argument.name + " is too long");
    if (value.empty() && argument.required)
      return fail(Code::kInvalid, argument.name + " must be filled in");
    if (!argument.choices.empty() && !value.empty() &&
        std::ranges::find(argument.choices, value) == argument.choices.end())
      return fail(Code::kInvalid, argument.name + " must be one of its choices");
    if (value.empty()) continue;  // later ones move up, as when they are typed
    line += ' ' + value;
  }
  return line;
}

void AdHoc::add_to(xmpp::Features& features) {
  if (deps_.commands.empty()) return;
  features.announce(std::string(xmpp::kNsDataForm));
  features.add_taker(std::string(xmpp::kNsCommands),
                     [this](const Element& iq) { return take(iq); });
  features.add_items(
      [this](const Element& iq, const std::string& node) { return items(iq, node); });
  features.add_node([this](const Element& iq, const std::string& node) { return info(iq, node); });
}

const CommandSpec* AdHoc::find(std::string_view node) const {
  const auto found = std::ranges::find(deps_.commands, node, &CommandSpec::name);
  return found == deps_.commands.end() ? nullptr : &*found;
}

bool AdHoc::allowed(const CommandSpec& command, const Jid& who) const {
  const std::optional<Role> role = deps_.role_of ? deps_.role_of(who) : std::nullopt;
  return role ? *role >= command.least : !command.admin || deps_.is_admin(who);
}

std::optional<std::vector<Element>> AdHoc::items(const Element& iq, const std::string& node) {
  const auto who = Jid::parse(iq.attribute("from"));
  if (node != xmpp::kNsCommands || !who) return std::nullopt;
  std::vector<Element> all;
  for (const CommandSpec& command : deps_.commands) {
    if (!allowed(command, *who)) continue;
    Element item("item", std::string(xmpp::kNsDiscoItems));
    item.set("jid", std::string(iq.attribute("to"))).set("node", command.name);
    all.push_back(std::move(item.set("name", "/" + command.name)));
  }
  return all;
}

std::optional<Element> AdHoc::info(const Element& iq, const std::string& node) {
  const auto who = Jid::parse(iq.attribute("from"));
  if (!who) return std::nullopt;
  Element query("query", std::string(xmpp::kNsDiscoInfo));
  if (node == xmpp::kNsCommands) {
    query.add(identity("command-list", "Commands"));
    return query.add(feature(xmpp::kNsCommands));
  }
  const CommandSpec* command = find(node);
  if (command == nullptr || !allowed(*command, *who)) return std::nullopt;
  query.add(identity("command-node", "/" + command->name));
  query.add(feature(xmpp::kNsCommands));
  return query.add(feature(xmpp::kNsDataForm));
}

// Strangers learn nothing, as if the feature were absent.
bool AdHoc::take(const Element& iq) {
  const auto request = xmpp::read_command(iq);
  const auto who = Jid::parse(iq.attribute("from"));
  if (!request || !who || !deps_.may_look(*who)) return false;
  if (const auto answer = step(iq, *who, *request)) {
    if (answer->attribute("type") == "error") ++deps_.stats.commands_refused;
    deps_.say(*answer);
  }
  return true;
}

// nullopt: the answer comes later.
std::optional<Element> AdHoc::step(const Element& iq, const Jid& who,
                                   const xmpp::CommandRequest& request) {
  drop_old();
  const CommandSpec* command = find(request.node);
  if (command == nullptr) return xmpp::stanza_error(iq, "item-not-found", "cancel");
  if (!allowed(*command, who)) return xmpp::stanza_error(iq, "forbidden", "cancel");
  if (request.session.empty() && request.action == "execute") return begin(iq, who, *command);
  if (request.session.empty())
    return xmpp::command_error(iq, "bad-request", "modify", "bad-action");
  return go_on(iq, who, request);
}

std::optional<Element> AdHoc::begin(const Element& iq, const Jid& who, const CommandSpec& command) {
  std::string session = mint_ulid();
  if (command.arguments.empty())
    return run(iq, who, command.name, std::move(session), "/" + command.name);
  const std::string bare = who.bare().str();
  const auto own = std::ranges::count_if(
      sessions_, [&](const auto& one) { return one.second.who.starts_with(bare); });
  if (static_cast<std::size_t>(own) >= kOnePersonMax)
    return xmpp::stanza_error(iq, "resource-constraint", "wait", "Too many commands are open.");
  if (sessions_.size() >= kSessionsMax) sessions_.erase(sessions_.begin());
  sessions_[session] = {.who = who.str(),
                        .address = std::string(iq.attribute("to")),
                        .node = command.name,
                        .since = deps_.clock.now()};
  return xmpp::command_answer(
      iq,
      {.node = command.name, .session = session, .status = "executing", .form = form_of(command)});
}

// A session is of the one who began it, at the address and for the command it was begun with.
std::optional<Element> AdHoc::go_on(const Element& iq, const Jid& who,
                                    const xmpp::CommandRequest& request) {
  const auto session = sessions_.find(request.session);
  if (session == sessions_.end() || session->second.who != who.str() ||
      session->second.node != request.node || session->second.address != iq.attribute("to"))
    return xmpp::command_error(iq, "bad-request", "modify", "bad-sessionid");
  if (request.action == "cancel") {
    sessions_.erase(session);
    return xmpp::command_answer(
        iq, {.node = request.node, .session = request.session, .status = "canceled"});
  }
  if (request.action != "execute" && request.action != "complete" && request.action != "next")
    return xmpp::command_error(iq, "bad-request", "modify", "bad-action");
  const CommandSpec& command = *find(request.node);
  Result<std::map<std::string, std::string>> values = std::map<std::string, std::string>();
  if (request.form) values = xmpp::read_submit(*request.form);
  const Result<std::string> line =
      values ? line_of(command, *values) : Result<std::string>(fail(values.error()));
  if (!line) return xmpp::stanza_error(iq, "bad-request", "modify", line.error().message);
  sessions_.erase(session);
  return run(iq, who, command.name, request.session, *line);
}

std::optional<Element> AdHoc::run(const Element& iq, const Jid& who, const std::string& node,
                                  std::string session, std::string line) {
  if (running_.size() >= kRunningMax || !deps_.may_act(who))
    return xmpp::stanza_error(iq, "resource-constraint", "wait", "Please wait a minute.");
  ++deps_.stats.commands;
  const std::string key = mint_ulid();
  running_[key] = {iq, node, std::move(session)};
  deps_.gate.spawn("xmpp command", run_later(deps_.gate.ctx(), key, std::move(line)));
  return std::nullopt;
}

Task<void> AdHoc::run_later(Ctx ctx, std::string key, std::string line) {
  const Element iq = running_[key].iq;
  const auto who = Jid::parse(iq.attribute("from"));
  const auto address = Jid::parse(iq.attribute("to"));
  if (!who || !address) co_return answer(key, "The addresses cannot be read.", true);
  const Ctx bounded = ctx.within(kAnswerTimeout);
  const MessageId id(mint_ulid());
  keys_[id.str()] = key;  // before: the answer may come at once
  AskAgent question{.id = id, .address = *address, .who = *who, .text = std::move(line)};
  const auto asked = co_await deps_.ask(bounded, std::move(question));
  if (!asked) {
    keys_.erase(id.str());
    log::warn("xmpp", "the command of {} is refused: {}", who->str(), asked.error().to_string());
    co_return answer(key, "I have too much to do right now. Please try again in a minute.", true);
  }
  (void)co_await sleep_for(ctx, kAnswerTimeout);
  if (keys_.erase(id.str()) == 0) co_return;
  answer(key, "This takes longer: the answer will come as a message.", false);
}

bool AdHoc::take_reply(const Message& reply) {
  const auto found = keys_.find(reply.in_reply_to.str());
  if (found == keys_.end()) return false;
  const std::string key = found->second;
  keys_.erase(found);
  answer(key, text_of(reply.parts), false);
  return true;
}

void AdHoc::answer(const std::string& key, std::string note, bool is_error) {
  const auto found = running_.find(key);
  if (found == running_.end()) return;
  const Running running = std::move(found->second);
  running_.erase(found);
  deps_.say(xmpp::command_answer(running.iq, {.node = running.node,
                                              .session = running.session,
                                              .status = "completed",
                                              .note = std::move(note),
                                              .is_error = is_error}));
}

// What is answered from now on comes as messages.
void AdHoc::down() {
  running_.clear();
  keys_.clear();
  sessions_.clear();
}

void AdHoc::drop_old() {
  const WallTime now = deps_.clock.now();
  std::erase_if(sessions_, [&](const auto& one) { return now - one.second.since >= kSessionAge; });
}

}  // namespace skep::channels
