#include "skep/model/aside.h"

#include <array>
#include <utility>

namespace skep {
namespace {

using What = Aside::What;
constexpr std::array<std::pair<What, std::string_view>, 4> kNames = {
    {{What::kHeard, "heard"},
     {What::kSaid, "said"},
     {What::kCorrects, "corrects"},
     {What::kRetracts, "retracts"}}};

}  // namespace

void put_aside(Message& message, const Aside& aside) {
  json::object out;
  for (const auto& [what, name] : kNames) {
    if (what == aside.what) out["what"] = name;
  }
  if (!aside.about.empty()) out["about"] = aside.about;
  message.meta["aside"] = std::move(out);
}

std::optional<Aside> aside_of(const Message& message) {
  const json::value* found = message.meta.if_contains("aside");
  if (found == nullptr) return std::nullopt;
  const std::string_view said = get_string(*found, "what");
  for (const auto& [what, name] : kNames) {
    if (name == said) return Aside{what, std::string(get_string(*found, "about"))};
  }
  return std::nullopt;
}

}  // namespace skep
