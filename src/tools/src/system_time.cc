#include <ctime>

#include "skep/tools/builtin.h"

namespace skep::tools {
namespace {

// "+02:00"
std::string offset_text(long seconds) {
  long minutes = (seconds < 0 ? -seconds : seconds) / 60;
  return fmt::format("{}{:02}:{:02}", seconds < 0 ? '-' : '+', minutes / 60, minutes % 60);
}

class SystemTime final : public Tool {
 public:
  explicit SystemTime(const Clock& clock) : clock_(clock) {
    spec_ = {"system_time", "The exact time: UTC, local, zone, weekday, epoch.",
             json::object{{"type", "object"}, {"properties", json::object()}}};
  }
  [[nodiscard]] const llm::ToolSpec& spec() const override { return spec_; }
  [[nodiscard]] bool repeatable() const override { return true; }
  [[nodiscard]] bool side_by_side() const override { return true; }

  Task<ToolOutput> call(ToolContext, json::object) override {
    WallTime now = clock_.now();
    std::time_t seconds = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
    std::tm local{};
    if (localtime_r(&seconds, &local) == nullptr)
      co_return ToolOutput{"The local time is not known.", true};
    static constexpr std::string_view kDays[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                 "Thursday", "Friday", "Saturday"};
    std::string offset = offset_text(local.tm_gmtoff);
    json::object out;
    out["utc"] = format_rfc3339(now);
    out["local"] =
        fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{}", local.tm_year + 1900, local.tm_mon + 1,
                    local.tm_mday, local.tm_hour, local.tm_min, local.tm_sec, offset);
    out["zone"] =
        fmt::format("{} (UTC{})", local.tm_zone == nullptr ? "local" : local.tm_zone, offset);
    out["weekday"] = kDays[local.tm_wday];
    out["epoch"] = seconds;
    co_return ToolOutput{to_json(out), false};
  }

 private:
  llm::ToolSpec spec_;
  const Clock& clock_;
};

}  // namespace

std::unique_ptr<Tool> make_system_time(const Clock& clock) {
  return std::make_unique<SystemTime>(clock);
}

}  // namespace skep::tools
