// The memory that a node and its router share (docs/fabric.md "Shared memory of a link"): two
// rings, and two bells for whoever sleeps. The router makes it, so it knows what it is; the node
// looks before it believes.
#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "owned_fd.h"
#include "shared_ring.h"
#include "skep/fabric/envelope.h"

namespace skep::fabric {

// Of a ring: a longest frame fits into a quarter of it (RingReader::consume).
inline constexpr std::size_t kSharedBytesMin = 1u << 20, kSharedBytesMax = 16u << 20;
static_assert(kFrameHeaderBytes + kStampedBytesMax <= kSharedBytesMin / 4);

// One side of it. Not thread-safe. The other side's death leaves it as it is: the socket tells.
class SharedMemory {
 public:
  // The router's side. `ring_bytes`: a power of two within the limits above.
  static Result<std::unique_ptr<SharedMemory>> make(std::size_t ring_bytes);
  // Sends `frame` over the socket with the node's side of it, in one piece or not at all.
  // kUnavailable: the socket does not take it now.
  Result<void> send(int socket, std::string_view frame);
  // The node's side, from the descriptors that came. kInvalid: they are not what they should be.
  static Result<std::unique_ptr<SharedMemory>> join(std::vector<OwnedFd> fds,
                                                    std::size_t ring_bytes);
  ~SharedMemory();
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;

  [[nodiscard]] std::size_t ring_bytes() const { return mapping_.ring_bytes; }
  RingReader& in() { return in_; }
  [[nodiscard]] const RingReader& in() const { return in_; }
  RingWriter& out() { return out_; }
  // Readable when the other side rang; hush() before looking into the rings.
  [[nodiscard]] int bell() const { return bell_.get(); }
  void hush() const;
  void ring() const;  // wakes the other side; never blocks, whatever it did
  // An idle link holds no memory: gives back what this side wrote, if the other has read it all.
  void give_back();

 private:
  struct Mapping {
    char* at = nullptr;
    std::size_t ring_bytes = 0;
  };
  static Result<Mapping> map(int file, std::size_t ring_bytes);
  SharedMemory(Mapping mapping, bool router, std::vector<OwnedFd> fds);

  Mapping mapping_;
  RingReader in_;
  RingWriter out_;
  // The router's end of either bell is its own: a node could make a shared one block. Towards the
  // router an eventfd (reading can be told not to wait), towards the node a pipe (writing to an
  // eventfd cannot). The router keeps the pipe's other end open, or ringing could raise SIGPIPE.
  OwnedFd bell_, rings_;
  OwnedFd file_, node_bell_;  // the router's copies of what the node gets
  bool router_;
};

inline constexpr std::size_t kSharedFds = 3;  // the memory, what the node rings, what it hears

// The process at the other end of a Unix socket may run while this one does: not when both have but
// the same one processor.
bool may_run_beside(int socket);

// As recv() with `flags`, and keeps descriptors that come along; at most kSharedFds.
ssize_t receive_with_fds(int socket, std::span<char> into, int flags, std::vector<OwnedFd>& fds);

}  // namespace skep::fabric
