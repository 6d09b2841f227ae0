// A node's way onto the fabric.
#pragma once

#include <memory>

#include "skep/fabric/node_link.h"
#include "skep/fabric/router.h"
#include "skep/kernel/kernel.h"

namespace skep::kernel {

// A port of this process's router; or a link to a router, when the node or others of the home are
// in processes of their own: then a message is kept in the journal until the process that it is for
// has it. Filled in after the node itself has been built.
class NodeOut : public Inbox {
 public:
  Result<void> deliver(Message message) override {
    return link_ ? link_->deliver(std::move(message)) : port_.send(std::move(message));
  }
  void attach(fabric::Port port) { port_ = std::move(port); }

  struct LinkDeps {
    Loop& loop;
    const KernelConfig& config;
    store::Journal& journal;
    std::string router;               // a socket; empty: any router of the home
    std::vector<Message> taken = {};  // NodeLink::Deps
    std::function<void(const Error&)> gave_up = {};
  };
  // What cannot be delivered comes to `inbox` as the answer that is owed for it.
  Result<void> link(const Name& name, Inbox& inbox, LinkDeps deps);
  void start();
  Task<void> close(Ctx ctx);
  [[nodiscard]] std::optional<json::object> status() const;  // of the link

 private:
  Result<void> undelivered(Inbox& inbox, const Message& message, const Error& why);

  fabric::Port port_;
  std::unique_ptr<fabric::NodeLink> link_;
};

}  // namespace skep::kernel
