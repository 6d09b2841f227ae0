#include "process_table.h"

namespace skep::tools {

std::string ProcessTable::owner_of(const ToolContext& context) {
  return fmt::format("{}\n{}\n{}", context.conversation.channel, context.conversation.peer,
                     context.conversation.entrypoint);
}

Result<std::string> ProcessTable::reserve(const ToolContext& context, std::string line) {
  if (entries_.size() >= running_max_)
    std::erase_if(entries_,
                  [](const auto& e) { return e.second.process && !e.second.process->running(); });
  if (entries_.size() >= running_max_) {
    return fail(Code::kExhausted,
                fmt::format("{} programs run already, which is the most; end one with process_kill",
                            running_max_));
  }
  std::string id = fmt::format("p{}", next_++);
  entries_[id] = {owner_of(context), std::move(line), nullptr};
  return id;
}

void ProcessTable::fill(const std::string& id, std::unique_ptr<sandbox::Process> process) {
  entries_[id].process = std::move(process);
}

std::shared_ptr<sandbox::Process> ProcessTable::find(const ToolContext& context,
                                                     const std::string& id) const {
  const auto at = entries_.find(id);
  if (at == entries_.end() || at->second.owner != owner_of(context)) return nullptr;
  return at->second.process;
}

std::vector<std::pair<std::string, const ProcessTable::Entry*>> ProcessTable::list(
    const ToolContext& context) const {
  std::vector<std::pair<std::string, const Entry*>> own;
  for (const auto& [id, entry] : entries_) {
    if (entry.owner == owner_of(context) && entry.process) own.emplace_back(id, &entry);
  }
  return own;
}

}  // namespace skep::tools
