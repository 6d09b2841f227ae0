// A node's way out: its port, attached after the node itself has been built.
#pragma once

#include "skep/fabric/router.h"
#include "skep/model/message.h"

namespace skep::kernel {

struct PortInbox : Inbox {
  fabric::Port port;
  Result<void> deliver(Message message) override { return port.send(std::move(message)); }
};

}  // namespace skep::kernel
