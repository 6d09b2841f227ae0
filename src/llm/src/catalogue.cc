#include "skep/llm/catalogue.h"

#include <array>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "skep/base/json.h"
#include "skep/base/text.h"

extern "C" const char skep_models_json[];
extern "C" const char skep_models_json_end[];

namespace skep::llm {

namespace {

constexpr std::array<std::string_view, 6> kTiers = {"frontier", "smart", "balanced",
                                                    "fast",     "local", "custom"};
constexpr std::array<std::string_view, 4> kWires = {"anthropic", "openai", "gemini", "ollama"};
constexpr double kUsdMax = 100'000;  // for a million tokens; more is a mistake
constexpr std::int64_t kTokensMax = 1'000'000'000;

// Reads one entry and keeps the first thing that is wrong with it.
class Entry {
 public:
  Entry(const json::value& value, std::string where) : value_(value), where_(std::move(where)) {
    if (!value.is_object()) wrong("is no object");
  }

  std::string text(std::string_view key, bool required = false) {
    const json::value* member = get_member(value_, key);
    if (member == nullptr && required) wrong(fmt::format("has no \"{}\"", key));
    if (member == nullptr) return {};
    if (!member->is_string()) wrong(fmt::format("\"{}\" must be text", key));
    return std::string(get_string(value_, key));
  }
  int tokens(std::string_view key, int otherwise) {
    if (get_member(value_, key) == nullptr) return otherwise;
    const auto count = get_int(value_, key);
    if (!count || *count < 1 || *count > kTokensMax)
      wrong(fmt::format("\"{}\" must be a number of tokens", key));
    return static_cast<int>(count.value_or(otherwise));
  }
  // Dollars a million tokens are as many millions of picodollars a token.
  PicoUsd price(std::string_view key, PicoUsd otherwise) {
    const json::value* member = get_member(value_, key);
    if (member == nullptr) return otherwise;
    const auto usd = member->is_number() ? member->to_number<double>() : -1.0;
    if (!(usd >= 0 && usd <= kUsdMax)) {
      wrong(fmt::format("\"{}\" must be US dollars for a million tokens", key));
      return otherwise;
    }
    return std::llround(usd * 1e6);
  }
  bool flag(std::string_view key, bool otherwise) {
    const json::value* member = get_member(value_, key);
    if (member == nullptr) return otherwise;
    if (!member->is_bool()) wrong(fmt::format("\"{}\" must be true or false", key));
    return member->is_bool() && member->get_bool();
  }
  std::vector<std::string> texts(std::string_view key) {
    std::vector<std::string> out;
    const json::value* member = get_member(value_, key);
    if (member == nullptr) return out;
    const json::array* list = member->if_array();
    if (list == nullptr) wrong(fmt::format("\"{}\" must be a list of texts", key));
    for (std::size_t at = 0; list != nullptr && at < list->size(); ++at) {
      if (!(*list)[at].is_string())
        wrong(fmt::format("\"{}\" must be a list of texts", key));
      else
        out.emplace_back((*list)[at].get_string());
    }
    return out;
  }
  template <std::size_t N>
  std::size_t choice(std::string_view key, const std::array<std::string_view, N>& choices,
                     std::size_t otherwise) {
    const std::string word = text(key);
    if (word.empty()) return otherwise;
    const auto at = std::ranges::find(choices, word);
    if (at != choices.end()) return static_cast<std::size_t>(at - choices.begin());
    wrong(fmt::format("\"{}\" must be one of {}", key,
                      join(std::vector<std::string>(choices.begin(), choices.end()), ", ")));
    return otherwise;
  }
  void wrong(std::string what) {
    if (problem_.empty()) problem_ = fmt::format("{} {}", where_, what);
  }
  [[nodiscard]] Result<void> finish() const {
    if (problem_.empty()) return {};
    return fail(Code::kInvalid, problem_);
  }

