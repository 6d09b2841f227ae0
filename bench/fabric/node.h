// A lean node for measuring: blocking reads and writes, frames by hand, envelopes read as the
// router reads them.
#pragma once

#include <memory>
#include <string>

#include "shared_memory.h"
#include "skep/fabric/envelope.h"

namespace skep::bench {

class Node {
 public:
  // Connects and says HELLO; dies when the router does not announce it, or with `shared` gives no
  // memory to share.
  Node(const std::string& socket_path, const std::string& name, bool shared = false);
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  // The next envelope; its view lives until the next call. Pings are read over. Dies of an
  // UNREACHABLE.
  const fabric::EnvelopeView& receive();
  // The same, an UNREACHABLE too.
  const fabric::EnvelopeView& receive_any();
  // Queues a message of `bytes` of words; flush() or 64 KiB send what is queued.
  void send(std::string_view dst, std::string_view trace, std::string_view words);
  void flush();
  [[nodiscard]] const std::string& id() const { return id_; }
  [[nodiscard]] int fd() const { return fd_; }

 private:
  void read_some();
  void flush_ring();
  void await_bell();

  int fd_;
  std::unique_ptr<fabric::SharedMemory> shared_;
  bool beside_ = false;
  std::vector<fabric::OwnedFd> fds_;
  std::string id_, head_, out_;
  fabric::EnvelopeReader reader_;
  fabric::FrameReader in_{fabric::kStampedBytesMax};
};

void end_with_parent();  // called in a child
void pin(int cpu);       // this process to one core; -1: leave it

}  // namespace skep::bench
