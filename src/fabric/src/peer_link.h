// One link to another router of the hive. Private to the room; loop thread only.
#pragma once

#include <optional>

#include "frame_socket.h"
#include "owned_fd.h"
#include "peer_words.h"
#include "skep/fabric/peering.h"

namespace skep::fabric {

class PeerLink final : public Exit, private FrameSocket::Owner {
 public:
  // What a link asks of the peering it belongs to.
  class Home {
   public:
    virtual ~Home() = default;
    // The other side said who it is; false: it may not be (already told why in the log).
    virtual bool admit(PeerLink& link, const PeerHello& hello) = 0;
    // Nothing comes or goes any more; the peering may destroy the link.
    virtual void ended(PeerLink& link, const Error& why) = 0;
  };

  // Says PEER_HELLO. `dialled`: the name it was dialled by; empty: it dialled us.
  PeerLink(Core& core, std::shared_ptr<FrameHub> hub, OwnedFd fd, FrameLimits limits, Home& home,
           std::string dialled);
  ~PeerLink() override;

  Result<void> take(const Packet& packet) override { return socket_.send(packet, true); }
  [[nodiscard]] std::size_t waiting() const override { return socket_.waiting(); }

  // Tells of a change here. A peer that cannot be told would route wrongly, so its link ends then.
  void tell(const NodesWord& word);
  // Takes it and its nodes out of the core at once; ended() follows.
  void end(Error why);

  [[nodiscard]] bool up() const { return hello_.has_value(); }
  [[nodiscard]] const std::string& dialled() const { return dialled_; }
  [[nodiscard]] SteadyTime since() const { return since_; }
  [[nodiscard]] std::string_view base() const { return hello_ ? hello_->name.base() : dialled_; }
  [[nodiscard]] PeerStatus status() const;

 private:
  void on_frame(std::string_view frame) override;
  void on_end(const Error& why) override;
  void on_silence() override;
  void on_hello(std::string_view frame);
  void on_nodes(const EnvelopeView& view);
  void put(NodeAt node);
  void take_out();

  Core& core_;
  Home& home_;
  std::string dialled_;
  SteadyTime since_ = std::chrono::steady_clock::now();
  WallTime up_since_{};
  std::optional<PeerHello> hello_;
  bool in_core_ = false;
  FrameTraffic traffic_;
  FrameSocket socket_;
  EnvelopeReader reader_;
};

// Nodes that this router answers for towards its peers: its own, and as the gateway those of other
// hives.
NodesWord all_nodes(const Core& core, bool gateway);

}  // namespace skep::fabric
