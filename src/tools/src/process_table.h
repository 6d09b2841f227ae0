// The programs that process_start left running.
#pragma once

#include <map>

#include "skep/sandbox/sandbox.h"
#include "skep/tools/toolbox.h"

namespace skep::tools {

// Loop thread only. A conversation sees and steers its own programs alone.
class ProcessTable {
 public:
  explicit ProcessTable(std::size_t running_max) : running_max_(running_max) {}

  struct Entry {
    std::string owner;
    std::string line;  // as it was asked for
    std::shared_ptr<sandbox::Process> process;
  };
  static std::string owner_of(const ToolContext& context);

  // Counted from here on, so that two starts at once cannot both take the last place. kExhausted
  // when there are as many as may be; ended ones are forgotten first.
  Result<std::string> reserve(const ToolContext& context, std::string line);
  void fill(const std::string& id, std::unique_ptr<sandbox::Process> process);
  void forget(const std::string& id) { entries_.erase(id); }
  // nullptr when there is none, or it is another's, or it is only being started.
  std::shared_ptr<sandbox::Process> find(const ToolContext& context, const std::string& id) const;
  // Of anybody's; empty when there is none.
  [[nodiscard]] std::string line_of(const std::string& id) const {
    const auto at = entries_.find(id);
    return at == entries_.end() ? std::string() : at->second.line;
  }
  [[nodiscard]] std::vector<std::pair<std::string, const Entry*>> list(
      const ToolContext& context) const;

 private:
  std::size_t running_max_;
  std::size_t next_ = 1;
  std::map<std::string, Entry> entries_;
};

}  // namespace skep::tools
