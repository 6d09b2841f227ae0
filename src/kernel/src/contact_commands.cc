#include "contact_commands.h"

#include "skep/base/text.h"
#include "skep/xmpp/jid.h"

namespace skep::kernel {
namespace {

using identity::FirstContact;

constexpr std::size_t kShownMax = 50;
constexpr std::string_view kUsage =
    "/contacts: whom I was let write to by whom. /contacts forget ADDRESS [PERSON]: I ask again "
    "before I write there, for that person or for anybody.";

std::string list(const identity::Contacts& contacts) {
  const auto& all = contacts.entries();
  if (all.empty()) return "Nobody has let me write to anybody yet.";
  std::string text = "I was let write to:";
  const std::size_t shown = std::min(all.size(), kShownMax);
  for (std::size_t i = all.size() - shown; i < all.size(); ++i) {
    text +=
        fmt::format("\n{} for {} ({})", all[i].contact, all[i].person, format_rfc3339(all[i].at));
  }
  if (all.size() > shown) text += fmt::format("\nand {} before them", all.size() - shown);
  return text;
}

}  // namespace

std::string contacts_command(identity::Contacts& contacts, const Conversation& who,
                             std::string_view arguments) {
  const std::vector<std::string_view> words = split_words(arguments);
  if (words.empty() || (words.size() == 1 && words[0] == "list")) return list(contacts);
  if (words[0] != "forget" || words.size() < 2 || words.size() > 3) return std::string(kUsage);
  const auto contact = xmpp::Jid::parse(words[1]);
  const auto person = xmpp::Jid::parse(words.back());
  if (!contact || !person) return std::string(kUsage);
  const std::string whose = words.size() == 3 ? person->bare().str() : std::string();
  const auto gone = contacts.forget(contact->bare().str(), whose, who.peer);
  if (!gone && gone.error().code == Code::kNotFound)
    return fmt::format("Nobody has let me write to {}.", contact->bare().str());
  if (!gone) return fmt::format("That failed: {}.", gone.error().message);
  return fmt::format("Before I write to {} again{}, I ask.", contact->bare().str(),
                     whose.empty() ? "" : " for " + whose);
}

Result<void> note_contact(AuthoritySide* authority, const FirstContact& contact, bool known,
                          std::string_view by) {
  if (authority == nullptr) return {};
  authority::AuditEntry entry;
  entry.principal = by;
  entry.action = "first_contact";
  entry.resource = contact.contact;
  entry.outcome = known ? "allow" : "deny";
  entry.detail = fmt::format("{} for {}", known ? "confirmed" : "revoked", contact.person);
  return authority->audit().append(std::move(entry));
}

}  // namespace skep::kernel
