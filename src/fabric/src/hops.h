// The last messages that passed a router, for `skep fabric trace`.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "packet.h"
#include "skep/fabric/router.h"

namespace skep::fabric {

// Which row of the truth table (docs/fabric.md "Which way") led on; the others need no table.
enum class Row : std::uint8_t {
  kNone = 0,
  kOverride = 1,  // a static drop or redirect
  kNode = 2,
  kHiveNode = 3,
  kHiveRoute = 4,
  kFallback = 5,
  kId,         // the destination is a node's id
  kBroadcast,  // to all
  kRouter,     // words for the router itself
};
std::string_view row_name(Row row);

// A fixed-size text; longer ones are cut.
template <std::size_t N>
class ShortText {
 public:
  void set(std::string_view text) {
    size_ = static_cast<std::uint8_t>(text.size() < N ? text.size() : N);
    std::copy_n(text.data(), size_, bytes_);  // not memcpy: an empty view may point nowhere
  }
  [[nodiscard]] std::string_view str() const { return {bytes_, size_}; }

 private:
  std::uint8_t size_;
  char bytes_[N];
};

struct Hop {
  std::int64_t at_ms;         // since the epoch, as coarse as the kernel's tick
  NodeId from_node, to_node;  // to: nil when none was found, or another hive is to find it
  ShortText<63> to;           // the destination as written
  ShortText<47> from;         // the sender's name
  ShortText<39> trace;
  ShortText<31> id;
  ShortText<11> type;
  Row row;
  std::uint8_t ttl;  // as it came
  Drop drop;         // kCount: handed on
};

// A ring that is written in place: no allocation, no look-up, some two hundred bytes of copying for
// each message. Loop thread only.
class Hops {
 public:
  static constexpr std::size_t hops_max = 4'096;  // 1 MiB, of which the kernel gives what is used

  // Before the message is handed on: its texts may be gone afterwards.
  std::size_t begin(std::string_view from_name, const EnvelopeView& view) {
    if (!ring_) ring_ = std::make_unique_for_overwrite<Hop[]>(hops_max);
    const std::size_t place = next_++ % hops_max;
    Hop& hop = ring_[place];
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME_COARSE, &now);
    hop.at_ms = now.tv_sec * 1'000 + now.tv_nsec / 1'000'000;
    hop.from_node = view.src;
    hop.to.set(view.to == EnvelopeView::To::kNode ? std::string_view() : view.dst_text);
    hop.from.set(from_name);
    hop.trace.set(view.trace);
    hop.id.set(view.id);
    hop.type.set(view.type);
    hop.ttl = view.ttl;
    hop.to_node = view.dst_node;
    return place;
  }
  // Other messages may have begun and ended in between, by far fewer than the ring holds.
  void end(std::size_t place, Row row, const NodeId& to, Drop drop) {
    Hop& hop = ring_[place];
    hop.row = row;
    if (!to.uuid.is_nil()) hop.to_node = to;
    hop.drop = drop;
  }
  // Those of a trace, or of the message with that id, in the order of time. `visit`: void(const
  // Hop&).
  template <class Visit>
  void each(std::string_view trace, Visit visit) const {
    const std::size_t first = next_ > hops_max ? next_ - hops_max : 0;
    for (std::size_t i = first; i < next_; ++i) {
      const Hop& hop = ring_[i % hops_max];
      if (matches(hop, trace)) visit(hop);
    }
  }

 private:
  static bool matches(const Hop& hop, std::string_view trace) {
    return hop.trace.str() == trace.substr(0, 39) || hop.id.str() == trace.substr(0, 31);
  }
  std::unique_ptr<Hop[]> ring_;
  std::size_t next_ = 0;
};

}  // namespace skep::fabric
