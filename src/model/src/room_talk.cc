#include "skep/model/room_talk.h"

namespace skep {
namespace {

constexpr std::string_view kKey = "room";
constexpr std::string_view kSuffix = "@muc";

}  // namespace

void put_room_talk(Message& message, const RoomTalk& talk) {
  json::object room{{"speaker", talk.speaker}, {"nick", talk.nick}, {"people", talk.people}};
  if (!talk.subject.empty()) room["subject"] = talk.subject;
  if (talk.listen) room["listen"] = true;
  if (talk.may_manage) room["may_manage"] = true;
  message.meta[kKey] = std::move(room);
}

std::optional<RoomTalk> room_talk(const Message& message) {
  const json::value* room = message.meta.if_contains(kKey);
  if (room == nullptr || !room->is_object()) return std::nullopt;
  return RoomTalk{.speaker = std::string(get_string(*room, "speaker")),
                  .nick = std::string(get_string(*room, "nick")),
                  .subject = std::string(get_string(*room, "subject")),
                  .people = static_cast<std::size_t>(
                      std::max<std::int64_t>(0, get_int(*room, "people").value_or(0))),
                  .listen = get_bool(*room, "listen").value_or(false),
                  .may_manage = get_bool(*room, "may_manage").value_or(false)};
}

std::string room_sender(std::string_view speaker) { return std::string(speaker).append(kSuffix); }

std::optional<std::string_view> speaker_of(std::string_view sender) {
  if (!sender.ends_with(kSuffix)) return std::nullopt;
  return sender.substr(0, sender.size() - kSuffix.size());
}

}  // namespace skep
