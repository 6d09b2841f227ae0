#include "skep/base/text.h"
#include "skep/tools/xmpp_send.h"

namespace skep::tools {
namespace {

void read_rates(ConfigSection section, XmppSendConfig& config) {
  using namespace std::chrono_literals;
  section.read("max_messages_per_minute", config.per_minute, {.min = 1, .max = 1000});
  section.read("max_messages_per_hour", config.per_hour, {.min = 1, .max = 10'000});
  section.read("max_messages_per_contact_per_hour", config.per_contact_per_hour,
               {.min = 1, .max = 10'000});
  section.read_duration("cooldown_after_limit", 1s, config.cooldown);
}

void read_audit(ConfigSection section, XmppSendConfig& config) {
  section.read("enabled", config.audit);
  section.read("log_path", config.audit_path);
  section.read("retention_days", config.retention_days, {.min = 1, .max = 36'500});
}

}  // namespace

XmppSendConfig XmppSendConfig::read(ConfigSection section, const std::string& home) {
  XmppSendConfig config;
  config.audit_path = home + "/audit/xmpp_send.jsonl";
  section.read("enabled", config.enabled);
  std::vector<std::string> contacts;
  section.read("allowed_contacts", contacts);
  for (const std::string& text : contacts)
    config.allowed_contacts.push_back(to_lower_ascii(trim(text)));
  section.read("allow_roster_contacts", config.allow_roster_contacts);
  section.read("allow_subscribed_only", config.allow_subscribed_only);
  section.read("require_first_contact_confirmation", config.confirm_first_contact);
  section.read("attribution", config.attribution);
  section.read_duration("answer_hours", std::chrono::hours(1), config.answers_for);
  if (config.answers_for > std::chrono::hours(24 * 30))
    section.problem("answer_hours", "must be at most 720");
  section.read("wait_until_online", config.wait_until_online);
  std::string mode = "send";
  section.read_choice("mode", {"send", "draft"}, mode);
  config.draft = mode == "draft";
  read_rates(section, config);
  read_rates(section.child("rate_limit"), config);
  section.read("audit_enabled", config.audit);
  section.read("audit_path", config.audit_path);
  read_audit(section.child("audit"), config);
  return config;
}

}  // namespace skep::tools
