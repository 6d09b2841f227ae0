// What belongs to a node goes with it when it moves from one process to another.
#pragma once

#include "skep/kernel/kernel.h"
#include "skep/store/journal.h"

namespace skep::kernel {

// Before a process of its own may start: what the journal of `skep up` holds of that node goes into
// the node's. A running process of it is left alone. After a kill in between it is simply done
// again: nothing is lost or doubled.
Result<void> hand_journal_over(const KernelConfig& config, NodeKind kind, store::Journal& ours);
// The reverse, when the node is `skep up`'s own again: takes what its process left, and its folder
// away. kConflict while that process lives.
Result<void> take_journal_back(const KernelConfig& config, NodeKind kind, store::Journal& ours);

}  // namespace skep::kernel
