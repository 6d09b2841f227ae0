// Logging: one line an event, to standard error (and a file where configured). Never log a Secret,
// a message body or a prompt; people's addresses are allowed at info and above only where an
// operator needs them.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>

namespace skep::log {

enum class Level { kTrace, kDebug, kInfo, kWarn, kError, kOff };

// "debug", "info", "warn", "error"; anything else is kInfo.
Level level_named(std::string_view name);

struct LogConfig {
  Level level = Level::kInfo;
  bool color = true;  // only when standard error is a terminal
  std::string file;   // also append to this file; empty: none
};

// Once, before threads start; later calls replace the settings. Thread-safe.
void configure(const LogConfig& config);
void set_level(Level level);
bool enabled(Level level);
// `room` is the room's name ("xmpp"); printed in front of the text.
void write(Level level, std::string_view room, std::string_view text);

template <class... Args>
void debug(std::string_view room, fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::kDebug))
    write(Level::kDebug, room, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void info(std::string_view room, fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::kInfo))
    write(Level::kInfo, room, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void warn(std::string_view room, fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::kWarn))
    write(Level::kWarn, room, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void error(std::string_view room, fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(Level::kError))
    write(Level::kError, room, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace skep::log
