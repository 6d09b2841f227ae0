// Texts that people write: read when asked for, an override before the global one. Private to the
// room.
#pragma once

#include <string>
#include <vector>

#include "skep/memory/memory.h"

namespace skep::memory {

WorkspaceTexts read_workspace(const std::string& root, const std::string& peer_directory);
// "identity.md", "instructions.md (override)": those that resolve to something.
std::vector<std::string> resolved_files(const std::string& root, const std::string& peer_directory);
// The trimmed content; empty when the file is missing, unreadable (logged) or blank.
std::string read_text(const std::string& path);

}  // namespace skep::memory
