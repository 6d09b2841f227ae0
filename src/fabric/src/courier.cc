#include "courier.h"

#include "skep/base/json.h"
#include "skep/base/log.h"
#include "skep/fabric/router.h"
#include "skep/store/journal.h"

namespace skep::fabric {
namespace {

using std::chrono::milliseconds;
constexpr milliseconds kAnswerMax{5'000};  // then an acknowledged message is sent again
constexpr milliseconds kMissingMin{250}, kMissingMax{5'000};  // between looks for a receiver

// An entry of the node's own about the same message may be in the journal too.
store::EntryId entry_of(const std::string& id) { return store::EntryId("link:" + id); }

SteadyTime now() { return std::chrono::steady_clock::now(); }

bool passes(std::string_view reason) {
  for (const Drop drop : {Drop::kNodeNotFound, Drop::kBackpressure, Drop::kPeerUnavailable,
                          Drop::kGatewayUnavailable, Drop::kWanUnavailable}) {
    if (reason == drop_reason(drop)) return true;
  }
  return false;
}

// Of a NACK. An answer has nobody else to go to, so only what makes it impossible ends it.
bool passes(Code code, bool reply) {
  switch (code) {
    case Code::kUnavailable:
      return true;
    case Code::kInvalid:
    case Code::kTooLarge:
    case Code::kUnsupported:
      return false;
    default:
      return reply;
  }
}

Code code_named(std::string_view name) {
  for (int i = 0; i <= static_cast<int>(Code::kInternal); ++i) {
    const auto code = static_cast<Code>(i);
    if (code_name(code) == name) return code;
  }
  return Code::kInternal;
}

}  // namespace

Result<Message> message_of_frame(std::string_view frame) {
  if (frame.size() <= kFrameHeaderBytes) return fail(Code::kCorrupt, "a frame of a kept message");
  SKEP_TRY(const EnvelopeView view, read_envelope(frame.substr(kFrameHeaderBytes)));
  return message_from_envelope(view);
}

Courier::Courier(CourierConfig config, Deps deps)
    : config_(std::move(config)),
      deps_(std::move(deps)),
      outbox_(config_.queue_messages_max, config_.queue_bytes_max) {}

// -- keeping -------------------------------------------------------------------------------------

void Courier::restore() {
  if (deps_.journal == nullptr) return;
  for (const store::JournalEntry& entry : deps_.journal->unfinished(config_.journal_kind)) {
    auto restored = restore_one(entry.id.str(), entry.steps.at(0));
    if (!restored)
      log::warn("fabric", "message {} stays in the journal: {}", entry.id.str(),
                restored.error().message);
  }
}

// Stamped anew: the node may have another id by now.
Result<void> Courier::restore_one(const std::string& id, const std::string& frame) {
  SKEP_TRY(Message message, message_of_frame(frame));
  message.src = config_.src;
  Outbox::Item item{.id = message.id.str(),
                    .frame = {},
                    .acknowledged = true,
                    .reply = message.kind == Kind::kReply,
                    .since = now(),
                    .lane = lane_of(message)};
  SKEP_TRY_VOID(append_frame(item.frame, message, Stamp{.ttl = message.ttl}));
  if (entry_of(item.id).str() != id) return fail(Code::kCorrupt, "its id is another");
  SKEP_TRY_VOID(outbox_.keep(std::move(item)));
  return {};
}

// A conversation's messages stay in order even while their receiver comes and goes.
std::string Courier::lane_of(const Message& message) const {
  const Conversation& c = message.conversation;
  if (!patient() || c == Conversation()) return {};
  std::string to = "null";
  if (const auto* name = std::get_if<Name>(&message.dst)) to = name->str();
  if (const auto* node = std::get_if<NodeId>(&message.dst)) to = node->uuid.str();
  return fmt::format("{}\n{}\n{}\n{}", to, c.channel, c.peer, c.thread);
}

Result<void> Courier::take(Message&& message) {
  message.src = config_.src;
  message.src_name.reset();
  if (message.id.empty()) message.id = MessageId(mint_ulid());
  const bool said = message.kind == Kind::kUser || message.kind == Kind::kReply;
  if (said && !std::holds_alternative<Broadcast>(message.dst)) {
    // A node that was killed before it knew says the same again.
    if (outbox_.find(message.id.str()) != nullptr) return {};
    message.meta["ack"] = true;
  }
  if (deps_.blobs != nullptr) SKEP_TRY_VOID(offload_text(message, *deps_.blobs));
  if (message.meta.contains("ack") || !up_) return keep(message);
  SKEP_TRY_VOID(deps_.send_message(message));
  ++sent_;
  return {};
}

Result<void> Courier::keep(const Message& message) {
  const bool acknowledged = message.meta.contains("ack");
  std::string frame;
  SKEP_TRY_VOID(append_frame(frame, message, Stamp{.ttl = message.ttl}));
  Outbox::Item item{.id = message.id.str(),
                    .frame = std::move(frame),
                    .acknowledged = acknowledged,
                    .system = message.kind == Kind::kSystem,
                    .reply = message.kind == Kind::kReply,
                    .since = now()};
  if (acknowledged) item.lane = lane_of(message);
  SKEP_TRY(Outbox::Item * kept, outbox_.keep(std::move(item)));
  if (acknowledged && deps_.journal != nullptr) {
    auto begun = deps_.journal->begin(config_.journal_kind, entry_of(kept->id), kept->frame);
    if (!begun) {
      outbox_.settle(message.id.str());
      return fail(std::move(begun).error());
    }
  }
  if (up_ && outbox_.is_first(*kept)) send(*kept);
  return {};
}

// -- sending -------------------------------------------------------------------------------------

bool Courier::send(Outbox::Item& item) {
  if (!deps_.send(item.frame, item.system)) return false;
  item.sent = now();
  ++sent_;
  return true;
}

void Courier::up() {
  up_ = true;
  ++ups_;
  up_since_ = now();
  const SteadyTime late = up_since_ - config_.kept_max;
  std::vector<Outbox::Item> lost;
  outbox_.each([&](Outbox::Item& item) {
    if (item.acknowledged) {
      if (outbox_.is_first(item)) send(item);
      return true;
    }
    if (item.since >= late) return !send(item);
    lost.push_back(std::move(item));
    return false;
  });
  for (const Outbox::Item& item : lost) deps_.too_old(item);
}

void Courier::down() { up_ = false; }

void Courier::tick() {
  if (!up_) return;
  const SteadyTime at = now();
  outbox_.each([&](Outbox::Item& item) {
    if (!item.acknowledged) return !send(item);
    send_if_due(item, at);
    return true;
  });
}

void Courier::send_if_due(Outbox::Item& item, SteadyTime at) {
  if (item.sent > at - kAnswerMax || item.again > at || !outbox_.is_first(item)) return;
  send(item);
}

void Courier::end(const std::string& id) {
  const auto item = outbox_.settle(id);
  if (!item) return;
  if (deps_.journal != nullptr) {
    if (auto ended = deps_.journal->end(entry_of(id)); !ended)
      log::warn("fabric", "message {} may be sent again: {}", id, ended.error().message);
  }
  Outbox::Item* next = item->lane.empty() ? nullptr : outbox_.first_of(item->lane);
  if (next != nullptr && up_) send(*next);
}

// -- answers -------------------------------------------------------------------------------------

Courier::Failure Courier::failure_of(const Message& word, const Outbox::Item& item) const {
  const auto payload = parse_json(word.payload);
  const auto said = [&](std::string_view key) {
    return payload ? std::string(get_string(*payload, key)) : std::string();
  };
  if (word.action == "NACK") {
    const Code code = code_named(said("code"));
    return {{code, said("message")}, passes(code, item.reply)};
  }
  std::string reason(get_string(word.meta, "reason"));
  if (reason.empty()) reason = said("reason");
  if (word.action == "TTL_EXCEEDED") reason = drop_reason(Drop::kTtlExceeded);
  return {{Code::kUnavailable, fmt::format("its receiver cannot be reached: {}", reason)},
          passes(reason)};
}

bool Courier::answered(const Message& word) {
  std::string about = word.in_reply_to.str();
  if (about.empty()) {
    if (auto payload = parse_json(word.payload)) about = get_string(*payload, "id");
  }
  Outbox::Item* item = outbox_.find(about);
  if (item == nullptr) return word.action == "ACK" || word.action == "NACK";
  if (word.action == "ACK") return end(about), true;
  const Failure failure = failure_of(word, *item);
  if (wait_for_receiver(*item, word, failure)) return true;
  if (!deps_.undelivered) return end(about), false;
  auto message = message_of_frame(item->frame);
  auto told = message ? deps_.undelivered(*message, failure.why) : Result<void>();
  if (!told) {  // who is to hear of it cannot take that now
    item->again = now() + kMissingMax;
    item->sent = {};
    return true;
  }
  return end(about), true;
}

// After a router's restart its nodes come back one after the other: who is missing in the first
// seconds is asked for again in any case.
bool Courier::wait_for_receiver(Outbox::Item& item, const Message& word, const Failure& failure) {
  const SteadyTime at = now();
  if (!patient()) {
    const bool missing = word.action == "UNREACHABLE" &&
                         get_string(word.meta, "reason") == drop_reason(Drop::kNodeNotFound);
    if (!missing || ups_ < 2 || at - up_since_ > kAnswerMax) return false;
    item.sent = {};  // the next tick takes it
    return true;
  }
  if (!failure.passes || at - item.since > config_.missing_kept_max) return false;
  item.again = at + std::min(kMissingMax, kMissingMin * (1 << std::min(item.tries, 5u)));
  ++item.tries;
  item.sent = {};
  return true;
}

}  // namespace skep::fabric
