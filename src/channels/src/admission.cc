#include "admission.h"

#include "skep/base/log.h"
#include "skep/base/text.h"

namespace skep::channels {

bool BotWatch::take(const std::string& full_jid, WallTime now) {
  Peer& peer = peers_.touch(full_jid);
  while (!peer.turns.empty() && now - peer.turns.front() >= kWindow) peer.turns.pop_front();
  if (peer.what == What::kBot && peer.turns.size() >= kTurnsMax) return false;
  if (peer.turns.size() == kTurnsMax) peer.turns.pop_front();
  peer.turns.push_back(now);
  return true;
}

bool BotWatch::should_ask(const std::string& full_jid) {
  Peer* peer = peers_.find(full_jid);
  if (peer == nullptr || peer->what != What::kUnknown || peer->turns.size() < kTurnsMax)
    return false;
  peer->what = What::kAsked;
  return true;
}

void BotWatch::learnt(const std::string& full_jid, bool is_bot) {
  if (Peer* peer = peers_.find(full_jid)) peer->what = is_bot ? What::kBot : What::kPerson;
}

Admission::Admission(const XmppChannelConfig& config, const store::Journal& journal,
                     const Clock& clock, XmppChannelStats& stats, const identity::Access* access)
    : own_(config.link.address().bare()),
      component_(config.link.mode == xmpp::XmppConfig::Mode::kComponent),
      age_max_(config.message_age_max),
      allow_(config.allow),
      access_(access),
      journal_(journal),
      clock_(clock),
      stats_(stats),
      flood_(config.flood_per_minute, config.flood_burst) {}

std::string Admission::seen_key(const xmpp::ChatMessage& chat, const std::string& archive_id) {
  std::string text;
  if (!chat.origin_id.empty()) {
    // Stays the same when the client sends it again from another resource.
    text = chat.from.bare().str() + "\norigin\n" + chat.origin_id;
  } else if (!chat.id.empty()) {
    // Some clients count their ids from 1 at every start, so the text belongs to the key.
    text = chat.from.str() + "\nid\n" + chat.id + "\n" + chat.body;
  } else if (!archive_id.empty()) {
    text = "archive\n" + archive_id;
  } else {
    return {};
  }
  return hex_encode(sha256(text).substr(0, 16));
}

bool Admission::is_ours(const xmpp::Jid& from) const {
  return component_ ? from.domain() == own_.domain() : from.bare() == own_;
}

// Something a person says to us, not about a room, not a copy, not an announcement.
bool Admission::is_conversation(const xmpp::ChatMessage& chat, bool words) const {
  if (chat.type == "headline" || chat.type == "groupchat" || chat.carbon || is_ours(chat.from))
    return false;
  return !words || ((chat.has_body && !trim(chat.body).empty()) || !chat.files.empty());
}

bool Admission::blocked(const std::string& address) const {
  return access_ != nullptr && access_->of(address) == identity::Access::Standing::kBlocked &&
         !allow_.is_admin(address);
}

// What administrators decided counts more than the configuration; the configuration's
// administrators are above both.
identity::Verdict Admission::verdict(const std::string& address) const {
  if (blocked(address)) return identity::Verdict::kNotListed;
  if (access_ != nullptr && access_->of(address) == identity::Access::Standing::kAllowed)
    return identity::Verdict::kAllowed;
  return allow_.check(address);
}

bool Admission::permits(const xmpp::Jid& who) const {
  return verdict(who.bare().str()) == identity::Verdict::kAllowed;
}

bool Admission::is_admin(const xmpp::Jid& who) const { return allow_.is_admin(who.bare().str()); }

Role Admission::role_of(const xmpp::Jid& who) const {
  const std::string address = who.bare().str();
  if (blocked(address)) return Role::kNone;
  const Role named = allow_.role_of(address);
  const bool let_in =
      access_ != nullptr && access_->of(address) == identity::Access::Standing::kAllowed;
  return named == Role::kNone && let_in ? Role::kUser : named;
}

Role Admission::role_in_room(const xmpp::Jid& room, const xmpp::Jid& real) const {
  if (!real.empty()) {
    if (blocked(real.bare().str())) return Role::kNone;
    if (const Role own = role_of(real); own != Role::kNone) return own;
  }
  return allow_.config().people.names(room.bare().str()) ? role_of(room) : Role::kNone;
}

void Admission::mark_role(Message& message, const xmpp::Jid& who) const {
  if (!has_roles() || allow_.role_of(who.bare().str()) != Role::kNone) return;
  put_role(message, role_of(who));
}

bool Admission::may_act(const xmpp::Jid& who) {
  if (is_ours(who) || !authorised(who)) return false;
  if (flood_.take(who.bare().str(), clock_.now()) == FloodVerdict::kPass) return true;
  ++stats_.flooded;
  return false;
}

bool Admission::authorised(const xmpp::Jid& from) {
  const std::string address = from.bare().str();
  switch (verdict(address)) {
    case identity::Verdict::kAllowed:
      return true;
    case identity::Verdict::kForeignDomain:
      ++stats_.foreign_domain;
      break;
    case identity::Verdict::kNotListed:
      ++(blocked(address) ? stats_.blocked : stats_.not_listed);
      break;
  }
  return allowed(from);  // says so in the log
}

bool Admission::allowed(const xmpp::Jid& who) {
  const std::string address = who.bare().str();
  const identity::Verdict verdict = this->verdict(address);
  if (verdict == identity::Verdict::kForeignDomain)
    warn_once(address, "its domain is not in [agent] allowed_domains");
  if (verdict == identity::Verdict::kNotListed)
    warn_once(address, blocked(address) ? "an administrator has blocked it"
                       : has_roles()    ? "it is nobody's of [[users]]"
                                        : "it is not in [agent] allowed_jids");
  return verdict == identity::Verdict::kAllowed;
}

void Admission::warn_once(const std::string& who, std::string_view why) {
  WallTime& last = warned_.touch(who);
  const WallTime now = clock_.now();
  if (last != WallTime{} && now - last < std::chrono::hours(1)) return;
  last = now;
  log::warn("xmpp", "{} is not answered: {} (said at most once an hour)", who, why);
}

bool Admission::too_old(const xmpp::ChatMessage& chat) const {
  return chat.delay && clock_.now() - *chat.delay > age_max_;
}

Admitted Admission::judge(const xmpp::ChatMessage& chat, const std::string& key, Subject subject) {
  if (!is_conversation(chat, subject.words)) return ++stats_.ignored, Admitted::kNo;
  if (chat.automatic) return ++stats_.loops, Admitted::kNo;
  if (!authorised(chat.from)) return Admitted::kNo;
  if (!key.empty() && journal_.remembers(kSeenSet, key))
    return ++stats_.duplicates, Admitted::kDuplicate;
  const WallTime now = clock_.now();
  switch (flood_.take(chat.from.bare().str(), now)) {
    case FloodVerdict::kPass:
      break;
    case FloodVerdict::kNotice:
      return ++stats_.flooded, subject.archived ? Admitted::kContext : Admitted::kFlood;
    case FloodVerdict::kSilent:
      return ++stats_.flooded, subject.archived ? Admitted::kContext : Admitted::kNo;
  }
  if (too_old(chat)) return ++stats_.too_old, Admitted::kContext;
  if (!bots_.take(chat.from.str(), now)) return ++stats_.loops, Admitted::kNo;
  return Admitted::kYes;
}

}  // namespace skep::channels
