// How many turns that events woke stand behind a message, each causing the next.
#pragma once

#include "skep/model/message.h"

namespace skep {

// Lives in Message::meta under "event_depth". On a message that wakes an agent for an event: the
// depth that events of its turn have, one more than that of the event. 0: no event is behind it.
void put_event_depth(Message& message, int depth);
// 0 where it is absent or not of this form.
int event_depth_of(const Message& message);

}  // namespace skep
