#include "skep/agent/loop_guard.h"

#include <algorithm>
#include <array>

#include "skep/base/json.h"
#include "skep/base/text.h"

namespace skep::agent {
namespace {

constexpr std::size_t kRecentMax = 30;
constexpr int kRepeatsOfAPattern = 3;
constexpr int kPollFactor = 3;
constexpr std::size_t kPeriodMin = 2, kPeriodMax = 3;

// Shell commands that ask how something is doing.
constexpr std::array<std::string_view, 17> kPollCommands = {"docker ps",
                                                            "docker inspect",
                                                            "kubectl get",
                                                            "kubectl describe",
                                                            "kubectl wait",
                                                            "systemctl status",
                                                            "systemctl is-active",
                                                            "service ",
                                                            "supervisorctl status",
                                                            "pgrep",
                                                            "pidof",
                                                            "lsof -i",
                                                            "ss ",
                                                            "netstat",
                                                            "ps ",
                                                            "jobs",
                                                            "curl -s"};

void append_sorted(std::string& out, const json::value& value) {
  if (const auto* object = value.if_object()) {
    std::vector<std::string_view> keys;
    for (const auto& member : *object) keys.push_back(member.key());
    std::ranges::sort(keys);
    out += '{';
    for (const std::string_view key : keys) {
      append_json_string(out, key);
      out += ':';
      append_sorted(out, object->at(key));
      out += ',';
    }
    out += '}';
  } else if (const auto* array = value.if_array()) {
    out += '[';
    for (const json::value& item : *array) {
      append_sorted(out, item);
      out += ',';
    }
    out += ']';
  } else {
    out += to_json(value);
  }
}

}  // namespace

LoopGuardConfig LoopGuardConfig::read(ConfigSection section) {
  LoopGuardConfig config;
  section.read("warn", config.warn, {.min = 2, .max = 1000});
  section.read("block", config.block, {.min = 2, .max = 1000});
  section.read("end", config.end, {.min = 1, .max = 10'000});
  section.read("failed_rounds", config.failed_rounds, {.min = 1, .max = 100});
  if (config.block <= config.warn) section.problem("block", "must be more than warn");
  return config;
}

std::string fingerprint(const ToolCall& call) {
  std::string out = call.name + ' ';
  if (!call.arguments_error.empty()) {
    out += "unreadable";
  } else {
    append_sorted(out, call.arguments);
  }
  // Long arguments are kept as their hash, or a turn could hold many copies of a large file.
  constexpr std::size_t kKeptMax = 256;
  return out.size() <= kKeptMax ? out : call.name + ' ' + sha256(out);
}

bool is_poll(const ToolCall& call) {
  if (call.name == "process_poll" || call.name == "process_list") return true;
  if (call.name != "shell_exec") return false;
  const std::string_view command = trim(get_string(call.arguments, "command"));
  return std::ranges::any_of(kPollCommands,
                             [&](std::string_view known) { return command.starts_with(known); });
}

LoopGuard::Verdict LoopGuard::check(const ToolCall& call) {
  if (++total_ > config_.end) {
    return {Do::kEnd,
            fmt::format("I stopped: {} tool calls in one answer are too many. Tell me what "
                        "matters most, or ask for a part of it.",
                        config_.end)};
  }
  const std::string mark = fingerprint(call);
  const int times = ++counts_[mark];
  recent_.push_back(mark);
  if (recent_.size() > kRecentMax) recent_.erase(recent_.begin());
  const int factor = is_poll(call) ? kPollFactor : 1;
  for (std::size_t period = kPeriodMin; factor == 1 && period <= kPeriodMax; ++period) {
    if (alternates(period))
      return {Do::kBlock,
              fmt::format("Not run: you are going round in circles with the same {} calls. Do "
                          "something else, or answer with what you have.",
                          period)};
  }
  if (times >= config_.block * factor) {
    return {Do::kBlock, fmt::format("Not run: this is the same call for the {}th time in this "
                                    "turn, and its answer will be the same. Change the call, or "
                                    "answer with what you have.",
                                    times)};
  }
  if (times >= config_.warn * factor) {
    return {Do::kWarn, fmt::format("[This is the same call for the {}. time. Another one will not "
                                   "bring more.]",
                                   times)};
  }
  return {};
}

// The newest calls are `period` different ones in turn, kRepeatsOfAPattern times.
bool LoopGuard::alternates(std::size_t period) const {
  const std::size_t length = period * kRepeatsOfAPattern;
  if (recent_.size() < length) return false;
  const auto newest = recent_.end() - static_cast<std::ptrdiff_t>(length);
  bool differ = false;
  for (std::size_t i = 0; i < length; ++i) {
    const auto at = newest + static_cast<std::ptrdiff_t>(i);
    if (*at != *(newest + static_cast<std::ptrdiff_t>(i % period))) return false;
    differ = differ || *at != *newest;
  }
  return differ;
}

}  // namespace skep::agent
