// The names that a Message's fields have on the wire, for writer and reader.
#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "skep/model/message.h"

namespace skep::fabric {

// meta.type of the kinds that have one of their own; kControl: none.
constexpr std::array<std::pair<Kind, std::string_view>, 4> kTypes{{{Kind::kUser, "user"},
                                                                   {Kind::kReply, "reply"},
                                                                   {Kind::kProgress, "progress"},
                                                                   {Kind::kSystem, "system"}}};
constexpr std::string_view kControlType = "control";  // of a kControl that names no type

constexpr std::array<std::pair<Progress::Phase, std::string_view>, 7> kPhases{
    {{Progress::Phase::kStarted, "started"},
     {Progress::Phase::kText, "text"},
     {Progress::Phase::kToolStart, "tool_start"},
     {Progress::Phase::kToolEnd, "tool_end"},
     {Progress::Phase::kPaused, "paused"},
     {Progress::Phase::kReset, "reset"},
     {Progress::Phase::kAsks, "asks"}}};

constexpr std::optional<Kind> kind_of(std::string_view type) {
  for (auto [kind, name] : kTypes) {
    if (name == type) return kind;
  }
  return std::nullopt;
}

// A message's meta.type; the view lives as long as the message.
inline std::string_view type_of(const Message& message) {
  for (auto [kind, name] : kTypes) {
    if (kind == message.kind) return name;
  }
  std::string_view type;
  if (const json::value* given = message.meta.if_contains("type");
      given != nullptr && given->is_string())
    type = given->get_string();
  return type.empty() ? kControlType : type;
}

}  // namespace skep::fabric
