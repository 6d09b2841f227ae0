#include "skep/base/log.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/ansicolor_sink.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <cstdio>
#include <memory>
#include <mutex>
#include <vector>

namespace skep::log {
namespace {

// The one log of the process. Lives for ever, so that destructors of statics may still write.
struct State {
  std::atomic<Level> level = Level::kInfo;
  std::mutex mutex;
  std::shared_ptr<spdlog::logger> logger;
};

spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::kTrace:
      return spdlog::level::trace;
    case Level::kDebug:
      return spdlog::level::debug;
    case Level::kInfo:
      return spdlog::level::info;
    case Level::kWarn:
      return spdlog::level::warn;
    case Level::kError:
      return spdlog::level::err;
    case Level::kOff:
      break;
  }
  return spdlog::level::off;
}

std::shared_ptr<spdlog::logger> make_logger(const LogConfig& config) {
  auto mode = config.color ? spdlog::color_mode::automatic : spdlog::color_mode::never;
  std::vector<spdlog::sink_ptr> sinks = {
      std::make_shared<spdlog::sinks::ansicolor_stderr_sink_mt>(mode)};
  std::string file_problem;
  if (!config.file.empty()) {
    try {
      sinks.push_back(std::make_shared<spdlog::sinks::basic_file_sink_mt>(config.file));
    } catch (const std::exception& e) {
      file_problem = e.what();
    }
  }
  auto logger = std::make_shared<spdlog::logger>("skep", sinks.begin(), sinks.end());
  auto formatter = std::make_unique<spdlog::pattern_formatter>("%Y-%m-%dT%H:%M:%S.%eZ %^%-5l%$ %v",
                                                               spdlog::pattern_time_type::utc);
  logger->set_formatter(std::move(formatter));
  logger->set_level(spdlog::level::trace);  // our own level decides
  logger->flush_on(spdlog::level::trace);
  logger->set_error_handler(
      [](const std::string&) {});  // a full disk must not fill standard error as well
  if (!file_problem.empty()) logger->warn("base: no log file: {}", file_problem);
  return logger;
}

State& state() {
  static State* const kState = [] {
    auto* made = new State;
    made->logger = make_logger({});
    return made;
  }();
  return *kState;
}

// One event is one line, whatever a foreign text holds.
std::string one_line(std::string_view room, std::string_view text) {
  std::string line;
  line.reserve(room.size() + 2 + text.size());
  line.append(room).append(": ");
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    if (c == '\n') {
      line.append("\\n");
    } else if (byte < 0x20 || byte == 0x7f) {
      fmt::format_to(std::back_inserter(line), "\\x{:02x}", byte);
    } else {
      line.push_back(c);
    }
  }
  return line;
}

}  // namespace

Level level_named(std::string_view name) {
  if (name == "debug") return Level::kDebug;
  if (name == "warn") return Level::kWarn;
  if (name == "error") return Level::kError;
  return Level::kInfo;
}

void configure(const LogConfig& config) {
  auto logger = make_logger(config);
  State& log = state();
  log.level = config.level;
  std::lock_guard lock(log.mutex);
  log.logger = std::move(logger);
}

void set_level(Level level) { state().level = level; }

bool enabled(Level level) {
  return level != Level::kOff && level >= state().level.load(std::memory_order_relaxed);
}

void write(Level level, std::string_view room, std::string_view text) {
  if (!enabled(level)) return;
  try {
    State& log = state();
    std::unique_lock lock(log.mutex);
    std::shared_ptr<spdlog::logger> logger = log.logger;
    lock.unlock();
    logger->log(to_spdlog(level), one_line(room, text));
  } catch (const std::exception& e) {
    std::fputs(e.what(), stderr);
  }
}

}  // namespace skep::log
