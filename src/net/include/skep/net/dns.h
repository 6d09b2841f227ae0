// DNS beyond addresses: SRV records (RFC 2782).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "skep/async/ctx.h"
#include "skep/async/pool.h"
#include "skep/async/task.h"

namespace skep::net {

struct SrvRecord {
  std::uint16_t priority = 0;
  std::uint16_t weight = 0;
  std::uint16_t port = 0;
  std::string target;  // without the final dot; "." (service not offered) is kept as "."
  bool operator==(const SrvRecord&) const = default;
};

// Records of e.g. "_xmpp-client._tcp.example.org". An existing name without records, or no such
// name, is an empty list; kUnavailable when no server answered. `nameserver` "127.0.0.1:5353"
// (an IPv4 address) overrides the system's (empty).
Task<Result<std::vector<SrvRecord>>> resolve_srv(Ctx ctx, Pool& pool, std::string name,
                                                 std::string nameserver = {});

// RFC 2782 order: by priority, within it by weighted draw. `draw(n)` gives a number in [0, n];
// injected for tests.
std::vector<SrvRecord> order_srv(std::vector<SrvRecord> records,
                                 const std::function<std::uint32_t(std::uint32_t)>& draw);

}  // namespace skep::net
