// What agents remember beside their files: memory.db, the search and where its vectors come from.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "skep/async/gate.h"
#include "skep/kernel/kernel.h"
#include "skep/llm/embedder.h"
#include "skep/memory/search.h"
#include "skep/tools/memory_tools.h"

namespace skep::kernel {

// Loop thread only. Files are opened when they are first wanted.
class MemorySide {
 public:
  struct Deps {
    Loop& loop;
    const KernelConfig& config;
    net::HttpClient& http;
    memory::Ledger& ledger;
    const Clock& clock;
  };
  // kInvalid when the configured embeddings cannot work.
  static Result<std::unique_ptr<MemorySide>> open(Deps deps);
  // Waits for what is under way.
  Task<void> close(Ctx ctx);

  // For the tools of the agent of that name, whose memory and way out outlive them; its indexes are
  // in `folder`. What it forgets is forgotten here too.
  tools::MemoryToolDeps tools_of(std::string agent, memory::Memory& memory, std::string folder,
                                 Inbox& out);
  // For task_post: an agent's name as it is written; none when there is no such agent.
  void know_agents(std::function<std::optional<std::string>(std::string_view)> agent_named) {
    agent_named_ = std::move(agent_named);
  }
  [[nodiscard]] std::vector<std::string> status_lines() const;

 private:
  explicit MemorySide(Deps deps);
  Task<Result<std::vector<memory::Vector>>> embed(Ctx ctx, memory::Payer payer,
                                                  std::vector<std::string> texts);
  Task<void> forget_graph(memory::Owner owner);

  Deps deps_;
  std::unique_ptr<llm::Embedder> embedder_;  // none: vectors are computed here
  memory::LazyDb db_;
  memory::SharedValues shared_;
  memory::Graph graph_;
  memory::TaskBoard board_;
  std::unique_ptr<memory::Search> search_;
  std::function<std::optional<std::string>(std::string_view)> agent_named_;
  Gate gate_;
};

}  // namespace skep::kernel
