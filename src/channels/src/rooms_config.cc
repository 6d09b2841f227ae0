#include "skep/channels/rooms_config.h"

#include <algorithm>

#include "skep/base/text.h"

namespace skep::channels {
namespace {

constexpr std::size_t kNickBytesMax = 256;
constexpr std::size_t kKeywordsMax = 100;
constexpr int kBudgetMax = 10'000'000;

void read_room(ConfigSection& section, RoomConfig& room) {
  std::string text;
  if (!section.read("jid", text)) {
    if (!section.has("jid"))
      section.problem("jid", "which room? For example jid = \"team@conference.example.org\"");
    return;
  }
  const auto jid = xmpp::Jid::parse(text);
  if (!jid) return section.problem("jid", jid.error().message);
  if (jid->local().empty() || !jid->is_bare())
    return section.problem("jid", "a room is written name@service, without a nick");
  room.room = *jid;
}

void read_nick(ConfigSection& section, RoomConfig& room) {
  if (!section.read("nick", room.nick)) return;
  const auto occupant = xmpp::Jid::parse("room@service/" + room.nick);
  if (room.nick.empty() || room.nick.size() > kNickBytesMax || !occupant)
    section.problem("nick", "it cannot be used as a nick");
}

void read_activation(ConfigSection& section, RoomConfig& room) {
  using Activation = RoomConfig::Activation;
  std::string text = "mention";
  section.read_choice("activation", {"mention", "reply", "all", "keywords"}, text);
  if (text == "reply") room.activation = Activation::kReply;
  if (text == "all") room.activation = Activation::kAll;
  if (text == "keywords") room.activation = Activation::kKeywords;
  section.read("keywords", room.keywords);
  if (room.keywords.size() > kKeywordsMax)
    section.problem("keywords", fmt::format("at most {}", kKeywordsMax));
  if (room.activation == Activation::kKeywords && room.keywords.empty())
    section.problem("keywords", "activation = \"keywords\" needs some");
}

bool is_commander(std::string_view text) {
  for (const std::string_view known :
       {"owner", "admin", "member", "moderator", "participant", "everyone"}) {
    if (text == known) return true;
  }
  return false;
}

void read_commanders(ConfigSection& section, RoomConfig& room) {
  std::vector<std::string> raw;
  if (!section.read("commanders", raw)) return;
  room.commanders.clear();
  for (const std::string& text : raw) {
    const auto jid = xmpp::Jid::parse(text);
    if (is_commander(text)) {
      room.commanders.push_back(text);
    } else if (jid && !jid->local().empty()) {
      room.commanders.push_back(jid->bare().str());
    } else {
      section.problem("commanders", "\"" + text +
                                        "\": expected owner, admin, member, moderator, "
                                        "participant, everyone, or an address");
    }
  }
}

void read_rest(ConfigSection& section, RoomConfig& room) {
  section.read("account", room.account);
  section.read("password", room.password);
  section.read("persona", room.persona);
  section.read("instructions", room.instructions);
  section.read("history_max", room.history_max, {.min = 0, .max = 500});
  section.read("history_token_budget", room.history_token_budget, {.min = 0, .max = kBudgetMax});
  section.read("turns_per_minute", room.turns_per_minute, {.min = 1, .max = 600});
  section.read("autorejoin", room.autorejoin);
  std::string members = "members";
  section.read_choice("members", {"members", "everyone", "none"}, members);
  if (members == "everyone") room.members = RoomConfig::Members::kEveryone;
  if (members == "none") room.members = RoomConfig::Members::kNone;
}

}  // namespace

std::vector<RoomConfig> RoomConfig::read(ConfigSection root) {
  std::vector<RoomConfig> rooms;
  for (ConfigSection& section : root.list("rooms")) {
    RoomConfig room;
    read_room(section, room);
    read_nick(section, room);
    read_activation(section, room);
    read_commanders(section, room);
    read_rest(section, room);
    if (room.room.empty()) continue;
    if (std::ranges::find(rooms, room.room, &RoomConfig::room) != rooms.end()) {
      section.problem("jid", room.room.str() + " is there twice");
    } else if (rooms.size() >= kRoomsMax) {
      section.problem("jid", fmt::format("at most {} rooms", kRoomsMax));
    } else {
      rooms.push_back(std::move(room));
    }
  }
  return rooms;
}

}  // namespace skep::channels
