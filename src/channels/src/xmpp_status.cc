// What administrators see of an XMPP node.
#include "xmpp_channel_impl.h"

namespace skep::channels {
namespace {

// "3 h 12 min", "40 s"
std::string lasting(Millis time) {
  const auto seconds = std::max<std::int64_t>(0, time.count() / 1000);
  if (seconds < 60) return fmt::format("{} s", seconds);
  if (seconds < 3600) return fmt::format("{} min", seconds / 60);
  return fmt::format("{} h {} min", seconds / 3600, seconds / 60 % 60);
}

}  // namespace

std::vector<std::string> XmppChannelImpl::status_lines(bool admin) const {
  const xmpp::LinkStatus link = link_.status();
  const std::string_view mode = component_ ? "component" : "account";
  const std::string since = link.since ? ", " + lasting(deps_.xmpp.clock.now() - *link.since) : "";
  if (!admin) return {fmt::format("XMPP: {} ({}{})", link.up ? "online" : "offline", mode, since)};
  std::vector<std::string> lines;
  lines.push_back(link.up
                      ? fmt::format("XMPP: {} {}, online{}", mode, link.address, since)
                      : fmt::format("XMPP: {} {}, offline: {}", mode, config_.link.address().str(),
                                    link.last_error.empty() ? "connecting" : link.last_error));
  lines.push_back(fmt::format(
      "XMPP: {} message stanzas received, {} answered, {} waiting to be sent, {} refused, {} "
      "undelivered",
      stats_.received, stats_.answered, outbox_.size(), stats_.refused, stats_.undelivered));
  lines.push_back(
      fmt::format("XMPP unanswered: {} foreign domain, {} not listed, {} too fast, {} automatic, "
                  "{} too old, {} duplicates",
                  stats_.foreign_domain, stats_.not_listed, stats_.flooded, stats_.loops,
                  stats_.too_old, stats_.duplicates));
  lines.push_back(
      fmt::format("XMPP asides: {} kept as context, {} corrections, {} retractions, {} reactions; "
                  "refused: {} forged copies, {} forged ids, {} stray archive results",
                  stats_.context, stats_.corrections, stats_.retractions, stats_.reactions,
                  stats_.forged_copies, stats_.forged_ids, stats_.stray_results));
  if (!component_) {
    lines.push_back(fmt::format(
        "XMPP link: {}, {} connections lost and resumed, {} not resumed, {} false counts",
        link.acknowledged ? "acknowledged" : "not acknowledged", link.resumes, link.resumes_failed,
        link.false_counts));
  }
  lines.push_back("XMPP policy: " + admission_.allow_list().describe());
  for (std::string& line : rooms_.status_lines()) lines.push_back(std::move(line));
  return lines;
}

json::object XmppChannelImpl::status() const {
  const xmpp::LinkStatus link = link_.status();
  const XmppChannelStats& s = stats_;
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
                        {"stray_results", s.stray_results}};
  json::object out{{"kind", "xmpp"},
                   {"mode", component_ ? "component" : "client"},
                   {"address", link.up ? link.address : config_.link.address().str()},
                   {"up", link.up},
                   {"connects", link.connects},
                   {"acknowledged", link.acknowledged},
                   {"resumes", link.resumes},
                   {"resumes_failed", link.resumes_failed},
                   {"false_counts", link.false_counts},
                   {"waiting", outbox_.size()},
                   {"policy", admission_.allow_list().describe()},
                   {"counters", std::move(counters)},
                   {"muc", rooms_.status()}};
  if (!link.last_error.empty()) out["last_error"] = link.last_error;
  if (link.since) out["since"] = format_rfc3339(*link.since);
  return out;
}

}  // namespace skep::channels
