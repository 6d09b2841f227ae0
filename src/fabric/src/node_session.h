// One node's connection to this router.
#pragma once

#include "core.h"
#include "frame_socket.h"
#include "skep/fabric/node_server.h"

namespace skep::fabric {

class NodeSession;

// What a session needs of the server that owns it.
struct NodeSessions {
  virtual ~NodeSessions() = default;
  virtual void registered(NodeSession& session) = 0;
  virtual void gone(NodeSession& session) = 0;  // destroys it

  Core* core = nullptr;
  const NodeServerConfig* config = nullptr;
  NodeServerStats stats;
  FrameTraffic traffic;
};

// From accept to close. Hung into the core from a good HELLO on; every way out of it takes it out
// of the core again.
class NodeSession final : public FrameSocket::Owner, public Exit {
 public:
  NodeSession(NodeSessions& server, std::shared_ptr<FrameHub> hub, int fd, uid_t uid);
  ~NodeSession() override;
  NodeSession(const NodeSession&) = delete;
  NodeSession& operator=(const NodeSession&) = delete;

  void reject(std::string_view reason, std::string_view message, int retry_after_ms = 0);
  void say_goodbye();

  Result<void> take(const Packet& packet) override { return socket_.send(packet, false); }
  [[nodiscard]] std::size_t waiting() const override { return socket_.waiting(); }
  void evicted() override;

  [[nodiscard]] uid_t uid() const { return uid_; }
  [[nodiscard]] bool is_registered() const { return node_ != nullptr; }
  [[nodiscard]] SteadyTime since() const { return since_; }
  std::size_t place = 0;            // among the server's sessions
  std::size_t handshake_place = 0;  // among those that have not said HELLO

 private:
  struct Hello;
  void on_frame(std::string_view frame) override;
  void on_end(const Error& why) override;
  void on_silence() override;

  void on_first_frame(std::string_view frame);
  void malformed();
  void hello(const EnvelopeView& view);
  bool authorise(const Hello& hello, const Name& name);
  void join(const EnvelopeView& view, const Hello& hello, Name name);
  bool announce_shared(std::string_view trace, json::object payload);
  bool word(const EnvelopeView& view);
  void say(std::string_view msg, std::string_view trace = {}, std::string_view payload = "{}");
  void leave(Error why);
  void leave_core();

  NodeSessions& server_;
  FrameSocket socket_;
  EnvelopeReader reader_;
  const NodeAt* node_ = nullptr;
  std::optional<NodeId> id_;
  uid_t uid_;
  bool system_ = false, refused_ = false, shares_ = false;
  SteadyTime since_;
};

}  // namespace skep::fabric
