// Tool schemas from text that stands in the code.
#pragma once

#include <string>
#include <string_view>

#include "skep/base/json.h"
#include "skep/llm/driver.h"

namespace skep::tools {

// `properties`: JSON of the schema's properties; `required` names those that must be there.
inline llm::ToolSpec make_spec(std::string name, std::string description,
                               std::string_view properties, json::array required) {
  auto parsed = parse_json(properties);
  json::object schema{{"type", "object"},
                      {"properties", parsed ? std::move(*parsed) : json::value(json::object())}};
  if (!required.empty()) schema["required"] = std::move(required);
  schema["additionalProperties"] = false;
  return {std::move(name), std::move(description), std::move(schema)};
}

}  // namespace skep::tools
