#include "skep/xmpp/muc.h"

#include <algorithm>
#include <charconv>
#include <vector>

#include "skep/base/text.h"

namespace skep::xmpp {
namespace {

constexpr std::size_t kStatusMax = 16;    // codes of one presence
constexpr std::size_t kIdBytesMax = 256;  // of occupant and stanza ids; longer ones count as absent
constexpr std::size_t kPasswordBytesMax = 1024;
constexpr std::size_t kRangesMax = 16;  // fallback ranges of one message
constexpr std::string_view kNsPing = "urn:xmpp:ping";
constexpr std::string_view kNsData = "jabber:x:data";

Element element(std::string_view name, std::string_view ns) {
  return Element(std::string(name), std::string(ns));
}

std::string bounded(std::string_view text, std::size_t bytes_max) {
  return text.size() <= bytes_max ? std::string(text) : std::string();
}

std::optional<std::size_t> number(std::string_view text) {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string one_of(std::string_view value, std::initializer_list<std::string_view> known) {
  return std::ranges::find(known, value) != known.end() ? std::string(value) : std::string("none");
}

void read_item(MucPresence& presence, const Element& item) {
  presence.affiliation =
      one_of(item.attribute("affiliation"), {"owner", "admin", "member", "outcast"});
  presence.role = one_of(item.attribute("role"), {"moderator", "participant", "visitor"});
  presence.real = Jid::parse(item.attribute("jid")).value_or(Jid()).bare();
  presence.new_nick = item.attribute("nick");
  if (presence.reason.empty()) presence.reason = item.child_text("reason", kNsMucUser);
}

void read_destroy(MucPresence& presence, const Element& destroy) {
  presence.destroyed = true;
  presence.alternate = Jid::parse(destroy.attribute("jid")).value_or(Jid()).bare();
  presence.alternate_password =
      bounded(destroy.child_text("password", kNsMucUser), kPasswordBytesMax);
  presence.reason = destroy.child_text("reason", kNsMucUser);
}

void read_user(MucPresence& presence, const Element& user) {
  for (const Element* child : user.children()) {
    if (child->ns != kNsMucUser) continue;
    if (child->name == "item") read_item(presence, *child);
    if (child->name == "destroy") read_destroy(presence, *child);
    if (child->name == "status" && presence.status.size() < kStatusMax) {
      if (const auto code = number(child->attribute("code")); code && *code < 1000)
        presence.status.insert(static_cast<int>(*code));
    }
  }
}

std::string condition_in(const Element& stanza) {
  const Element* error = stanza.child("error", kNsClient);
  if (error == nullptr) return "undefined-condition";
  for (const Element* child : error->children()) {
    if (child->ns == kNsStanzas && child->name != "text") return child->name;
  }
  return "undefined-condition";
}

// Byte offsets of every code point, and the end.
std::vector<std::size_t> code_points(std::string_view text) {
  std::vector<std::size_t> starts;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if ((static_cast<unsigned char>(text[at]) & 0xC0) != 0x80) starts.push_back(at);
  }
  starts.push_back(text.size());
  return starts;
}

struct Range {
  std::size_t start = 0;
  std::size_t end = 0;
};

// Of one <fallback/>: its <body/> children; one without positions means the whole body.
void read_ranges(const Element& fallback, std::size_t size, std::vector<Range>& ranges) {
  for (const Element* body : fallback.children()) {
    if (body->name != "body" || body->ns != kNsFallback || ranges.size() >= kRangesMax) continue;
    const bool whole = !body->has_attribute("start") && !body->has_attribute("end");
    const auto start = number(body->attribute("start"));
    const auto end = number(body->attribute("end"));
    if (whole) ranges.push_back({0, size});
    if (start && end && *start < *end && *end <= size) ranges.push_back({*start, *end});
  }
}

}  // namespace

Result<MucPresence> read_muc_presence(const Element& stanza) {
  MucPresence presence;
  SKEP_TRY(presence.from, Jid::parse(stanza.attribute("from")));
  presence.type = stanza.attribute("type");
  if (presence.type == "error") presence.error_condition = condition_in(stanza);
  if (const Element* user = stanza.child("x", kNsMucUser)) read_user(presence, *user);
  if (const Element* id = stanza.child("occupant-id", kNsOccupantId))
    presence.occupant_id = bounded(id->attribute("id"), kIdBytesMax);
  return presence;
}

MucMessage read_muc_message(const Element& stanza, const ChatMessage& chat) {
  MucMessage message;
  const std::string room = chat.from.bare().str();
  for (const Element* child : stanza.children()) {
    if (child->ns == kNsStanzaId && child->name == "stanza-id" && child->attribute("by") == room)
      message.stanza_id = bounded(child->attribute("id"), kIdBytesMax);
    if (child->ns == kNsOccupantId && child->name == "occupant-id")
      message.occupant_id = bounded(child->attribute("id"), kIdBytesMax);
    if (child->ns == kNsReply && child->name == "reply") {
      message.reply_to_id = bounded(child->attribute("id"), kIdBytesMax);
      message.reply_to_jid = Jid::parse(child->attribute("to")).value_or(Jid()).str();
    }
    if (child->ns == kNsClient && child->name == "subject") {
      message.has_subject = true;
      message.subject = child->text();
    }
  }
  message.body =
      message.reply_to_id.empty() ? chat.body : without_fallback(stanza, chat.body, kNsReply);
  return message;
}

std::string without_fallback(const Element& stanza, std::string_view body,
                             std::string_view feature) {
  std::vector<Range> ranges;
  const std::vector<std::size_t> starts = code_points(body);
  for (const Element* child : stanza.children()) {
    if (child->name == "fallback" && child->ns == kNsFallback && child->attribute("for") == feature)
      read_ranges(*child, starts.size() - 1, ranges);
  }
  std::ranges::sort(ranges, {}, &Range::start);
  std::string kept;
  std::size_t at = 0;
  for (const Range& range : ranges) {
    if (range.start > at) kept += body.substr(starts[at], starts[range.start] - starts[at]);
    at = std::max(at, range.end);
  }
  return kept.append(body.substr(starts[at]));
}

std::optional<MucInvite> read_muc_invite(const Element& stanza) {
  const auto from = Jid::parse(stanza.attribute("from"));
  if (!from || stanza.attribute("type") == "error") return std::nullopt;
  MucInvite invite;
  if (const Element* user = stanza.child("x", kNsMucUser)) {
    const Element* inside = user->child("invite", kNsMucUser);
    if (inside != nullptr) {
      const auto inviter = Jid::parse(inside->attribute("from"));
      if (!inviter || from->local().empty() || !from->is_bare()) return std::nullopt;
      invite.mediated = true;
      invite.room = *from;
      invite.inviter = *inviter;
      invite.password = bounded(user->child_text("password", kNsMucUser), kPasswordBytesMax);
      invite.reason = inside->child_text("reason", kNsMucUser);
      return invite;
    }
  }
  const Element* direct = stanza.child("x", kNsConference);
  if (direct == nullptr) return std::nullopt;
  const auto room = Jid::parse(direct->attribute("jid"));
  if (!room || room->local().empty()) return std::nullopt;
  invite.room = room->bare();
  invite.inviter = *from;
  invite.password = bounded(direct->attribute("password"), kPasswordBytesMax);
  invite.reason = direct->attribute("reason");
  return invite;
}

Result<Element> make_muc_join(const MucJoin& join) {
  SKEP_TRY(const Jid occupant, Jid::parse(join.room.str() + "/" + join.nick));
  if (occupant.is_bare()) return fail(Code::kInvalid, "a room needs a nick");
  Element presence = make_presence(join.from, occupant, "");
  Element x = element("x", kNsMuc);
  Element history = element("history", kNsMuc);
  x.add(std::move(history.set("maxstanzas", std::to_string(join.history_max))));
  if (!join.password.empty()) {
    Element password = element("password", kNsMuc);
    x.add(std::move(password.text(join.password)));
  }
  presence.add(std::move(x));
  return presence;
}

Element make_muc_leave(const Jid& from, const Jid& occupant) {
  return make_presence(from, occupant, "unavailable");
}

Element make_muc_accept_defaults(const Jid& from, const Jid& room) {
  Element iq = make_iq(from, room, "set", "");
  Element query = element("query", kNsMucOwner);
  Element form = element("x", kNsData);
  query.add(std::move(form.set("type", "submit")));
  return std::move(iq.add(std::move(query)));
}

Element make_muc_self_ping(const Jid& from, const Jid& occupant) {
  Element iq = make_iq(from, occupant, "get", "");
  return std::move(iq.add(element("ping", kNsPing)));
}

Element make_muc_decline(const Jid& from, const MucInvite& invite, std::string_view reason) {
  Element message = make_message(from, invite.room, "", "");
  Element x = element("x", kNsMucUser);
  Element decline = element("decline", kNsMucUser);
  decline.set("to", invite.inviter.str());
  Element words = element("reason", kNsMucUser);
  decline.add(std::move(words.text(std::string(reason))));
  x.add(std::move(decline));
  return std::move(message.add(std::move(x)));
}

}  // namespace skep::xmpp
