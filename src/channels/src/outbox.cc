#include "outbox.h"

#include "skep/base/log.h"

namespace skep::channels {
namespace {

// An agent's journal entries are named by the same kind of id; the prefix keeps the two apart.
store::EntryId entry_of(const MessageId& id) { return store::EntryId("out:" + id.str()); }

void log_failure(std::string_view what, const OutgoingReply& reply, const Result<void>& result) {
  if (!result)
    log::error("xmpp", "{} reply {}: {}", what, reply.message.id.str(), result.error().to_string());
}

// A refusal comes from the server as well; these come from a link that is slow, full or ending.
bool is_answer(const Result<void>& ping) {
  if (ping) return true;
  switch (ping.error().code) {
    case Code::kTimeout:
    case Code::kCancelled:
    case Code::kUnavailable:
    case Code::kExhausted:
      return false;
    default:
      return true;
  }
}

}  // namespace

Outbox::Outbox(Deps deps, std::size_t items_max) : deps_(std::move(deps)), items_max_(items_max) {}

void Outbox::restore() {
  for (const store::JournalEntry& entry : deps_.journal.unfinished(kJournalKind))
    restore_entry(entry);
  if (!items_.empty())
    log::info("xmpp", "{} replies of the last run are still to be sent", items_.size());
}

void Outbox::restore_entry(const store::JournalEntry& entry) {
  auto reply = entry.steps.empty() ? Result<OutgoingReply>(fail(Code::kCorrupt, "empty entry"))
                                   : outgoing_from_journal(entry.steps.front());
  auto stanzas = reply ? render(*reply) : Result<std::vector<xmpp::Element>>(fail(reply.error()));
  if (!stanzas) {
    log::error("xmpp", "a journaled reply cannot be sent: {}", stanzas.error().to_string());
    (void)deps_.journal.end(entry.id);
    return;
  }
  auto item = std::make_shared<Item>(entry.id, *std::move(reply), *std::move(stanzas));
  item->noted = std::min(entry.steps.size() - 1, item->stanzas.size());
  item->maybe_seen = true;
  items_.push_back(item);
  // Even what was not noted: a kill may have come between the kernel and the journal.
  if (is_archived(item->reply)) return doubt(*item, item->noted);
  item->confirmed = item->noted;
  if (item->confirmed == item->stanzas.size()) finish(item, true);
}

bool Outbox::knows(const MessageId& reply) const {
  return deps_.journal.contains(entry_of(reply)) || deps_.journal.remembers(kSentSet, reply.str());
}

Result<void> Outbox::put(OutgoingReply reply) {
  if (knows(reply.message.id)) return {};
  const store::EntryId entry = entry_of(reply.message.id);
  if (items_.size() >= items_max_) {
    return fail(Code::kExhausted,
                fmt::format("{} replies wait for the XMPP server already ([agent] outbox_max)",
                            items_.size()));
  }
  if (reply.accepted_at == WallTime{}) reply.accepted_at = deps_.clock.now();
  SKEP_TRY(auto stanzas, render(reply));
  if (stanzas.empty()) return {};  // nothing to say
  SKEP_TRY_VOID(deps_.journal.begin(kJournalKind, entry, to_journal(reply)));
  items_.push_back(std::make_shared<Item>(entry, std::move(reply), std::move(stanzas)));
  pump();
  return {};
}

void Outbox::up(Send send, bool acknowledged) {
  ++generation_;
  acknowledged_ = acknowledged;
  send_ = std::move(send);
  in_flight_ = 0;
  pump();
}

void Outbox::down() {
  ++generation_;
  send_ = nullptr;
  in_flight_ = 0;
  for (const auto& item : items_) {
    const bool under_way = item->offered > item->confirmed;
    item->maybe_seen = item->maybe_seen || under_way;
    item->offered = item->confirmed;
    if (under_way && acknowledged_ && is_archived(item->reply)) doubt(*item, item->confirmed);
  }
  put_back_unproven();
  changed_.notify_all();
}

// What is said in a room is not in the account's archive.
bool Outbox::is_archived(const OutgoingReply& reply) const {
  return deps_.asks_archive && reply.type != "groupchat";
}

void Outbox::doubt(Item& item, std::size_t believed) {
  if (!item.in_doubt) item.believed = believed;
  item.in_doubt = true;
}

bool Outbox::doubts() const {
  return std::ranges::any_of(items_, [](const auto& item) { return item->in_doubt; });
}

bool Outbox::arrived(const std::string& stanza_id) {
  for (const auto& item : items_) {
    for (std::size_t part = 0; part < item->stanzas.size(); ++part) {
      if (item->stanzas[part].attribute("id") != stanza_id) continue;
      item->found = std::max(item->found, part + 1);
      return true;
    }
  }
  return false;
}

void Outbox::settle(bool archived) {
  const Items items = items_;  // finish() takes them out
  for (const auto& item : items) {
    if (!std::exchange(item->in_doubt, false)) continue;
    item->confirmed = std::max(item->confirmed, archived ? item->found : item->believed);
    if (item->confirmed == item->stanzas.size()) finish(item, true);
  }
  pump();
}

// A link may confirm while it takes: then we go round again instead of nesting.
void Outbox::pump() {
  pump_again_ = true;
  if (std::exchange(pumping_, true)) return;
  while (std::exchange(pump_again_, false)) pump_once();
  pumping_ = false;
}

void Outbox::pump_once() {
  if (doubts()) return;
  for (auto at = items_.begin(); send_ && at != items_.end();) {
    const std::shared_ptr<Item> item = *at++;
    item->offered = std::max(item->offered, item->confirmed);
    while (send_ && item->offered < item->stanzas.size()) {
      if (in_flight_ >= kInFlightMax || !offer(item)) return;
    }
  }
}

// The next one with the time it was said, when it is late; else nullopt, and it goes as it is.
std::optional<xmpp::Element> Outbox::delayed(const Item& item) const {
  const bool late = deps_.clock.now() - item.reply.accepted_at > kDelayAfter;
  if (!late && !item.maybe_seen) return std::nullopt;
  xmpp::Element stanza = item.stanzas[item.offered];
  add_delay(stanza, item.reply.accepted_at);
  return stanza;
}

// False: not now. The link will say more (a confirmation, its end), or we ask again.
bool Outbox::offer(const std::shared_ptr<Item>& item) {
  const std::weak_ptr<bool> alive = alive_;
  Done done = [this, alive, generation = generation_, item](const Result<void>& result) {
    if (alive.lock()) on_done(generation, item, result);
  };
  const std::optional<xmpp::Element> late = delayed(*item);
  const xmpp::Element& stanza = late ? *late : item->stanzas[item->offered];
  std::function<void()> written = [this, alive, item, part = item->offered] {
    if (alive.lock()) on_written(item, part);
  };
  ++item->offered;
  ++in_flight_;
  const Result<void> taken = send_(stanza, std::move(done), std::move(written));
  if (taken) return true;
  --item->offered;
  --in_flight_;
  const Code code = taken.error().code;
  if (code == Code::kTooLarge || code == Code::kInvalid) {  // no later link takes it either
    log_failure("the link refuses", item->reply, taken);
    item->offered = item->stanzas.size();
    finish(item, false);
    return true;
  }
  if (in_flight_ == 0) retry_later();
  return false;
}

void Outbox::on_done(std::uint64_t generation, const std::shared_ptr<Item>& item,
                     const Result<void>& result) {
  if (generation != generation_ || !result) return;  // a broken link is reported by down()
  --in_flight_;
  ++item->confirmed;
  if (item->finished) return pump();
  if (item->confirmed == item->stanzas.size()) {
    finish(item, true);
  } else {
    on_written(item, item->confirmed - 1);
  }
  pump();
}

// So that after the death of this process nobody sees it twice.
void Outbox::on_written(const std::shared_ptr<Item>& item, std::size_t part) {
  if (item->finished || part < item->noted) return;
  item->noted = part + 1;
  log_failure("noting a sent part of", item->reply, deps_.journal.step(item->entry, "sent"));
}

void Outbox::finish(const std::shared_ptr<Item>& item, bool sent) {
  const std::string& id = item->reply.message.id.str();
  // One write for both: the key goes in front of the end.
  log_failure("remembering", item->reply, deps_.journal.remember_with_next(kSentSet, id));
  log_failure("ending", item->reply, deps_.journal.end(item->entry));
  item->finished = true;
  items_.erase(std::ranges::find(items_, item));  // near the front: oldest first
  changed_.notify_all();
  if (sent && send_ && !acknowledged_) {
    item->sequence = ++sequence_;
    item->sent_at = deps_.clock.now();
    unproven_.push_back(item);
    believe_oldest();
    prove_later();
  }
  if (!std::exchange(item->told, true) && deps_.finished) deps_.finished(item->reply, sent);
}

// A link that is dead is known to be long before: whoever does not answer pings must not make us
// repeat a whole day.
void Outbox::believe_oldest() {
  const WallTime now = deps_.clock.now();
  while (!unproven_.empty() &&
         (unproven_.size() > kUnprovenMax || now - unproven_.front()->sent_at > kUnprovenAgeMax)) {
    unproven_.pop_front();
  }
}

void Outbox::prove_later() {
  if (!proving_) proving_ = deps_.gate.spawn("xmpp outbox proof", prove_all(deps_.gate.ctx()));
}

Task<void> Outbox::prove_all(Ctx ctx) {
  do {
    const Ctx bounded = ctx.within(kProveTimeout);
    (void)co_await prove_once(bounded);
    if (!co_await sleep_for(ctx, kProvePause)) break;
  } while (!unproven_.empty() && send_);
  proving_ = false;
}

// True when all that was sent before the question has been read. An error is an answer too; silence
// is none.
Task<bool> Outbox::prove_once(Ctx ctx) {
  if (unproven_.empty() || !send_) co_return unproven_.empty();
  const std::uint64_t generation = generation_;
  const std::uint64_t asked = unproven_.back()->sequence;
  const Result<void> answered = co_await deps_.ping(ctx);
  if (!is_answer(answered) || generation != generation_) co_return false;
  while (!unproven_.empty() && unproven_.front()->sequence <= asked) unproven_.pop_front();
  co_return true;
}

// Durable again, in front of everything else, to be sent once more.
void Outbox::put_back_unproven() {
  believe_oldest();
  if (unproven_.empty()) return;
  log::info("xmpp", "{} replies may not have reached the server: they are sent again",
            unproven_.size());
  for (const auto& item : unproven_) {
    log_failure("keeping", item->reply,
                deps_.journal.begin(kJournalKind, item->entry, to_journal(item->reply)));
    item->offered = item->confirmed = 0;
    item->finished = false;
    item->maybe_seen = true;
  }
  items_.splice(items_.begin(), unproven_);
}

void Outbox::retry_later() {
  if (retrying_) return;
  retrying_ = deps_.gate.spawn("xmpp outbox retry", retry(deps_.gate.ctx()));
}

Task<void> Outbox::retry(Ctx ctx) {
  const Result<void> slept = co_await sleep_for(ctx, kRetryAfter);
  retrying_ = false;
  if (slept) pump();
}

Task<void> Outbox::drained(Ctx ctx) {
  while (!items_.empty() && send_) {
    if (!co_await changed_.wait(ctx)) break;
  }
  if (!send_ || unproven_.empty()) co_return;
  const Ctx bounded = ctx.within(kLastProofTimeout);
  const bool proven = co_await prove_once(bounded);
  if (!proven) put_back_unproven();
}

}  // namespace skep::channels
