// The names that models have for tools from elsewhere.
#pragma once

#include "skep/llm/driver.h"

namespace skep::llm {

// Calls by a name that is not offered get the offered tool that is meant: "Read" is file_read,
// "Bash" is shell_exec. What means nothing stays as it is. Whether the call may be made is asked
// afterwards, by the true name.
void rename_calls(const ToolSpecs& tools, Response& response);

}  // namespace skep::llm
