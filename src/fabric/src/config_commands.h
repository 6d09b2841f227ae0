// The commands that SY.admin nodes send to SY.config: list, add and delete routes and zones. Values
// in and out; the log does the work.
#pragma once

#include <optional>
#include <string>

#include "config_state.h"

namespace skep::fabric {

class ConfigCommand {
 public:
  std::optional<Section> section;  // empty: it is answered with the error alone

  // The section's new text, or nothing when there is nothing to change (a list, an error).
  std::optional<json::value> edit(const ConfigState& now);
  void settle(const ConfigOutcome& outcome);
  // The entries as they are now, for the answer.
  void list(const ConfigState& now);
  // {"status":"ok"|"error", "error_code"?, "error_detail"?, "config_version", "routes"|"vpns"}
  [[nodiscard]] const json::object& answer() const { return answer_; }
  [[nodiscard]] Message reply(const Message& to) const;

 private:
  friend ConfigCommand read_command(std::string_view action, const json::value* entry,
                                    bool allowed);
  enum class Verb : std::uint8_t { kList, kAdd, kDelete } verb_ = Verb::kList;
  void refuse(std::string code, std::string detail);

  json::value entry_;  // the payload
  json::object answer_;
};

// Actions add_route, delete_route, list_routes, add_vpn, delete_vpn, list_vpns. `entry`: the
// payload, null when it is no JSON. `allowed`: the sender may command.
ConfigCommand read_command(std::string_view action, const json::value* entry, bool allowed);

}  // namespace skep::fabric
