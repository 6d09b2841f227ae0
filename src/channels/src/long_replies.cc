#include "long_replies.h"

#include "skep/base/log.h"
#include "skep/base/text.h"
#include "split.h"

namespace skep::channels {
namespace {

constexpr std::string_view kFileName = "answer.txt";
constexpr std::string_view kMediaType = "text/plain; charset=utf-8";
constexpr std::string_view kFence = "```";

// For whom it is: a person's devices and threads are one, a room's private messages one each.
std::string lane_of(const OutgoingReply& reply) {
  const std::string& to = reply.message.reply_address.to;
  const auto jid = xmpp::Jid::parse(to);
  if (!jid || reply.message.conversation.peer.contains('/')) return to;
  return jid->bare().str();
}

OutgoingReply as_file(OutgoingReply reply, xmpp::SharedFile file) {
  const std::string text = text_of(reply.message.parts);
  reply.message.parts = {TextPart{fmt::format("{}\n\n(The whole answer, {}, is in the file.)",
                                              lead_of(text), human_size(text.size()))}};
  reply.extras.files.push_back(std::move(file));
  return reply;
}

OutgoingReply as_parts(OutgoingReply reply) {
  const std::string text = text_of(reply.message.parts);
  reply.message.parts = {TextPart{
      "(This was to come as a file, but it could not be uploaded: here it is in parts.)\n\n" +
      text}};
  return reply;
}

void log_failure(std::string_view what, const OutgoingReply& reply, const Result<void>& result) {
  if (!result)
    log::error("xmpp", "{} the long reply {}: {}", what, reply.message.id.str(),
               result.error().to_string());
}

}  // namespace

std::string lead_of(std::string_view text) {
  text = text.substr(0, text.find(kFence));  // code is for the file
  text = trim(text);
  const auto end = text.find("\n\n", std::min(text.size(), LongReplies::kLeadBytesMin));
  const auto parts = split_reply(text.substr(0, end), LongReplies::kLeadBytesMax);
  return parts.empty() ? std::string("…") : parts.front() + " …";
}

store::EntryId LongReplies::entry_of(const OutgoingReply& reply) {
  return store::EntryId("long:" + reply.message.id.str());
}

bool LongReplies::is_long(const OutgoingReply& reply) const {
  const Extras& extras = reply.extras;
  // Whoever is asked something must see all of it.
  if (!deps_.config.as_file || !reply.choices.empty()) return false;
  if (!extras.files.empty() || !extras.reacts_to.empty()) return false;
  return text_of(reply.message.parts).size() > deps_.config.bytes_max;
}

// The newest step is how it is to be sent, if there is more than the first.
void LongReplies::restore() {
  for (const store::JournalEntry& entry : deps_.journal.unfinished(kJournalKind)) {
    auto reply = entry.steps.empty() ? Result<OutgoingReply>(fail(Code::kCorrupt, "empty entry"))
                                     : outgoing_from_journal(entry.steps.back());
    if (!reply || deps_.is_posted(reply->message.id)) {
      if (!reply)
        log::error("xmpp", "a journaled long reply cannot be sent: {}", reply.error().to_string());
      (void)deps_.journal.end(entry.id);
      continue;
    }
    const bool ready = entry.steps.size() > 1 || !is_long(*reply);
    enqueue({.reply = *std::move(reply), .ready = ready});
  }
}

Result<void> LongReplies::put(OutgoingReply reply) {
  if (!deps_.config.as_file && lanes_.empty()) return deps_.post(std::move(reply));
  if (deps_.is_posted(reply.message.id) || deps_.journal.contains(entry_of(reply))) return {};
  const bool waits = lanes_.contains(lane_of(reply));
  const bool is_one = is_long(reply);
  if (!is_one && !waits) return deps_.post(std::move(reply));
  if (size_ >= deps_.items_max)
    return fail(Code::kExhausted,
                fmt::format("{} replies wait for an upload already ([agent] outbox_max)", size_));
  SKEP_TRY_VOID(render(reply));  // what no link takes is refused here
  reply.accepted_at = deps_.clock.now();
  SKEP_TRY_VOID(deps_.journal.begin(kJournalKind, entry_of(reply), to_journal(reply)));
  enqueue({.reply = std::move(reply), .ready = !is_one});
  return {};
}

void LongReplies::enqueue(Item item) {
  std::string to = lane_of(item.reply);
  Lane& lane = lanes_[to];
  lane.push_back(std::move(item));
  ++size_;
  if (lane.size() == 1) deps_.gate.spawn("xmpp long reply", run(deps_.gate.ctx(), std::move(to)));
}

void LongReplies::up() {
  up_ = true;
  changed_.notify_all();
}

void LongReplies::down() {
  up_ = false;
  ++losses_;
  changed_.notify_all();
}

// One at a time for the same people. Its first stays in the lane until it is handed on: others
// wait behind it.
Task<void> LongReplies::run(Ctx ctx, std::string to) {
  Lane& lane = lanes_.at(to);  // a map's elements stay where they are
  while (!lane.empty()) {
    while (!up_) {
      if (!co_await changed_.wait(ctx)) co_return;
    }
    Item& item = lane.front();  // as a deque's do when others are added behind
    if (!item.ready) co_await prepare(ctx, item);
    if (!item.ready) {
      if (!ctx.check()) co_return;
      continue;
    }
    const bool handed = co_await hand_on(ctx, item);
    if (!handed) co_return;
    log_failure("ending", item.reply, deps_.journal.end(entry_of(item.reply)));
    lane.pop_front();
    --size_;
    changed_.notify_all();
  }
  lanes_.erase(to);
}

// Ready, or not: then the link was lost, and it is tried again.
Task<void> LongReplies::prepare(Ctx ctx, Item& item) {
  const std::uint64_t losses = losses_;
  xmpp::SharedFile file{.name = std::string(kFileName), .media_type = std::string(kMediaType)};
  const Ctx bounded = ctx.within(kUploadTimeout);
  auto uploaded =
      co_await deps_.upload(bounded, std::move(file), text_of(item.reply.message.parts));
  if (!ctx.check()) co_return;
  if (!uploaded && losses != losses_ && ++item.tries < kTriesMax) co_return;
  if (uploaded) {
    item.reply = as_file(std::move(item.reply), *std::move(uploaded));
    ++deps_.stats.long_as_files;
  } else {
    log::warn("xmpp", "the reply {} goes in parts, not as a file: {}", item.reply.message.id.str(),
              uploaded.error().to_string());
    item.reply = as_parts(std::move(item.reply));
    ++deps_.stats.long_as_parts;
  }
  log_failure("noting", item.reply,
              deps_.journal.step(entry_of(item.reply), to_journal(item.reply)));
  item.ready = true;
}

Task<bool> LongReplies::hand_on(Ctx ctx, Item& item) {
  while (true) {
    const Result<void> posted = deps_.post(item.reply);
    if (posted) co_return true;
    if (posted.error().code != Code::kExhausted) {
      ++deps_.stats.undelivered;
      log_failure("the outbox refuses", item.reply, posted);
      co_return true;
    }
    if (!co_await sleep_for(ctx, kRetryAfter)) co_return false;
  }
}

Task<void> LongReplies::drained(Ctx ctx) {
  while (size_ > 0 && up_) {
    if (!co_await changed_.wait(ctx)) co_return;
  }
}

}  // namespace skep::channels
