// /allow, /block, /pair and /reload of administrators; /contacts is in contact_commands.cc.
#include <charconv>

#include "contact_commands.h"
#include "skep/base/text.h"
#include "skep/xmpp/jid.h"
#include "xmpp_side.h"

namespace skep::kernel {
namespace {

using identity::Access;

constexpr std::size_t kShownMax = 50;

// "ann@example.org", "@example.org", normalised.
Result<std::string> address_of(std::string_view text) {
  const bool domain = text.starts_with('@');
  auto jid = xmpp::Jid::parse(domain ? text.substr(1) : text);
  if (!jid || !jid->is_bare() || jid->local().empty() != domain)
    return fail(Code::kInvalid,
                "Give an address like ann@example.org, or @example.org for everybody there.");
  return domain ? "@" + jid->domain() : jid->str();
}

std::optional<int> number_of(std::string_view text, int max) {
  int number = 0;
  const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (bad != std::errc() || end != text.data() + text.size() || number < 1 || number > max)
    return std::nullopt;
  return number;
}

std::string failed(const Error& error) { return fmt::format("That failed: {}.", error.message); }

}  // namespace

std::string XmppSide::list(bool blocked) const {
  std::string text;
  std::size_t count = 0;
  for (const identity::AccessEntry& entry : access_.entries()) {
    if (entry.blocked != blocked) continue;
    if (++count <= kShownMax)
      text += fmt::format("\n{} ({} {}, {})", entry.address, entry.paired ? "paired by" : "by",
                          entry.by, format_rfc3339(entry.at));
  }
  if (count == 0)
    return blocked ? "Nobody is blocked." : "Nobody has been let in beside [agent] allowed_jids.";
  if (count > kShownMax) text += fmt::format("\nand {} more", count - kShownMax);
  return fmt::format("{}:{}", blocked ? "Blocked" : "Let in beside [agent] allowed_jids", text);
}

std::string XmppSide::change(const Conversation& who, std::string_view text, bool block) {
  const auto address = address_of(text);
  if (!address) return address.error().message;
  if (block && is_admin({.channel = "xmpp", .peer = *address}))
    return fmt::format("{} is an administrator ([agent] admin_jids) and stays.", *address);
  const auto done = block ? access_.block(*address, who.peer) : access_.allow(*address, who.peer);
  if (!done) return failed(done.error());
  for (const auto& node : nodes_) node->channel->access_changed(*address);
  return block ? fmt::format("{} is blocked: I do not hear them any more.", *address)
               : fmt::format("{} may talk to me now.", *address);
}

// "generate [minutes] [uses] [for whom]", "revoke"
std::string XmppSide::pair(const Conversation& who, std::string_view arguments) {
  const std::vector<std::string_view> words = split_words(arguments);
  if (words.size() == 1 && words[0] == "revoke")
    return fmt::format("{} open codes are void.", access_.withdraw_codes());
  if (words.empty() || words[0] != "generate" || words.size() > 4)
    return "/pair generate [minutes] [people] [address or @domain]: a code that lets somebody in. "
           "/pair revoke: no open code is good any more.";
  Access::CodeRequest request{.by = who.peer};
  int minutes = 15;
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (words[i].contains('@')) {
      const auto bound = address_of(words[i]);
      if (!bound) return bound.error().message;
      request.bound = *bound;
    } else if (i == 1) {
      minutes = number_of(words[i], 7 * 24 * 60).value_or(0);
    } else {
      request.uses = static_cast<std::size_t>(
          number_of(words[i], static_cast<int>(Access::kUsesMax)).value_or(0));
    }
  }
  request.ttl = std::chrono::minutes(minutes);
  const auto code = access_.issue(request);
  if (!code) return failed(code.error());
  return fmt::format("Send this to me as \"/pair {}\": good for {} minutes and {} {}{}.", *code,
                     minutes, request.uses, request.uses == 1 ? "person" : "people",
                     request.bound.empty() ? "" : ", only " + request.bound);
}

std::string XmppSide::access_command(const Conversation& who, std::string_view command,
                                     std::string_view arguments) {
  const std::string_view words = trim(arguments);
  if (command == "pair") return pair(who, words);
  if (command == "contacts") return contacts_command(contacts_, who, words);
  if (command == "reload") return on_reload ? on_reload() : "There is nothing to read again.";
  const bool block = command == "block";
  return words.empty() ? list(block) : change(who, words, block);
}

}  // namespace skep::kernel
