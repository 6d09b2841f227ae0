#include "xmpp_status.h"

#include <algorithm>

namespace skep::channels {
namespace {

// "3 h 12 min", "40 s"
std::string lasting(Millis time) {
  const auto seconds = std::max<std::int64_t>(0, time.count() / 1000);
  if (seconds < 60) return fmt::format("{} s", seconds);
  if (seconds < 3600) return fmt::format("{} min", seconds / 60);
  return fmt::format("{} h {} min", seconds / 3600, seconds / 60 % 60);
}

bool is_component(const XmppSeen& seen) {
  return seen.config.link.mode == xmpp::XmppConfig::Mode::kComponent;
}

}  // namespace

std::vector<std::string> status_lines(const XmppSeen& seen, bool admin) {
  const xmpp::LinkStatus& link = seen.link;
  const XmppChannelStats& stats = seen.stats;
  const bool component = is_component(seen);
  const std::string_view mode = component ? "component" : "account";
  const std::string since = link.since ? ", " + lasting(seen.now - *link.since) : "";
  if (!admin) return {fmt::format("XMPP: {} ({}{})", link.up ? "online" : "offline", mode, since)};
  std::vector<std::string> lines;
  lines.push_back(link.up ? fmt::format("XMPP: {} {}, online{}", mode, link.address, since)
                          : fmt::format("XMPP: {} {}, offline: {}", mode,
                                        seen.config.link.address().str(),
                                        link.last_error.empty() ? "connecting" : link.last_error));
  lines.push_back(fmt::format(
      "XMPP: {} message stanzas received, {} answered, {} waiting to be sent, {} refused, {} "
      "undelivered",
      stats.received, stats.answered, seen.waiting, stats.refused, stats.undelivered));
  lines.push_back(
      fmt::format("XMPP unanswered: {} foreign domain, {} not listed, {} too fast, {} automatic, "
                  "{} too old, {} duplicates",
                  stats.foreign_domain, stats.not_listed, stats.flooded, stats.loops, stats.too_old,
                  stats.duplicates));
  lines.push_back(
      fmt::format("XMPP asides: {} kept as context, {} corrections, {} retractions, {} reactions; "
                  "refused: {} forged copies, {} forged ids, {} stray archive results",
                  stats.context, stats.corrections, stats.retractions, stats.reactions,
                  stats.forged_copies, stats.forged_ids, stats.stray_results));
  lines.push_back(fmt::format(
      "XMPP files: {} sent, {} uploads failed; long answers: {} as files, {} in parts instead; "
      "refused: {} false upload slots, {} reactions to unknown messages",
      stats.uploads, stats.upload_failures, stats.long_as_files, stats.long_as_parts,
      stats.false_slots, stats.unknown_reactions));
  lines.push_back(fmt::format(
      "XMPP people: {} messages waited for somebody, {} for too long, {} greetings, {} paired, {} "
      "commands; refused: {} of blocked people, {} pairing codes, {} presences too fast, {} "
      "commands",
      stats.deferred, stats.deferred_expired, stats.greetings, stats.pairings, stats.commands,
      stats.blocked, stats.pairings_failed, stats.presence_floods, stats.commands_refused));
  lines.push_back(fmt::format("XMPP events: {} taken; refused: {} too fast, {} not allowed",
                              stats.events, stats.event_floods, stats.events_refused));
  if (!component) {
    lines.push_back(fmt::format(
        "XMPP link: {}, {} connections lost and resumed, {} not resumed, {} false counts",
        link.acknowledged ? "acknowledged" : "not acknowledged", link.resumes, link.resumes_failed,
        link.false_counts));
  }
  lines.push_back("XMPP policy: " + seen.policy);
  for (std::string& line : seen.rooms.status_lines()) lines.push_back(std::move(line));
  return lines;
}

json::object status_object(const XmppSeen& seen) {
  const xmpp::LinkStatus& link = seen.link;
  const XmppChannelStats& s = seen.stats;
  const bool component = is_component(seen);
  json::object counters{{"received", s.received},
                        {"answered", s.answered},
                        {"duplicates", s.duplicates},
                        {"foreign_domain", s.foreign_domain},
                        {"not_listed", s.not_listed},
                        {"flooded", s.flooded},
                        {"errors_in", s.errors_in},
                        {"too_old", s.too_old},
                        {"loops", s.loops},
                        {"refused", s.refused},
                        {"undelivered", s.undelivered},
                        {"ignored", s.ignored},
                        {"context", s.context},
                        {"corrections", s.corrections},
                        {"retractions", s.retractions},
                        {"reactions", s.reactions},
                        {"archive_pages", s.archive_pages},
                        {"forged_copies", s.forged_copies},
                        {"forged_ids", s.forged_ids},
                        {"stray_results", s.stray_results},
                        {"blocked", s.blocked},
                        {"pairings", s.pairings},
                        {"pairings_failed", s.pairings_failed},
                        {"deferred", s.deferred},
                        {"deferred_expired", s.deferred_expired},
                        {"greetings", s.greetings},
                        {"presence_floods", s.presence_floods},
                        {"commands", s.commands},
                        {"commands_refused", s.commands_refused},
                        {"unknown_reactions", s.unknown_reactions},
                        {"events", s.events},
                        {"event_floods", s.event_floods},
                        {"events_refused", s.events_refused},
                        {"uploads", s.uploads},
                        {"upload_failures", s.upload_failures},
                        {"false_slots", s.false_slots},
                        {"long_as_files", s.long_as_files},
                        {"long_as_parts", s.long_as_parts},
                        {"answers_handed_back", s.answers_handed_back}};
  json::object out{{"kind", "xmpp"},
                   {"mode", component ? "component" : "client"},
                   {"address", link.up ? link.address : seen.config.link.address().str()},
                   {"up", link.up},
                   {"connects", link.connects},
                   {"acknowledged", link.acknowledged},
                   {"resumes", link.resumes},
                   {"resumes_failed", link.resumes_failed},
                   {"false_counts", link.false_counts},
                   {"waiting", seen.waiting},
                   {"policy", seen.policy},
                   {"counters", std::move(counters)},
                   {"muc", seen.rooms.status()}};
  if (!link.last_error.empty()) out["last_error"] = link.last_error;
  if (link.since) out["since"] = format_rfc3339(*link.since);
  return out;
}

}  // namespace skep::channels
