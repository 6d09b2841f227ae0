#include "skep/base/text.h"
#include "skep/net/egress.h"
#include "skep/tools/web_search.h"
#include "spec.h"

namespace skep::tools {
namespace {

constexpr std::chrono::seconds kTimeout{10};
constexpr std::size_t kBodyBytesMax = 64u << 10;
constexpr std::size_t kWordsMax = 100;  // of one fact

// The first of the members that is there, as text: services name the same thing differently.
std::string fact(const json::value& value, std::initializer_list<std::string_view> keys) {
  for (const std::string_view key : keys) {
    const json::value* member = get_member(value, key);
    if (member == nullptr || member->is_null()) continue;
    const std::string text =
        member->is_string() ? std::string(member->get_string()) : to_json(*member);
    if (text.empty()) continue;
    std::string line(cut_utf8(text, kWordsMax));
    for (char& c : line) {
      if (c == '\n' || c == '\r') c = ' ';
    }
    return line;
  }
  return {};
}

std::string described(const json::value& value) {
  std::string text;
  const auto add = [&](std::string_view name, std::string what) {
    if (!what.empty()) text += fmt::format("{}: {}\n", name, what);
  };
  add("city", fact(value, {"city"}));
  add("region", fact(value, {"region", "regionName", "region_name"}));
  add("country", fact(value, {"country_name", "country"}));
  const std::string latitude = fact(value, {"latitude", "lat"});
  const std::string longitude = fact(value, {"longitude", "lon"});
  if (!latitude.empty() && !longitude.empty())
    add("about", fmt::format("{}, {}", latitude, longitude));
  else
    add("about", fact(value, {"loc"}));
  add("time zone", fact(value, {"timezone", "time_zone"}));
  return text;
}

class LocationGet final : public Tool {
 public:
  LocationGet(net::HttpClient& http, LocationConfig config)
      : spec_(make_spec("location_get",
                        "Where this machine roughly is, by its network address. The person you "
                        "talk with may be elsewhere.",
                        "{}", {})),
        http_(http),
        config_(std::move(config)) {}
  [[nodiscard]] const llm::ToolSpec& spec() const override { return spec_; }
  [[nodiscard]] bool repeatable() const override { return true; }
  [[nodiscard]] bool side_by_side() const override { return true; }
  [[nodiscard]] std::chrono::milliseconds timeout() const override { return kTimeout; }
  [[nodiscard]] std::vector<Need> needs(const json::value&) const override {
    auto endpoint = net::endpoint_of(config_.url);
    if (!endpoint) return {};
    return {{authority::Action::kNetConnect, *std::move(endpoint)}};
  }
  [[nodiscard]] std::string describe(const json::value&) const override {
    return fmt::format("ask {} where this machine is", net::host_of(config_.url));
  }
  [[nodiscard]] authority::Labels taint() const override {
    authority::Labels labels;
    return labels |= authority::Label::kExternalNetwork;
  }

  Task<ToolOutput> call(ToolContext context, json::object) override {
    net::HttpRequest request{.url = config_.url,
                             .headers = {{"accept", "application/json"}},
                             .first_byte_timeout = kTimeout,
                             .idle_timeout = kTimeout,
                             .body_bytes_max = kBodyBytesMax};
    auto reply = co_await http_.fetch(context.ctx, std::move(request));
    if (!reply) co_return unknown(reply.error().message);
    if (reply->status != 200) co_return unknown(fmt::format("HTTP {}", reply->status));
    auto value = parse_json(reply->body);
    std::string text = value ? described(*value) : std::string();
    if (text.empty()) co_return unknown("the answer names no place");
    co_return ToolOutput{std::move(text), false};
  }

 private:
  static ToolOutput unknown(std::string_view why) {
    return {fmt::format("The place is not known: {}.", why), true};
  }

  llm::ToolSpec spec_;
  net::HttpClient& http_;
  LocationConfig config_;
};

}  // namespace

LocationConfig LocationConfig::read(ConfigSection section) {
  LocationConfig config;
  section.read("enabled", config.enabled);
  section.read("url", config.url);
  if (!net::endpoint_of(config.url)) section.problem("url", "must be an http or https address");
  return config;
}

std::unique_ptr<Tool> make_location_get(net::HttpClient& http, LocationConfig config) {
  return std::make_unique<LocationGet>(http, std::move(config));
}

}  // namespace skep::tools
