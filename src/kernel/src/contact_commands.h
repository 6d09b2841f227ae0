// Whom the agent was let write to: what administrators see of it and take back, and the audit.
#pragma once

#include <string>
#include <string_view>

#include "skep/identity/contacts.h"
#include "skep/kernel/kernel.h"

namespace skep::kernel {

// "/contacts", "/contacts forget bob@example.org [ann@example.org]": what to answer.
std::string contacts_command(identity::Contacts& contacts, const Conversation& who,
                             std::string_view arguments);
// One line in the audit log; nothing where that is another process's.
Result<void> note_contact(AuthoritySide* authority, const identity::FirstContact& contact,
                          bool known, std::string_view by);

}  // namespace skep::kernel
