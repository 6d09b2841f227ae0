#include "reception.h"

#include "skep/base/log.h"

namespace skep::channels {

using xmpp::Element;
using How = Unwrapped::How;

void Reception::arriving(const Element& stanza) {
  if (deps_.catch_up != nullptr && stanza.child("result", xmpp::kNsMam) != nullptr)
    deps_.catch_up->arrived();
}

// XEP-0313 10: results that nobody asked for.
bool Reception::is_stray(const Unwrapped& copy) const {
  return copy.how == How::kArchived &&
         (deps_.catch_up == nullptr || !deps_.catch_up->asked(copy.query));
}

std::optional<Received> Reception::read(const Element& stanza) {
  auto copy = unwrap(stanza, deps_.account);
  if (!copy || is_stray(*copy)) {
    const bool forged = !copy && copy.error().code == Code::kDenied;
    ++(forged ? deps_.stats.forged_copies : copy ? deps_.stats.stray_results : deps_.stats.ignored);
    if (stanza.child("result", xmpp::kNsMam) != nullptr && deps_.catch_up != nullptr)
      deps_.catch_up->noted({}, true);
    log::debug("xmpp", "a copy from {} is dropped", stanza.attribute("from"));
    return std::nullopt;
  }
  Received out{.how = copy->how, .stanza = std::move(copy->stanza)};
  out.archive_id = std::move(copy->archive_id);
  auto chat = xmpp::read_chat_message(out.stanza, deps_.language);
  if (!chat) {
    ++deps_.stats.ignored;
    log::debug("xmpp", "a message that cannot be read: {}", chat.error().to_string());
    done(out);
    return std::nullopt;
  }
  out.chat = *std::move(chat);
  out.about = xmpp::read_references(out.stanza);
  out.ours = out.how == How::kSentCarbon || (!deps_.account.empty() && out.how != How::kDirect &&
                                             out.chat.from.bare() == deps_.account);
  believe(out);
  return out;
}

// XEP-0359 5: an id counts when whoever gave it is our own server, which takes away what others
// wrote in its name and says so; or the room that the message comes from.
void Reception::believe(Received& received) {
  const bool ours = deps_.catch_up != nullptr && deps_.catch_up->gives_ids();
  const bool room = received.chat.type == "groupchat";
  bool known = false;
  const std::size_t forged = std::erase_if(received.chat.stanza_ids, [&](const auto& one) {
    if (room && one.by == received.chat.from.bare()) return false;
    const bool good = ours && !known && one.by == deps_.account;
    known = known || good;
    return !good;
  });
  deps_.stats.forged_ids += forged;
  if (room || received.how == How::kArchived) return;
  if (!received.chat.stanza_ids.empty()) received.archive_id = received.chat.stanza_ids.front().id;
}

void Reception::done(const Received& received) {
  if (deps_.catch_up != nullptr)
    deps_.catch_up->noted(received.archive_id, received.how == How::kArchived);
}

}  // namespace skep::channels
