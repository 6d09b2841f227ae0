// Parts of what the daemon says about itself.
#pragma once

#include "skep/attachments/attachments.h"
#include "skep/base/json.h"
#include "skep/fabric/gateway.h"

namespace skep::kernel {

// [{hive, state, address, path, nodes, left_out, rejected: {reason: count}}]
json::array hives_of(const fabric::Gateway& gateway);
json::object attachments_status(const attachments::AttachmentsStats& stats);

}  // namespace skep::kernel
