// XEP-0198: what each side has had of the other's stanzas, over all connections that carry one
// stream. Pure: no I/O, no clock. Loop thread only.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "skep/xmpp/xml.h"

namespace skep::xmpp {

inline constexpr std::string_view kNsSm = "urn:xmpp:sm:3";

class StreamManagement {
 public:
  using Done = std::function<void(Result<void>)>;

  // Sent and not acknowledged: more ends the link, which then is no use.
  static constexpr std::size_t kUnackedMax = 20'000;
  // The same while there is no connection.
  static constexpr std::size_t kHeldMax = 2'000;
  // Stanzas that may be taken before we say so unasked.
  static constexpr std::uint64_t kAckEvery = 16;

  // What <enabled/> said; `id` is empty when the stream cannot be resumed.
  struct Terms {
    std::string id;
    std::string location;  // where to come back to, if the server cares
  };
  // `start`: where the count of our stanzas begins; zero on the wire, anything in a test.
  explicit StreamManagement(Terms terms, std::uint32_t start = 0)
      : terms_(std::move(terms)), acked_(start) {}
  [[nodiscard]] const Terms& terms() const { return terms_; }

  // Our stanzas. `done` is kept until the server acknowledges.
  void sent(std::string xml, Done done);
  // The server's count. Gives the calls of what it newly covers, for the caller to make. kCorrupt,
  // and nothing changes, when it counts what was never sent or takes back what it had: the
  // arithmetic is modulo 2^32.
  Result<std::vector<Done>> acknowledged(std::uint32_t h);
  [[nodiscard]] std::size_t unacked() const { return unacked_.size(); }
  [[nodiscard]] std::size_t unacked_bytes() const { return unacked_bytes_; }
  [[nodiscard]] std::uint32_t sent_count() const;
  // All of it, in order, to be sent again on a connection that resumes.
  [[nodiscard]] std::string again() const;
  // The calls of everything that is left: the stream will not go on.
  std::vector<Done> give_up();

  // The server's stanzas. received() counts the next one; it is handled when the last copy of
  // `hold` is gone. nullopt: a repetition, after a resumption, of one that is still being handled.
  std::optional<std::shared_ptr<void>> received();
  // All up to here have been handled.
  [[nodiscard]] std::uint32_t handled() const;
  // handled(), noted as told to the server.
  std::uint32_t tell();
  // The server asked and was told less than it has sent, and now all is handled; or much has been
  // handled untold.
  [[nodiscard]] bool should_tell() const;
  // Called when handled() has grown.
  void on_handled(std::function<void()> call) { received_->changed = std::move(call); }
  // The connection is another one: the server sends everything after handled() again.
  void resumed();

 private:
  struct Unacked {
    std::string xml;
    Done done;
  };
  struct Received {
    std::uint64_t handled = 0;
    std::deque<bool> ended;     // of those after `handled`, oldest first
    std::uint64_t repeats = 0;  // still to come a second time
    std::function<void()> changed;
    void end(std::uint64_t number);
  };

  Terms terms_;
  std::deque<Unacked> unacked_;
  std::size_t unacked_bytes_ = 0;
  std::uint32_t acked_ = 0;  // the server's last h
  std::shared_ptr<Received> received_ = std::make_shared<Received>();
  std::uint64_t told_ = 0;
  bool owed_ = false;
};

// A decimal of 32 bits; kCorrupt otherwise.
Result<std::uint32_t> parse_h(const Element& element);

}  // namespace skep::xmpp
