// How hard a message looks.
#include <algorithm>
#include <set>

#include "skep/base/text.h"
#include "skep/llm/tiers.h"

namespace skep::llm {
namespace {

constexpr int kPerMark = 30;
constexpr int kPerMessage = 15;
constexpr std::size_t kShortConversation = 10;  // messages
constexpr std::size_t kCountedMax = 1'000'000;  // whatever is longer is hard enough

constexpr std::string_view kWords[] = {"fn",    "def",   "class",  "import", "function",
                                       "async", "await", "struct", "impl",   "return"};

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

int marks_of_code(std::string_view text) {
  std::set<std::string_view> found;
  if (text.contains("```")) found.insert("```");
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = at;
    while (end < text.size() && is_letter(text[end])) ++end;
    const std::string_view word = text.substr(at, end - at);
    const auto* mark = std::ranges::find(kWords, word);
    if (mark != std::end(kWords)) found.insert(*mark);
    at = end + 1;
  }
  return static_cast<int>(found.size());
}

}  // namespace

int score_of(const Effort& effort) {
  const auto tokens = std::min(estimate_tokens(effort.newest), kCountedMax);
  const auto beyond =
      std::min(effort.messages, kCountedMax) - std::min(effort.messages, kShortConversation);
  return static_cast<int>(tokens) + kPerMark * marks_of_code(effort.newest) +
         kPerMessage * static_cast<int>(beyond);
}

const std::string& tier_for(const RouterConfig& router, int score) {
  if (score < router.simple_below) return router.simple;
  return score >= router.complex_from ? router.complex : router.medium;
}

}  // namespace skep::llm
