#include "told.h"

#include <algorithm>

namespace skep::tools {
namespace {

constexpr std::int64_t kLongText = 100;  // characters: longer ones are hardly written by chance

bool only_for_the_check(std::string_view keyword, const json::value& value) {
  if (keyword == "additionalProperties") return value.is_bool() && !value.get_bool();
  if (!value.is_int64()) return false;
  if (keyword == "minLength" || keyword == "minimum") return value.get_int64() <= 1;
  return keyword == "maxLength" && value.get_int64() >= kLongText;
}

json::value told(const json::value& schema);

// What stands below these keywords are schemas: one, a list, or an object of them by name.
bool holds_schemas(std::string_view keyword) {
  static constexpr std::string_view kHolders[] = {"items", "anyOf", "oneOf", "allOf",
                                                  "additionalProperties"};
  return std::ranges::find(kHolders, keyword) != std::end(kHolders);
}

json::value each_told(const json::value& below) {
  if (!below.is_array()) return told(below);
  json::array all;
  for (const json::value& one : below.get_array()) all.push_back(told(one));
  return all;
}

json::value by_name_told(const json::value& properties) {
  if (!properties.is_object()) return properties;
  json::object all;
  for (const auto& [name, schema] : properties.get_object()) all[name] = told(schema);
  return all;
}

json::value told(const json::value& schema) {
  if (!schema.is_object()) return schema;
  json::object shown;
  for (const auto& [keyword, value] : schema.get_object()) {
    if (only_for_the_check(keyword, value)) continue;
    if (keyword == "properties")
      shown[keyword] = by_name_told(value);
    else
      shown[keyword] = holds_schemas(keyword) ? each_told(value) : value;
  }
  return shown;
}

}  // namespace

llm::ToolSpec told(const llm::ToolSpec& spec) {
  const json::value& whole = spec.input_schema;
  return {spec.name, spec.description, told(whole)};
}

}  // namespace skep::tools
