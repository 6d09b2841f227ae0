#include "deferred.h"

#include <algorithm>

#include "skep/base/log.h"
#include "skep/base/text.h"

namespace skep::channels {
namespace {

// "<millis>\n<the outbox's form>"
std::string to_record(const OutgoingReply& reply, WallTime until) {
  return fmt::format("{}\n{}", until.time_since_epoch().count(), to_journal(reply));
}

Result<std::pair<OutgoingReply, WallTime>> from_record(std::string_view text) {
  const auto end = text.find('\n');
  if (end == std::string_view::npos) return fail(Code::kCorrupt, "a record without its time");
  SKEP_TRY(const json::value millis, parse_json(text.substr(0, end)));
  if (!millis.is_int64()) return fail(Code::kCorrupt, "a record without its time");
  SKEP_TRY(OutgoingReply reply, outgoing_from_journal(text.substr(end + 1)));
  return std::pair(std::move(reply), WallTime(Millis(millis.as_int64())));
}

}  // namespace

store::EntryId Deferred::entry_of(const OutgoingReply& reply) {
  return store::EntryId("deferred:" + reply.message.id.str());
}

void Deferred::restore() {
  for (const store::JournalEntry& entry : deps_.journal.unfinished(kJournalKind)) {
    using Read = std::pair<OutgoingReply, WallTime>;
    auto read = entry.steps.empty() ? Result<Read>(fail(Code::kCorrupt, "empty entry"))
                                    : from_record(entry.steps.front());
    auto to = read ? xmpp::Jid::parse(read->first.message.reply_address.to)
                   : Result<xmpp::Jid>(fail(read.error()));
    if (!to) {
      log::error("xmpp", "a message that waits for somebody cannot be read: {}",
                 to.error().to_string());
      (void)deps_.journal.end(entry.id);
      continue;
    }
    const std::string id = read->first.message.id.str();
    items_[id] = {std::move(read->first), read->second, to->bare()};
  }
}

void Deferred::start() { deps_.gate.spawn("xmpp deferred", run(deps_.gate.ctx())); }

Result<void> Deferred::put(OutgoingReply reply, WallTime until) {
  SKEP_TRY(const xmpp::Jid to, xmpp::Jid::parse(reply.message.reply_address.to));
  const std::string id = reply.message.id.str();
  if (items_.contains(id)) return {};
  if (items_.size() >= kItemsMax)
    return fail(Code::kExhausted,
                fmt::format("{} messages wait for people who are away already", kItemsMax));
  const auto same =
      std::ranges::count_if(items_, [&](const auto& one) { return one.second.to == to.bare(); });
  if (static_cast<std::size_t>(same) >= kOnePersonMax)
    return fail(Code::kExhausted,
                fmt::format("{} messages wait for {} already", kOnePersonMax, to.bare().str()));
  SKEP_TRY_VOID(deps_.journal.begin(kJournalKind, entry_of(reply), to_record(reply, until)));
  items_[id] = {std::move(reply), until, to.bare()};
  changed_.notify_all();
  return {};
}

// The outbox knows an id that it has had, so a death between the two says nothing twice.
Result<void> Deferred::hand_on(Item& item, bool expired) {
  SKEP_TRY_VOID(deps_.post(item.reply));
  if (auto ended = deps_.journal.end(entry_of(item.reply)); !ended)
    log::error("xmpp", "a deferred message could not be ended: {}", ended.error().to_string());
  if (deps_.sent) deps_.sent(item.reply, expired);
  return {};
}

void Deferred::came_online(const xmpp::Jid& who) {
  for (auto at = items_.begin(); at != items_.end();) {
    if (at->second.to != who.bare()) {
      ++at;
    } else if (auto handed = hand_on(at->second, false); handed) {
      at = items_.erase(at);
    } else {
      log::warn("xmpp", "what waits for {} waits on: {}", who.bare().str(),
                handed.error().to_string());
      return;  // in order, and the rest would fare no better
    }
  }
}

Task<void> Deferred::run(Ctx ctx) {
  while (ctx.check()) {
    const WallTime now = deps_.clock.now();
    Millis next = std::chrono::hours(1);
    for (auto at = items_.begin(); at != items_.end();) {
      if (at->second.until > now) {
        next = std::min(next, at->second.until - now);
        ++at;
      } else if (hand_on(at->second, true)) {
        at = items_.erase(at);
      } else {
        next = kRetryAfter;
        break;
      }
    }
    const Ctx until = ctx.within(next);
    (void)co_await changed_.wait(until);
  }
}

}  // namespace skep::channels
