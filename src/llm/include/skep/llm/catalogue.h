// The providers and models that Skep knows: where they answer, what they can do, what they cost.
// The data is data/models.json, inside the binary, and models.json in the home, which adds to it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "skep/base/result.h"
#include "skep/model/money.h"
#include "skep/model/part.h"

namespace skep::llm {

enum class Wire : std::uint8_t { kAnthropic, kOpenai, kGemini, kOllama };

struct ProviderInfo {
  std::string id;    // "groq"
  std::string name;  // "Groq"
  Wire wire = Wire::kOpenai;
  std::string base_url;
  std::vector<std::string>
      key_variables;          // environment variables that may hold the key, the usual one first
  std::string url_variable;   // environment variable with another base URL; may be empty
  std::string default_model;  // may be empty: must be named, or found out
  bool key_required = true;
  bool text_calls = false;  // its models are apt to write tool calls as text
};

enum class Tier : std::uint8_t { kFrontier, kSmart, kBalanced, kFast, kLocal, kCustom };
std::string_view tier_name(Tier tier);

// Prices of one token. Providers that report no cache figures never use the last two.
struct Price {
  PicoUsd input = 0, output = 0, cache_read = 0, cache_write = 0;
  [[nodiscard]] PicoUsd of(const Usage& usage) const;
  bool operator==(const Price&) const = default;
};
// Of a model that nobody has a price for: 1 and 3 dollars a million, so that budgets hold all the
// same.
inline constexpr Price kUnknownPrice{1'000'000, 3'000'000, 1'000'000, 1'000'000};

struct ModelInfo {
  std::string id;        // "claude-sonnet-4-5-20250929", "hf/deepseek-ai/DeepSeek-R1"
  std::string provider;  // a ProviderInfo's id
  std::string wire_id;   // what the provider calls it
  Tier tier = Tier::kCustom;
  int context_tokens = 0;
  int output_tokens_max = 0;
  Price price;
  bool tools = true, vision = false;
  std::optional<bool> text_calls;  // it writes tool calls as text; not said: as the provider's
  std::vector<std::string> aliases;
};

// Never changes once opened; any thread.
class Catalogue {
 public:
  static constexpr std::size_t overlay_bytes_max = 4u << 20;

  // `overlay_path`: a file like data/models.json; absent or empty: none. Its entries replace those
  // of the same id, its models are of tier "custom" unless they say otherwise. kInvalid with file,
  // entry and reason.
  static Result<Catalogue> open(const std::string& overlay_path = {});

  [[nodiscard]] std::span<const ProviderInfo> providers() const { return providers_; }
  [[nodiscard]] std::span<const ModelInfo> models() const { return models_; }
  [[nodiscard]] const ProviderInfo* provider(std::string_view id) const;
  // By id, then id without regard to case, then the provider's own name for it, then alias; the
  // given provider's first, and with one given no other's. Views live as long as the catalogue.
  [[nodiscard]] const ModelInfo* model(std::string_view name, std::string_view provider = {}) const;

 private:
  Result<void> take(std::string_view text, const std::string& name, bool custom);
  std::vector<ProviderInfo> providers_;
  std::vector<ModelInfo> models_;
};

}  // namespace skep::llm
