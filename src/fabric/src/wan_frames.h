// The first frames of two gateways, and the control frames between them (docs/fabric.md "Several
// hives"). Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "skep/base/result.h"
#include "skep/fabric/envelope.h"

namespace skep::fabric {

inline constexpr std::string_view kWanProtocol = "skep/1";

struct WanHello {
  std::string protocol{kWanProtocol};
  std::string hive;
  NodeId router;
  std::string router_name;  // full
  std::uint64_t epoch = 0;  // when the gateway started
  std::vector<std::string> capabilities{"lsa", "forwarding"};
  std::int64_t hello_ms = 0, dead_ms = 0;
};
std::string write_hello(const WanHello& hello);
// kInvalid with what is missing or wrong.
Result<WanHello> read_hello(std::string_view payload);

// Between whom control frames go.
struct WanEnds {
  NodeId from, to;  // `to` nil: not known yet, written as null
  std::string from_name;
};
// Length and JSON of a system message with ttl 1. The payload is JSON. Empty when it is too long.
std::string control_frame(const WanEnds& ends, std::string_view msg, std::string_view payload);
// Whether a frame is the other gateway's own word to us, not a message on its way.
bool is_control(const EnvelopeView& view, const WanEnds& ours);

}  // namespace skep::fabric
