// The names of message kinds in JSON, for the two writers.
#pragma once

#include <string_view>

#include "skep/model/message.h"

namespace skep {

constexpr std::string_view kind_name(Kind kind) {
  switch (kind) {
    case Kind::kUser:
      return "user";
    case Kind::kReply:
      return "reply";
    case Kind::kProgress:
      return "progress";
    case Kind::kControl:
      return "control";
    case Kind::kSystem:
      break;
  }
  return "system";
}

}  // namespace skep