 private:
  const json::value& value_;
  std::string where_, problem_;
};

Result<ProviderInfo> read_provider(const json::value& value, std::string where) {
  Entry entry(value, std::move(where));
  ProviderInfo info;
  info.id = entry.text("id", true);
  info.name = entry.text("name");
  if (info.name.empty()) info.name = info.id;
  info.wire = static_cast<Wire>(entry.choice("wire", kWires, 1));
  info.base_url = entry.text("base_url", true);
  info.key_variables = entry.texts("key_variables");
  info.url_variable = entry.text("url_variable");
  info.default_model = entry.text("default_model");
  info.key_required = entry.flag("key_required", true);
  info.text_calls = entry.flag("text_calls", false);
  SKEP_TRY_VOID(entry.finish());
  return info;
}

Result<ModelInfo> read_model(const json::value& value, std::string where, bool custom) {
  Entry entry(value, std::move(where));
  ModelInfo info;
  info.id = entry.text("id", true);
  info.provider = entry.text("provider", true);
  info.wire_id = entry.text("wire_id");
  if (info.wire_id.empty()) info.wire_id = info.id;
  const Tier usual = custom ? Tier::kCustom : Tier::kBalanced;
  info.tier = static_cast<Tier>(entry.choice("tier", kTiers, static_cast<std::size_t>(usual)));
  info.context_tokens = entry.tokens("context", 32'768);
  info.output_tokens_max = entry.tokens("max_output", 4'096);
  info.price.input = entry.price("input", kUnknownPrice.input);
  info.price.output = entry.price("output", kUnknownPrice.output);
  info.price.cache_read = entry.price("cache_read", info.price.input);
  info.price.cache_write = entry.price("cache_write", info.price.input);
  info.tools = entry.flag("tools", true);
  info.vision = entry.flag("vision", false);
  if (get_member(value, "text_calls") != nullptr) info.text_calls = entry.flag("text_calls", false);
  info.aliases = entry.texts("aliases");
  SKEP_TRY_VOID(entry.finish());
  return info;
}

template <class T>
void add_or_replace(std::vector<T>& into, T item) {
  auto at = std::ranges::find(into, item.id, &T::id);
  if (at == into.end())
    into.push_back(std::move(item));
  else
    *at = std::move(item);
}

Result<std::string> read_overlay(const std::string& path) {
  std::error_code error;
  const auto bytes = std::filesystem::file_size(path, error);
  if (!error && bytes > Catalogue::overlay_bytes_max)
    return fail(Code::kTooLarge, fmt::format("{} is larger than 4 MiB", path));
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  if (error || !file) return fail(Code::kUnavailable, fmt::format("{} cannot be read", path));
  return std::move(text).str();
}

}  // namespace

std::string_view tier_name(Tier tier) { return kTiers[static_cast<std::size_t>(tier)]; }

PicoUsd Price::of(const Usage& usage) const {
  return usage.input * input + usage.output * output + usage.cache_read * cache_read +
         usage.cache_write * cache_write;
}

Result<void> Catalogue::take(std::string_view text, const std::string& name, bool custom) {
  auto parsed = parse_json(text);
  if (!parsed || !parsed->is_object()) {
    return fail(Code::kInvalid,
                fmt::format("{} is no JSON object{}", name,
                            parsed ? std::string() : ": " + parsed.error().message));
  }
  if (const json::array* providers = get_array(*parsed, "providers")) {
    for (std::size_t at = 0; at < providers->size(); ++at) {
      SKEP_TRY(ProviderInfo info,
               read_provider((*providers)[at], fmt::format("{}: provider {}", name, at + 1)));
      add_or_replace(providers_, std::move(info));
    }
  }
  if (const json::array* models = get_array(*parsed, "models")) {
    for (std::size_t at = 0; at < models->size(); ++at) {
      const std::string where = fmt::format("{}: model {}", name, at + 1);
      SKEP_TRY(ModelInfo info, read_model((*models)[at], where, custom));
      if (provider(info.provider) == nullptr) {
        return fail(Code::kInvalid, fmt::format("{} names provider \"{}\", which is unknown", where,
                                                info.provider));
      }
      add_or_replace(models_, std::move(info));
    }
  }
  return {};
}

Result<Catalogue> Catalogue::open(const std::string& overlay_path) {
  Catalogue catalogue;
  const std::string_view own(skep_models_json,
                             static_cast<std::size_t>(skep_models_json_end - skep_models_json));
  SKEP_TRY_VOID(catalogue.take(own, "the built-in catalogue", false));
  std::error_code ignored;
  if (!overlay_path.empty() && std::filesystem::exists(overlay_path, ignored)) {
    SKEP_TRY(const std::string text, read_overlay(overlay_path));
    SKEP_TRY_VOID(catalogue.take(text, overlay_path, true));
  }
  return catalogue;
}

const ProviderInfo* Catalogue::provider(std::string_view id) const {
  auto at = std::ranges::find(providers_, id, &ProviderInfo::id);
  return at == providers_.end() ? nullptr : &*at;
}

const ModelInfo* Catalogue::model(std::string_view name, std::string_view provider) const {
  using Fits = bool (*)(const ModelInfo&, std::string_view);
  constexpr std::array<Fits, 4> kWays = {
      [](const ModelInfo& m, std::string_view n) { return m.id == n; },
      [](const ModelInfo& m, std::string_view n) {
        return to_lower_ascii(m.id) == to_lower_ascii(n);
      },
      [](const ModelInfo& m, std::string_view n) { return m.wire_id == n; },
      [](const ModelInfo& m, std::string_view n) {
        return std::ranges::find(m.aliases, to_lower_ascii(n)) != m.aliases.end();
      }};
  for (Fits fits : kWays) {
    for (const ModelInfo& one : models_) {
      if ((provider.empty() || one.provider == provider) && fits(one, name)) return &one;
    }
  }
  return nullptr;
}

}  // namespace skep::llm
