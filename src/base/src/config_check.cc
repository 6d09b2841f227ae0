// After every room has read its part: what is left over is a mistake of the person who wrote the
// file.
#include <fmt/format.h>

#include <algorithm>

#include "config_node.h"
#include "skep/base/text.h"

namespace skep::detail {
namespace {

bool is_section(const ConfigNode& node) {
  return node.kind == ConfigKind::kTable || node.is_table_list();
}

std::string child_path(std::string_view path, std::string_view key) {
  return path.empty() ? std::string(key) : fmt::format("{}.{}", path, key);
}

class UnknownKeys {
 public:
  explicit UnknownKeys(const ConfigState& state) : state_(state) {}

  void check_table(const ConfigNode& table, const std::string& path) {
    auto asked = state_.asked.find(&table);
    if (asked == state_.asked.end())
      return;  // a table in the place of a value: that has been reported
    for (const auto& child : table.children) {
      if (asked->second.contains(child->key)) {
        check_known(*child, child_path(path, child->key));
      } else {
        report(*child, path, asked->second);
      }
    }
  }

  std::vector<LinedProblem> take() { return std::move(found_); }

 private:
  void check_known(const ConfigNode& node, const std::string& path) {
    if (node.kind == ConfigKind::kTable) return check_table(node, path);
    if (!node.is_table_list()) return;
    for (std::size_t i = 0; i < node.children.size(); ++i) {
      check_table(*node.children[i], fmt::format("{}[{}]", path, i));
    }
  }

  void report(const ConfigNode& node, const std::string& path,
              const std::set<std::string, std::less<>>& asked) {
    std::vector<std::string> candidates(asked.begin(), asked.end());
    std::optional<std::string> near = nearest(node.key, candidates);
    bool section = is_section(node);
    std::string message = section ? "unknown section" : "unknown key";
    if (near && section) message += fmt::format("; did you mean [{}]?", child_path(path, *near));
    if (near && !section) message += fmt::format("; did you mean \"{}\"?", *near);
    std::string where = section
                            ? describe_place(state_.name, node.line, child_path(path, node.key), {})
                            : describe_place(state_.name, node.line, path, node.key);
    found_.push_back({node.line, {std::move(where), std::move(message)}});
  }

  const ConfigState& state_;
  std::vector<LinedProblem> found_;
};

}  // namespace

const ConfigNode* ConfigNode::find(std::string_view name) const {
  auto at = std::ranges::find(children, name,
                              [](const auto& child) -> const std::string& { return child->key; });
  return at == children.end() ? nullptr : at->get();
}

bool ConfigNode::is_table_list() const {
  return kind == ConfigKind::kArray && !children.empty() &&
         std::ranges::all_of(children,
                             [](const auto& child) { return child->kind == ConfigKind::kTable; });
}

std::string describe_place(std::string_view file, std::uint32_t line, std::string_view section,
                           std::string_view key) {
  std::string place(file);
  if (line > 0) place += fmt::format(":{}", line);
  place += ":";
  if (!section.empty()) place += fmt::format(" [{}]", section);
  if (!key.empty()) place += fmt::format(" {}", key);
  return place;
}

void ConfigState::add_problem(std::uint32_t line, std::string_view section, std::string_view key,
                              std::string message) {
  problems.push_back({line, {describe_place(name, line, section, key), std::move(message)}});
}

std::vector<LinedProblem> unknown_keys(const ConfigState& state) {
  UnknownKeys check(state);
  check.check_table(*state.root, {});
  return check.take();
}

}  // namespace skep::detail

namespace skep {

std::vector<ConfigProblem> ConfigFile::problems() const {
  std::vector<detail::LinedProblem> all = state_->problems;
  for (detail::LinedProblem& unknown : detail::unknown_keys(*state_))
    all.push_back(std::move(unknown));
  // Line 0 (a thing that is not in the file) wraps to the end.
  std::ranges::stable_sort(all, {}, [](const detail::LinedProblem& p) { return p.line - 1; });
  std::vector<ConfigProblem> problems;
  for (detail::LinedProblem& p : all) {
    bool said = std::ranges::any_of(problems, [&](const ConfigProblem& earlier) {
      return earlier.where == p.problem.where && earlier.message == p.problem.message;
    });
    if (!said) problems.push_back(std::move(p.problem));
  }
  return problems;
}

}  // namespace skep
