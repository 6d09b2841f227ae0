// A manifest back to TOML.
#include "skep/agent/manifest.h"
#include "skep/base/text.h"

namespace skep::agent {
namespace {

// A TOML basic string; `lines`: text of several lines stands in one that keeps them.
std::string quoted(std::string_view text, bool lines = false) {
  const bool multi = lines && text.contains('\n');
  std::string out = multi ? "\"\"\"\n" : "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (c == '\n' && multi) {
      out.push_back(c);
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned char>(c));
    } else {
      out.push_back(c);
    }
  }
  return out + (multi ? "\"\"\"" : "\"");
}

// Writes keys of one table; its heading comes with the first of them.
class Table {
 public:
  Table(std::string& out, std::string heading) : out_(out), heading_(std::move(heading)) {}

  void text(std::string_view key, std::string_view value, std::string_view usual = {}) {
    if (value != usual) line(key, quoted(value, true));
  }
  template <class T>
  void number(std::string_view key, T value, T usual = {}) {
    if (value != usual) line(key, fmt::format("{}", value));
  }
  void list(std::string_view key, const std::vector<std::string>& values) {
    if (!values.empty()) list(key, std::optional(values));
  }
  void list(std::string_view key, const std::optional<std::vector<std::string>>& values) {
    if (!values) return;
    std::vector<std::string> parts;
    for (const std::string& value : *values) parts.push_back(quoted(value));
    line(key, "[" + join(parts, ", ") + "]");
  }
  void line(std::string_view key, std::string_view value) {
    begin();
    fmt::format_to(std::back_inserter(out_), "{} = {}\n", key, value);
  }
  void begin() {
    if (!heading_.empty()) out_ += "\n" + std::exchange(heading_, {}) + "\n";
  }

 private:
  std::string& out_;
  std::string heading_;
};

void write_way(Table& table, const ModelWay& way) {
  table.text("provider", way.provider);
  table.text("model", way.model);
  table.text("api_key_env", way.api_key_env);
  table.text("base_url", way.base_url);
}

void write_model(std::string& out, const Manifest& m) {
  Table model(out, "[model]");
  write_way(model, m.model);
  if (m.max_tokens) model.number("max_tokens", *m.max_tokens);
  if (m.temperature) model.line("temperature", fmt::format("{}", *m.temperature));
  model.text("system_prompt", m.system_prompt);
  for (const ModelWay& way : m.fallbacks) {
    Table fallback(out, "[[fallback_models]]");
    fallback.begin();
    write_way(fallback, way);
  }
}

void write_resources(std::string& out, const Manifest& m) {
  Table table(out, "[resources]");
  table.number("max_llm_tokens_per_hour", m.tokens_per_hour);
  table.number("max_llm_tokens_per_day", m.tokens_per_day);
  table.number("max_llm_tokens_per_month", m.tokens_per_month);
  table.number("max_cost_per_hour_usd", m.usd_per_hour);
  table.number("max_cost_per_day_usd", m.usd_per_day);
  table.number("max_cost_per_month_usd", m.usd_per_month);
  table.number("max_tool_calls_per_minute", m.tool_calls_per_minute,
               Manifest().tool_calls_per_minute);
}

void write_capabilities(std::string& out, const Manifest& m) {
  Table table(out, "[capabilities]");
  table.list("tools", m.tools);
  table.list("network", m.network);
  table.list("memory_read", m.memory_read);
  table.list("memory_write", m.memory_write);
  table.list("shell", m.shell);
  if (m.agent_spawn) table.line("agent_spawn", *m.agent_spawn ? "true" : "false");
  table.list("agent_message", m.agent_message);
  table.list("agent_kill", m.agent_kill);
}

void write_wakes(std::string& out, const Wakes& w) {
  Table table(out, "[autonomous]");
  table.text("time_zone", w.time_zone);
  table.text("quiet_hours", w.quiet_hours);
  table.number("heartbeat_interval_secs", w.heartbeat.count());
  table.number("max_restarts", w.restarts_max, Wakes().restarts_max);
}

// The value of `schedule`.
std::string schedule_text(const Wakes& w) {
  switch (w.mode) {
    case Wakes::Mode::kReactive:
      break;
    case Wakes::Mode::kContinuous:
      return fmt::format("{{ continuous = {{ check_interval_secs = {} }} }}", w.interval.count());
    case Wakes::Mode::kPeriodic:
      return fmt::format("{{ periodic = {{ cron = {}, missed = {} }} }}", quoted(w.cron),
                         quoted(schedule::missed_name(w.missed)));
    case Wakes::Mode::kProactive: {
      std::vector<std::string> parts;
      for (const std::string& one : w.conditions) parts.push_back(quoted(one));
      return fmt::format("{{ proactive = {{ conditions = [{}], max_fires = {} }} }}",
                         join(parts, ", "), w.fires_max);
    }
  }
  return {};
}

}  // namespace

std::string Manifest::to_text() const {
  std::string out;
  Table root(out, {});
  root.text("name", name);
  root.text("version", version, Manifest().version);
  root.text("description", description);
  root.text("author", author);
  root.list("tags", tags);
  root.text("profile", profile);
  root.list("tool_allowlist", tool_allowlist);
  root.list("tool_blocklist", tool_blocklist);
  if (exec_policy) root.text("exec_policy", exec_policy_name(*exec_policy));
  root.text("workspace", workspace);
  root.text("personas", personas);
  if (const std::string text = schedule_text(wakes); !text.empty()) root.line("schedule", text);
  write_model(out, *this);
  write_resources(out, *this);
  write_capabilities(out, *this);
  write_wakes(out, wakes);
  return out;
}

}  // namespace skep::agent
