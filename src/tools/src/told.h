// What a model is told of a tool.
#pragma once

#include "skep/llm/driver.h"

namespace skep::tools {

// The spec without those words of its schema that only the check needs, because no model goes wrong
// for want of them: that nothing else may be given, that a text is not empty or a number not below
// one, and lengths that are hard to reach. Each byte of a spec is paid for with every request; a
// call that offends against them is refused in the words of the whole schema. Pure.
llm::ToolSpec told(const llm::ToolSpec& spec);

}  // namespace skep::tools
