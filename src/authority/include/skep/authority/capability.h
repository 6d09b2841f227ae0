// What an agent may do, as values: a kind of act and a pattern for what it is done to.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "skep/base/result.h"
#include "skep/model/role.h"

namespace skep::authority {

// What is done. The resource that goes with it is a tool's name, a path in the workspace,
// "host:port", a key with its scope ("self.notes"), an agent's name, a command's program, a JID.
enum class Action : std::uint8_t {
  kToolInvoke = 1,
  kFileRead,
  kFileWrite,
  kNetConnect,
  kMemoryRead,
  kMemoryWrite,
  kShellExec,
  kAgentSpawn,  // no resource
  kAgentMessage,
  kAgentKill,
  kXmppSend,       // a bare JID: words to somebody who did not ask
  kRemoteExecute,  // another domain's agent, "jid#skill"
  kSchedule,       // no resource: jobs that run by themselves
  // What people do themselves; no agent can be given them.
  kChat,          // an agent's name
  kViewConfig,    // no resource, like those below
  kViewUsage,     // what everybody's questions have cost
  kManageAgents,  // pause them, change their mode; the rooms they are in
  kChangeConfig,
  kManageUsers,  // let people in and shut them out
};
// The least role that may do it, or have an agent do it.
Role minimum_role(Action action);
std::string_view action_name(Action action);  // "tool_invoke", …: configuration and audit use it
std::optional<Action> action_from(std::string_view name);
bool takes_resource(Action action);

struct Capability {
  Action action = Action::kToolInvoke;
  // A glob; empty for actions without a resource. Of a net_connect without a port: any port. Of a
  // memory key its dots are like slashes, and `*` at the end is all below: "self.*".
  std::string pattern;
  bool operator==(const Capability&) const = default;
};
// "net_connect:*.example.org:443", "agent_spawn". kInvalid, in words for whoever wrote it, for an
// unknown action, one of people alone, a pattern where there is no resource, none where there is
// one, or one over pattern_bytes_max.
Result<Capability> parse_capability(std::string_view text);
std::string to_text(const Capability& capability);
inline constexpr std::size_t pattern_bytes_max = 256;

// `*` alone matches everything. Otherwise a value with a "." or ".." path segment matches nothing,
// and the pattern says how it is read:
// - with a "/": segment by segment; `*` stays in its segment, a segment `**` is any number of them,
//   none too ("data/**" is also "data");
// - else with a ".": label by label; `*` stays between dots, so that "*.good.com" is neither
//   "evil.com/?x=.good.com" nor "a.b.good.com";
// - else `*` is any run of characters.
// Nothing else is special. A pattern over pattern_bytes_max matches nothing.
bool glob_match(std::string_view pattern, std::string_view value);
// True when every value that `inner` matches is matched by `outer` too; false when in doubt.
bool glob_covers(std::string_view outer, std::string_view inner);

// The capabilities of one agent. A value; order has no meaning.
class Grants {
 public:
  Grants() = default;
  explicit Grants(std::vector<Capability> all) : all_(std::move(all)) {}
  static Grants everything();
  // Of a tool preset: minimal, coding, research, messaging, automation, full. kInvalid for other
  // names.
  static Result<Grants> of_profile(std::string_view profile);
  // Of tool names or globs of them: to call them, and to do what each needs for its work (files and
  // network everywhere, memory of its own).
  static Grants of_tools(const std::vector<std::string>& tools);

  void add(Capability capability) { all_.push_back(std::move(capability)); }
  [[nodiscard]] bool allow(Action action, std::string_view resource) const {
    return granting(action, resource) != nullptr;
  }
  // The first capability that allows it; nullptr: none does.
  [[nodiscard]] const Capability* granting(Action action, std::string_view resource) const;
  // The first of `child` that nothing here covers; nullptr when the child may have them all.
  [[nodiscard]] const Capability* beyond(const Grants& child) const;
  [[nodiscard]] const std::vector<Capability>& all() const { return all_; }

 private:
  std::vector<Capability> all_;
};

}  // namespace skep::authority
