#include "skep/model/role.h"

namespace skep {
namespace {

constexpr std::string_view kKey = "role";

}  // namespace

std::string_view role_name(Role role) {
  switch (role) {
    case Role::kNone:
      return "none";
    case Role::kViewer:
      return "viewer";
    case Role::kUser:
      return "user";
    case Role::kAdmin:
      return "admin";
    case Role::kOwner:
      return "owner";
  }
  return "none";
}

std::optional<Role> role_from(std::string_view name) {
  for (const Role role : {Role::kViewer, Role::kUser, Role::kAdmin, Role::kOwner}) {
    if (role_name(role) == name) return role;
  }
  return std::nullopt;
}

void put_role(Message& message, Role role) { message.meta[kKey] = role_name(role); }

std::optional<Role> role_in(const Message& message) {
  const json::value* at = message.meta.if_contains(kKey);
  if (at == nullptr) return std::nullopt;
  if (!at->is_string()) return Role::kNone;
  return role_from(std::string_view(at->as_string())).value_or(Role::kNone);
}

void drop_role(Message& message) { message.meta.erase(kKey); }

}  // namespace skep
