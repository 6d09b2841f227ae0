// The models of one process: one set in force, swapped whole when the configuration is read again.
#pragma once

#include <memory>

#include "skep/agent/agent.h"
#include "skep/kernel/kernel.h"
#include "skep/llm/tiers.h"

namespace skep::kernel {

// What [llm] says, opened. Whoever works with it holds it: it dies with the last turn that began
// under it.
struct ModelSet {
  std::shared_ptr<const llm::Catalogue> catalogue;
  llm::Choice choice;
  std::unique_ptr<llm::Model> model;   // opened with choice.config
  std::unique_ptr<llm::Models> tiers;  // beside it
};
using ModelSetPtr = std::shared_ptr<ModelSet>;

// Loop thread only; `loop` and `http` outlive it and every set.
class ModelSide {
 public:
  // May ask an Ollama that is not named. kInvalid when the configuration cannot work.
  static Task<Result<std::unique_ptr<ModelSide>>> open(Ctx ctx, Loop& loop, net::HttpClient& http,
                                                       const KernelConfig& config);

  [[nodiscard]] ModelSetPtr now() const { return now_; }
  // Opens what a new file says without asking anybody; put() then brings it into force. kInvalid
  // with what is wrong; null: it leaves something to be found out, which takes a restart.
  Result<ModelSetPtr> prepare(const KernelConfig& config) const;
  void put(ModelSetPtr fresh) { now_ = std::move(fresh); }

 private:
  ModelSide(Loop& loop, net::HttpClient& http) : loop_(loop), http_(http) {}
  Result<ModelSetPtr> opened(llm::Choice choice, const KernelConfig& config) const;

  Loop& loop_;
  net::HttpClient& http_;
  ModelSetPtr now_;
};

// Puts the models that are in force into an agent's means, for its next turn.
void take_models(agent::AgentDeps& deps, const ModelSetPtr& set);

}  // namespace skep::kernel
