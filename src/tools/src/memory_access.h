// What the tools of memory have in common. Private to the room.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "skep/tools/memory_tools.h"
#include "skep/tools/spec.h"

namespace skep::tools {

// The two words that a key may have in front.
inline constexpr std::string_view kSelfPrefix = "self.";
inline constexpr std::string_view kSharedPrefix = "shared.";

struct ScopedKey {
  bool shared = false;
  std::string key;  // without the scope
  [[nodiscard]] std::string resource() const {
    return std::string(shared ? kSharedPrefix : kSelfPrefix) + key;
  }
};
ScopedKey scoped_key(std::string_view text);

// Labels of words that `person` had written down: somebody else's are not ours to believe.
authority::Labels labels_for(const ToolContext& context, std::string_view taint,
                             std::string_view person);

// "Not done: …", as a sentence.
ToolOutput refusal(std::string_view what, const Error& error);

// A tool whose work is a member function of what several tools share.
template <class On>
class SharedTool final : public Tool {
 public:
  using Work = Task<ToolOutput> (On::*)(ToolContext, json::object);
  struct Traits {
    bool repeatable = true;  // twice is as once
    bool looks = true;       // and changes nothing
    std::vector<Need> (*needs)(const json::value& arguments) = nullptr;
  };
  SharedTool(std::shared_ptr<On> on, llm::ToolSpec spec, Work work, Traits traits)
      : on_(std::move(on)), spec_(std::move(spec)), work_(work), traits_(traits) {}

  [[nodiscard]] const llm::ToolSpec& spec() const override { return spec_; }
  [[nodiscard]] bool repeatable() const override { return traits_.repeatable; }
  [[nodiscard]] bool side_by_side() const override { return traits_.repeatable && traits_.looks; }
  [[nodiscard]] std::vector<Need> needs(const json::value& arguments) const override {
    return traits_.needs == nullptr ? std::vector<Need>() : traits_.needs(arguments);
  }
  Task<ToolOutput> call(ToolContext context, json::object arguments) override {
    const std::shared_ptr<On> on = on_;
    co_return co_await ((*on).*work_)(std::move(context), std::move(arguments));
  }

 private:
  std::shared_ptr<On> on_;
  llm::ToolSpec spec_;
  Work work_;
  Traits traits_;
};

}  // namespace skep::tools
