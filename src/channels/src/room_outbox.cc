#include "room_outbox.h"

#include <algorithm>

#include "skep/base/log.h"

namespace skep::channels {
namespace {

// Steps of an entry, each about the first part that has not been shown.
constexpr std::string_view kSaid = "said";
constexpr std::string_view kRepeated = "repeated";
constexpr std::string_view kShown = "shown";

void log_failure(std::string_view what, const OutgoingReply& reply, const Result<void>& result) {
  if (result || result.error().code == Code::kNotFound) return;
  log::error("xmpp", "{} room reply {}: {}", what, reply.message.id.str(),
             result.error().to_string());
}

store::EntryId entry_of(const MessageId& id) { return store::EntryId("room:" + id.str()); }

Result<xmpp::Jid> room_of(const OutgoingReply& reply) {
  SKEP_TRY(const xmpp::Jid to, xmpp::Jid::parse(reply.message.reply_address.to));
  return to.bare();
}

}  // namespace

void RoomOutbox::restore() {
  for (const store::JournalEntry& entry : deps_.journal.unfinished(kJournalKind))
    restore_entry(entry);
}

void RoomOutbox::restore_entry(const store::JournalEntry& entry) {
  auto reply = entry.steps.empty() ? Result<OutgoingReply>(fail(Code::kCorrupt, "empty entry"))
                                   : outgoing_from_journal(entry.steps.front());
  auto stanzas = reply ? render(*reply) : Result<std::vector<xmpp::Element>>(fail(reply.error()));
  auto room = reply ? room_of(*reply) : Result<xmpp::Jid>(fail(reply.error()));
  if (!stanzas || !room) {
    log::error("xmpp", "a journaled room reply cannot be sent: {}",
               (stanzas ? room.error() : stanzas.error()).to_string());
    (void)deps_.journal.end(entry.id);
    return;
  }
  auto item =
      std::make_shared<Item>(entry.id, *std::move(reply), *std::move(room), *std::move(stanzas));
  for (std::size_t i = 1; i < entry.steps.size(); ++i) {
    if (entry.steps[i] == kSaid) item->maybe_said = true;
    if (entry.steps[i] == kRepeated) item->repeated = true;
    if (entry.steps[i] != kShown) continue;
    ++item->shown;
    item->maybe_said = item->repeated = false;
  }
  items_.push_back(item);
  if (item->shown >= item->stanzas.size()) finish(item, true);
}

bool RoomOutbox::knows(const MessageId& reply) const {
  return deps_.journal.contains(entry_of(reply)) || deps_.journal.remembers(kSentSet, reply.str());
}

Result<void> RoomOutbox::put(OutgoingReply reply) {
  if (knows(reply.message.id)) return {};
  const store::EntryId entry = entry_of(reply.message.id);
  if (items_.size() >= items_max_) {
    return fail(Code::kExhausted, fmt::format("{} replies wait for their rooms already ([agent] "
                                              "outbox_max)",
                                              items_.size()));
  }
  if (reply.accepted_at == WallTime{}) reply.accepted_at = deps_.clock.now();
  SKEP_TRY(auto stanzas, render(reply));
  SKEP_TRY(const xmpp::Jid room, room_of(reply));
  if (stanzas.empty()) return {};
  SKEP_TRY_VOID(deps_.journal.begin(kJournalKind, entry, to_journal(reply)));
  items_.push_back(std::make_shared<Item>(entry, std::move(reply), room, std::move(stanzas)));
  pump(room);
  return {};
}

std::shared_ptr<RoomOutbox::Item> RoomOutbox::front(const xmpp::Jid& room) const {
  const auto found =
      std::ranges::find_if(items_, [&](const auto& item) { return item->room == room; });
  return found == items_.end() ? nullptr : *found;
}

void RoomOutbox::opened(const xmpp::Jid& room) {
  open_.insert(room);
  pump(room);
}

void RoomOutbox::closed(const xmpp::Jid& room) {
  open_.erase(room);
  for (const auto& item : items_) {
    if (item->room != room) continue;
    item->maybe_said = item->maybe_said || item->under_way;
    item->under_way = false;
    item->due.reset();
  }
}

void RoomOutbox::given_up(const xmpp::Jid& room) {
  closed(room);
  while (const auto item = front(room)) finish(item, false);
}

void RoomOutbox::pump(const xmpp::Jid& room) {
  while (open_.contains(room)) {
    const auto item = front(room);
    if (!item || item->under_way || item->due) return;
    if (item->maybe_said && item->repeated) {
      log::warn("xmpp", "{}: the reply {} was said twice and never shown", room.str(),
                item->entry.str());
      finish(item, false);
      continue;
    }
    if (!say(*item)) return;
  }
}

// The journal first: a process that dies between must not say it a third time.
bool RoomOutbox::say(Item& item) {
  if (item.maybe_said) ++repeated_;
  step(item, item.maybe_said ? kRepeated : kSaid);
  item.repeated = item.maybe_said;
  item.maybe_said = true;
  item.under_way = true;
  item.due = std::chrono::steady_clock::now() + deps_.times.reflection_timeout;
  const Result<void> taken = deps_.send(item.stanzas[item.shown]);
  if (taken) return true;
  // Nothing of it went out.
  log::info("xmpp", "{}: a reply waits: {}", item.room.str(), taken.error().to_string());
  item.under_way = item.maybe_said = false;
  item.due = std::chrono::steady_clock::now() + deps_.times.bounce_pause;
  return false;
}

bool RoomOutbox::shown(const xmpp::Jid& room, const std::string& id, const std::string& origin_id) {
  for (const auto& item : items_) {
    if (item->room != room) continue;
    // A later part cannot have been said before this one was shown.
    const std::string_view wanted = item->stanzas[item->shown].attribute("id");
    if (id != wanted && origin_id != wanted) continue;
    advance(item);
    return true;
  }
  return false;
}

void RoomOutbox::advance(const std::shared_ptr<Item>& item) {
  const xmpp::Jid room = item->room;
  if (++item->shown == item->stanzas.size()) {
    finish(item, true);
  } else {
    step(*item, kShown);
    item->under_way = item->maybe_said = item->repeated = false;
    item->due.reset();
    item->bounces = 0;
  }
  pump(room);
}

bool RoomOutbox::bounced(const xmpp::Jid& room, const std::string& id,
                         const std::string& condition) {
  const auto item = front(room);
  if (!item || item->stanzas[item->shown].attribute("id") != id) return false;
  item->under_way = false;
  // Refused means not said.
  item->maybe_said = item->repeated = false;
  item->due.reset();
  if (condition == "not-acceptable") return true;  // we are not in: it waits for the next stay
  const bool too_fast = condition == "policy-violation" || condition == "resource-constraint";
  if (too_fast && ++item->bounces <= kBouncesMax) {
    item->due = std::chrono::steady_clock::now() + deps_.times.bounce_pause * item->bounces;
    return true;
  }
  log::warn("xmpp", "{}: the room refused a reply: {}", room.str(), condition);
  finish(item, false);
  pump(room);
  return true;
}

void RoomOutbox::believed(const xmpp::Jid& room) {
  const auto item = front(room);
  if (!item || !item->under_way) return;
  log::info("xmpp", "{}: a reply came back under no id of ours; it counts as said", room.str());
  advance(item);
}

bool RoomOutbox::has_unproven(const xmpp::Jid& room) const {
  const auto item = front(room);
  return item && item->maybe_said;
}

bool RoomOutbox::under_way() const {
  return std::ranges::any_of(items_, [](const auto& item) { return item->under_way; });
}

std::optional<SteadyTime> RoomOutbox::due() const {
  std::optional<SteadyTime> first;
  for (const auto& item : items_) {
    if (item->due && (!first || *item->due < *first)) first = item->due;
  }
  return first;
}

void RoomOutbox::on_due() {
  const SteadyTime now = std::chrono::steady_clock::now();
  const Items items = items_;  // pump() may take some away
  for (const auto& item : items) {
    if (!item->due || *item->due > now) continue;
    item->due.reset();
    if (item->under_way) {
      item->due = now + deps_.times.reflection_timeout;
      deps_.doubt(item->room);
    } else {
      pump(item->room);
    }
  }
}

void RoomOutbox::step(const Item& item, std::string_view what) {
  log_failure("noting", item.reply, deps_.journal.step(item.entry, what));
}

void RoomOutbox::finish(std::shared_ptr<Item> item, bool sent) {
  const std::string& id = item->reply.message.id.str();
  log_failure("remembering", item->reply, deps_.journal.remember_with_next(kSentSet, id));
  log_failure("ending", item->reply, deps_.journal.end(item->entry));
  items_.remove(item);
  deps_.finished(item->reply, sent);
}

}  // namespace skep::channels
