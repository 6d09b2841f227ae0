// One message on its way through this router, in the form it came in: bytes or a Message. The other
// form is made when it is asked for.
#pragma once

#include <optional>
#include <string>

#include "skep/fabric/blobs.h"
#include "skep/fabric/envelope.h"

namespace skep::fabric {

enum class Row : std::uint8_t;  // hops.h

// Lives on the stack of whoever read or got the message. Loop thread only. Nothing is allocated for
// a frame that is handed on as a frame.
class Packet {
 public:
  explicit Packet(Message message);
  explicit Packet(const EnvelopeView& view);  // it and its bytes outlive the packet
  Packet(const Packet&) = delete;
  Packet& operator=(const Packet&) = delete;

  // What routing needs. Of a Message too: then `json`, `meta`, `payload` and the places in them are
  // empty, and so is thread_id (ask thread()).
  [[nodiscard]] const EnvelopeView& view() const { return *view_; }
  [[nodiscard]] bool is_frame() const { return !message_; }
  [[nodiscard]] const Message* as_message() const { return message_ ? &*message_ : nullptr; }
  // meta.thread_id; of a Message made from its conversation, once, when asked for.
  [[nodiscard]] std::string_view thread() const;
  [[nodiscard]] bool is_system() const { return view_->type == "system"; }
  // meta.id, else the trace: what a broadcast is known again by. Empty: neither.
  [[nodiscard]] std::string_view known_by() const {
    return view_->id.empty() ? view_->trace : view_->id;
  }

  Stamp stamp;  // what goes out differs in this; ttl is the one of the view to begin with
  // The bytes that go out are the same for many receivers from now on: keeps them.
  void for_many() { many_ = true; }

  Result<Message> message() const;  // a copy, stamped
  // The same for the last receiver: a Message is moved out, and view() has lost its texts.
  Result<Message> take() const;
  // Appends the stamped frame. `towards_router`: with the zone and one ttl less. kTooLarge when
  // what was spliced in makes it too long.
  Result<void> append(std::string& out, bool towards_router) const;
  // The stamped envelope as a node would get it, however long it is.
  [[nodiscard]] Result<std::string> envelope() const;

  // How route() decided, for the trace.
  struct Way {
    Row row = Row{};
    NodeId to;
  } way;
  // What the receiver said when route() failed with kRefused or kBackpressure.
  std::optional<Error> refusal;
  // Where a Message's text goes that is too long for a frame; null: then it is refused.
  const BlobStore* blobs = nullptr;
  // The sender's zone as its router sees it; what routers are told. Set by route().
  std::optional<std::uint32_t> zone;

 private:
  Result<void> append_now(std::string& out, bool towards_router) const;
  Result<void> append_message(std::string& out, const Stamp& last) const;
  void apply_stamp(Message& message) const;

  mutable std::optional<Message> message_;
  std::optional<EnvelopeView> own_;  // of a Message
  const EnvelopeView* view_;
  mutable std::string thread_;
  bool many_ = false;
  mutable std::string made_[2];  // for_many(): the frame for nodes, for routers
};

}  // namespace skep::fabric
