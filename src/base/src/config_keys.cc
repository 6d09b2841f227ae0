#include "skep/base/config_keys.h"

#include "config_node.h"
#include "skep/base/json.h"

namespace skep {
namespace {

using detail::ConfigKind;
using detail::ConfigNode;
using Keys = std::map<std::string, std::string>;

std::string value_text(const ConfigNode& node) {
  switch (node.kind) {
    case ConfigKind::kString:
      return to_json(json::value(node.text));
    case ConfigKind::kInteger:
      return std::to_string(node.integer);
    case ConfigKind::kFloat:
      return fmt::format("{}", node.number);
    case ConfigKind::kBoolean:
      return node.boolean ? "true" : "false";
    case ConfigKind::kTime:
      return node.text;
    case ConfigKind::kTable:
    case ConfigKind::kArray:
      break;
  }
  std::string text = node.kind == ConfigKind::kArray ? "[" : "{";
  for (const auto& child : node.children)
    text += fmt::format("{}={},", child->key, value_text(*child));
  return text + (node.kind == ConfigKind::kArray ? "]" : "}");
}

void add(const ConfigNode& node, const std::string& path, Keys& keys) {
  if (node.kind == ConfigKind::kTable) {
    for (const auto& child : node.children)
      add(*child, path.empty() ? child->key : path + "." + child->key, keys);
  } else if (node.is_table_list()) {
    for (std::size_t i = 0; i < node.children.size(); ++i)
      add(*node.children[i], fmt::format("{}[{}]", path, i), keys);
  } else {
    keys[path] = value_text(node);
  }
}

}  // namespace

Result<Keys> config_keys(std::string_view toml) {
  SKEP_TRY(const auto root, detail::parse_toml(toml, "skep.toml"));
  Keys keys;
  add(*root, {}, keys);
  return keys;
}

}  // namespace skep
