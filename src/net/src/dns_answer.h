// The part of DNS that eats foreign bytes.
#pragma once

#include <span>
#include <vector>

#include "skep/net/dns.h"

namespace skep::net {

// SRV records in the answer section of a DNS message; records of other types, and targets that are
// no plain host names, are passed over. kCorrupt when the message is malformed.
Result<std::vector<SrvRecord>> parse_srv_answer(std::span<const unsigned char> answer);

}  // namespace skep::net
