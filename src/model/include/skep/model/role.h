// How much a person may decide here, and how a message says it for whoever wrote it.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "skep/model/message.h"

namespace skep {

// Each may what those before it may.
enum class Role : std::uint8_t {
  kNone = 0,  // somebody whom [[users]] does not name: may nothing
  kViewer = 1,
  kUser = 2,
  kAdmin = 3,
  kOwner = 4,
};
std::string_view role_name(Role role);  // "viewer"; kNone: "none"
// Of the four that can be given; nothing for any other text.
std::optional<Role> role_from(std::string_view name);

// Lives in Message::meta under "role", where the conversation alone does not tell: a speaker of a
// room, somebody who was let in with /allow, the person for whom an agent asks another one. Whoever
// brings the message writes it, and it holds in this hive alone.
void put_role(Message& message, Role role);
std::optional<Role> role_in(const Message& message);
void drop_role(Message& message);

}  // namespace skep
