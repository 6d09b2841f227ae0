// Where the answers of a job go beside its person.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "skep/base/clock.h"
#include "skep/base/json.h"
#include "skep/base/result.h"

namespace skep::schedule {

// A value.
struct Delivery {
  enum class Way : std::uint8_t {
    kWebhook,  // `to`: an address, or the name of a [schedules.webhooks.NAME]
    kFile,     // `to`: a path in the agent's workspace
    kMail      // `to`: an address
  };
  static constexpr std::size_t to_bytes_max = 2048;
  static constexpr std::size_t last_bytes_max = 300;
  static constexpr std::size_t per_job_max = 3;

  Way way = Way::kWebhook;
  std::string to;
  // What became of the newest answer: "done", "failed: …"; empty: there was none.
  std::string last;
  std::optional<WallTime> last_at;

  // "webhook:https://example.org/hook", "webhook:NAME", "file:notes/weather.md",
  // "mail:ann@example.org". kInvalid with what is wrong.
  static Result<Delivery> parse(std::string_view text);
  [[nodiscard]] std::string text() const;
  [[nodiscard]] bool failed() const { return last.starts_with("failed"); }
  // Of a webhook: `to` is an address.
  [[nodiscard]] bool is_address() const { return to.contains("://"); }
  bool operator==(const Delivery&) const = default;
};

// kInvalid also for more than Delivery::per_job_max, or one that is there twice.
Result<std::vector<Delivery>> parse_deliveries(const std::vector<std::string>& texts);

json::array to_json(const std::vector<Delivery>& all);
Result<std::vector<Delivery>> deliveries_from(const json::value& value);  // null: none

}  // namespace skep::schedule
