#include "turns.h"

#include "skep/base/json.h"

namespace skep::channels {

void put_asked(json::object& meta, const Asked& asked) {
  json::object xmpp;
  if (asked.type != "chat") xmpp["type"] = asked.type;
  if (!asked.parent_thread.empty()) xmpp["parent_thread"] = asked.parent_thread;
  const auto put = [&](std::string_view key, const std::string& value) {
    if (!value.empty()) xmpp[key] = value;
  };
  put("reply_id", asked.reply_id);
  put("reply_to", asked.reply_to);
  put("mention", asked.mention);
  put("occupant", asked.occupant);
  put("reference", asked.reference);
  if (!xmpp.empty()) meta["xmpp"] = std::move(xmpp);
}

std::optional<Asked> asked_from(const json::object& meta) {
  const json::value* xmpp = meta.if_contains("xmpp");
  if (xmpp == nullptr) return std::nullopt;
  Asked asked;
  for (const std::string_view type : {"normal", "groupchat"}) {
    if (get_string(*xmpp, "type") == type) asked.type = type;
  }
  asked.reply_id = get_string(*xmpp, "reply_id");
  asked.reply_to = get_string(*xmpp, "reply_to");
  asked.mention = get_string(*xmpp, "mention");
  asked.occupant = get_string(*xmpp, "occupant");
  asked.reference = get_string(*xmpp, "reference");
  asked.parent_thread = get_string(*xmpp, "parent_thread");
  return asked;
}

void put_seen(json::object& meta, const std::string& key) {
  if (!key.empty()) meta["xmpp_seen"] = key;
}

std::string_view seen_from(const json::object& meta) {
  const json::value* key = meta.if_contains("xmpp_seen");
  const json::string* text = key == nullptr ? nullptr : key->if_string();
  return text == nullptr ? std::string_view() : std::string_view(*text);
}

std::string Turns::key_of(const Conversation& conversation) {
  return conversation.entrypoint + "\n" + conversation.peer + "\n" + conversation.thread;
}

void Turns::asked(const Message& message, Asked asked) {
  newest_.touch(key_of(message.conversation)) = asked.reference;
  asked.conversation = message.conversation;
  asked.address = message.reply_address;
  asked_.touch(message.id.str()) = std::move(asked);
}

bool Turns::is_overtaken(const Conversation& conversation, const Asked& asked) {
  if (asked.reference.empty()) return false;
  const std::string* newest = newest_.find(key_of(conversation));
  return newest != nullptr && *newest != asked.reference;
}

Result<Correspondence> Turns::correspondence(const Message& message) {
  Correspondence with;
  SKEP_TRY(with.to, xmpp::Jid::parse(message.reply_address.to));
  if (deps_.with_from && !message.reply_address.from.empty()) {
    SKEP_TRY(with.from, xmpp::Jid::parse(message.reply_address.from));
  }
  with.thread = message.conversation.thread;
  if (const Asked* asked = asked_.find(message.in_reply_to.str())) with.type = asked->type;
  return with;
}

void Turns::say_state(const Correspondence& with, std::string_view state) {
  const std::string to = with.to.str();
  if (!deps_.peers.takes_states(to)) return;
  deps_.say(make_chat_state(with, state));
  deps_.peers.told(to);
}

// Once for each message, when its turn begins (or with its answer, when that came at once).
void Turns::say_displayed(const MessageId& message, const Correspondence& with) {
  Asked* asked = asked_.find(message.str());
  if (asked == nullptr || !asked->markable || asked->foreign_id.empty()) return;
  asked->markable = false;
  deps_.say(make_displayed(with, asked->foreign_id));
}

void Turns::start(const Message& message) {
  auto with = correspondence(message);
  if (!with) return;
  say_displayed(message.in_reply_to, *with);
  say_state(*with, "composing");
  const WallTime now = deps_.clock.now();
  composing_[message.in_reply_to.str()] = {.with = *std::move(with), .since = now, .said = now};
  if (!refreshing_) refreshing_ = deps_.gate.spawn("xmpp composing", refresh(deps_.gate.ctx()));
}

void Turns::progress(const Message& message) {
  if (!message.progress) return;
  if (message.progress->phase == Progress::Phase::kStarted) return start(message);
  if (message.progress->phase != Progress::Phase::kPaused) return;
  auto running = composing_.find(message.in_reply_to.str());
  if (running == composing_.end()) return;
  say_state(running->second.with, "paused");
  composing_.erase(running);
}

Asked Turns::waits(const Message& question) {
  composing_.erase(question.in_reply_to.str());  // what is sent says <active/>
  if (const Asked* known = asked_.find(question.in_reply_to.str())) return *known;
  return asked_from(question.meta).value_or(Asked{});
}

Asked Turns::answered(const Message& reply) {
  composing_.erase(reply.in_reply_to.str());
  if (auto with = correspondence(reply)) say_displayed(reply.in_reply_to, *with);
  Asked out = asked_from(reply.meta).value_or(Asked{});
  if (Asked* known = asked_.find(reply.in_reply_to.str())) out = std::move(*known);
  asked_.erase(reply.in_reply_to.str());
  return out;
}

void Turns::refresh_all() {
  const WallTime now = deps_.clock.now();
  std::erase_if(composing_,
                [&](const auto& turn) { return now - turn.second.since > kComposingMax; });
  for (auto& [id, turn] : composing_) {
    if (now - turn.said < deps_.refresh / 2) continue;  // it has just begun
    say_state(turn.with, "composing");
    turn.said = now;
  }
}

// Half the period between looks: what began just after one is still said again in time.
Task<void> Turns::refresh(Ctx ctx) {
  while (!composing_.empty()) {
    if (!co_await sleep_for(ctx, deps_.refresh / 2)) break;
    refresh_all();
  }
  refreshing_ = false;
}

}  // namespace skep::channels
