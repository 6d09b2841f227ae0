#include "skep/schedule/delivery.h"

#include <fmt/format.h>

#include "skep/base/text.h"

namespace skep::schedule {
namespace {

constexpr std::string_view kWays[] = {"webhook", "file", "mail"};
constexpr std::size_t kNameBytesMax = 64;
constexpr std::size_t kMailBytesMax = 254;  // RFC 5321 4.5.3.1.3

bool is_word(std::string_view text, std::string_view more) {
  return !text.empty() && std::ranges::all_of(text, [&](unsigned char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           more.contains(static_cast<char>(c));
  });
}

bool is_plain(std::string_view text) {
  return is_valid_utf8(text) &&
         std::ranges::none_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

Result<void> check_webhook(std::string_view to) {
  if (!to.contains("://")) {
    if (to.size() <= kNameBytesMax && is_word(to, "-_")) return {};
    return fail(Code::kInvalid,
                "a webhook is an http or https address, or a name of [schedules.webhooks]");
  }
  const bool web = starts_with_ignoring_ascii_case(to, "https://") ||
                   starts_with_ignoring_ascii_case(to, "http://");
  if (web && !to.contains(' ')) return {};
  return fail(Code::kInvalid, "a webhook's address begins with https:// or http://");
}

// The plain addresses that people have; quoted ones are refused.
Result<void> check_mail(std::string_view to) {
  const auto at = to.find('@');
  const bool good = to.size() <= kMailBytesMax && at != std::string_view::npos &&
                    is_word(to.substr(0, at), ".!#$%&'*+-/=?^_`{|}~") &&
                    is_word(to.substr(at + 1), ".-") && !to.starts_with('-');
  if (good) return {};
  return fail(Code::kInvalid, "mail goes to an address such as ann@example.org");
}

}  // namespace

Result<Delivery> Delivery::parse(std::string_view text) {
  text = trim(text);
  const auto colon = text.find(':');
  const auto* way = std::ranges::find(kWays, text.substr(0, colon));
  if (colon == std::string_view::npos || way == std::end(kWays)) {
    return fail(Code::kInvalid,
                "answers are delivered to webhook:ADDRESS, webhook:NAME, file:PATH or mail:WHOM");
  }
  Delivery out{.way = static_cast<Way>(way - std::begin(kWays)),
               .to = std::string(trim(text.substr(colon + 1)))};
  if (out.to.empty() || out.to.size() > to_bytes_max || !is_plain(out.to))
    return fail(Code::kInvalid, fmt::format("what stands behind {}: must be text of 1 to {} bytes",
                                            *way, to_bytes_max));
  // What a path may be, the workspace says.
  if (out.way == Way::kWebhook) SKEP_TRY_VOID(check_webhook(out.to));
  if (out.way == Way::kMail) SKEP_TRY_VOID(check_mail(out.to));
  return out;
}

std::string Delivery::text() const {
  return fmt::format("{}:{}", kWays[static_cast<std::size_t>(way)], to);
}

Result<std::vector<Delivery>> parse_deliveries(const std::vector<std::string>& texts) {
  if (texts.size() > Delivery::per_job_max)
    return fail(Code::kInvalid,
                fmt::format("at most {} deliveries of one job", Delivery::per_job_max));
  std::vector<Delivery> all;
  for (const std::string& text : texts) {
    SKEP_TRY(Delivery one, Delivery::parse(text));
    if (std::ranges::find(all, one) != all.end())
      return fail(Code::kInvalid, fmt::format("{} is there twice", one.text()));
    all.push_back(std::move(one));
  }
  return all;
}

json::array to_json(const std::vector<Delivery>& all) {
  json::array out;
  for (const Delivery& one : all) {
    json::object shown{{"to", one.text()}, {"last", one.last}};
    if (one.last_at) shown["last_at"] = one.last_at->time_since_epoch().count();
    out.emplace_back(std::move(shown));
  }
  return out;
}

Result<std::vector<Delivery>> deliveries_from(const json::value& value) {
  std::vector<Delivery> all;
  if (!value.is_array()) return all;
  for (const json::value& one : value.get_array()) {
    SKEP_TRY(Delivery read, Delivery::parse(get_string(one, "to")));
    read.last = get_string(one, "last");
    if (const auto at = get_int(one, "last_at")) read.last_at = WallTime(Millis(*at));
    all.push_back(std::move(read));
  }
  return all;
}

}  // namespace skep::schedule
