// skep audit: the log of what was decided and done. Reads the files; needs no daemon.
#include <fmt/format.h>

#include "command_line.h"
#include "skep/authority/audit.h"
#include "skep/base/json.h"

namespace skep::cli {

namespace {

json::object as_json(const authority::AuditEntry& entry) {
  return {{"seq", entry.seq},
          {"time", format_rfc3339(entry.time, true)},
          {"principal", entry.principal},
          {"agent", entry.agent},
          {"action", entry.action},
          {"resource", entry.resource},
          {"outcome", entry.outcome},
          {"detail", entry.detail},
          {"trace", entry.trace},
          {"hash", entry.hash}};
}

std::string_view or_dash(const std::string& text) {
  return text.empty() ? std::string_view("-") : text;
}

// A model may have chosen these words: no control character of theirs reaches the terminal.
std::string harmless(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return text;
}

void print(const authority::AuditEntry& entry) {
  const std::string line = fmt::format(
      "{:>6} {} {:<6} {} {} for {} by {}: {}{}{}", entry.seq, format_rfc3339(entry.time),
      entry.outcome, entry.action, or_dash(entry.resource), or_dash(entry.principal),
      or_dash(entry.agent), entry.detail, entry.trace.empty() ? "" : " trace=", entry.trace);
  fmt::print("{}\n", harmless(line));
}

}  // namespace

int run_audit_list(const Options& options) {
  const auto wanted = [&options](const authority::AuditEntry& entry) {
    return options.name.empty() || entry.agent == options.name;
  };
  const auto entries = authority::read_audit(options.home, options.count, wanted);
  if (!entries) return report(entries.error());
  if (options.json) {
    json::array list;
    for (const authority::AuditEntry& entry : *entries) list.push_back(as_json(entry));
    fmt::print("{}\n", to_json(list));
    return 0;
  }
  for (const authority::AuditEntry& entry : *entries) print(entry);
  return 0;
}

int run_audit_verify(const Options& options) {
  const auto checked = authority::verify_audit(options.home);
  if (checked) {
    fmt::print("{} entries, all as they were written\n", *checked);
    return 0;
  }
  if (checked.error().code != Code::kCorrupt) return report(checked.error());
  fmt::print("{}\n", checked.error().message);
  return kExitCheckFailed;
}

}  // namespace skep::cli
