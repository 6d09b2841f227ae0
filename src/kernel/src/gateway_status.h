// Other hives, for people.
#pragma once

#include "skep/base/json.h"
#include "skep/fabric/gateway.h"

namespace skep::kernel {

// [{hive, state, address, path, nodes, left_out, rejected: {reason: count}}]
json::array hives_of(const fabric::Gateway& gateway);

}  // namespace skep::kernel
