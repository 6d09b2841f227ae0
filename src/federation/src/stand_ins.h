// The nodes that stand for agents of other domains.
#pragma once

#include <memory>
#include <stop_token>
#include <vector>

#include "delegations.h"
#include "skep/authority/authority.h"
#include "skep/federation/stand_in.h"

namespace skep::federation {

// In the journal, kind "agent-errand", entry id "errand-" and the message's id:
//   begin {"agent","message","src_name"}
//   {"s":"reply","message"}               decided; it keeps its id
inline constexpr std::string_view kErrandKind = "agent-errand";

struct StandInDeps {
  Gate& gate;
  const Clock& clock;
  store::Journal& journal;
  Catalogues& catalogues;
  Delegations& delegations;
  authority::Authority& authority;
};

class StandInImpl final : public StandIn {
 public:
  StandInImpl(StandInDeps deps, std::string name)
      : deps_(std::move(deps)), name_(std::move(name)) {}
  [[nodiscard]] const std::string& name() const override { return name_; }
  void speak_through(Inbox& out) override { out_ = &out; }
  Result<void> deliver(Message message) override;
  // Goes on with what a previous process took.
  void resume();

 private:
  struct Job {
    Message message;
    std::string src_name;
    std::optional<Message> reply;
    std::stop_source cancel;
  };
  using Ptr = std::shared_ptr<Job>;
  [[nodiscard]] Result<Ptr> rebuild(const store::JournalEntry& entry) const;
  Task<void> run(Ptr task);
  Task<std::optional<std::string>> answer(const Job& task);
  [[nodiscard]] Result<void> allowed(const Job& task) const;
  Task<void> hand_over(Ptr task);

  StandInDeps deps_;
  const std::string name_;
  Inbox* out_ = nullptr;
  void take_back(const Message& message);
  std::vector<Ptr> live_;
};

}  // namespace skep::federation
