#include "skep/attachments/attachments.h"
#include "skep/base/text.h"

namespace skep::attachments {

AttachmentsConfig AttachmentsConfig::read(ConfigSection section) {
  constexpr std::int64_t kGiB = 1 << 30;
  AttachmentsConfig config;
  section.read("enabled", config.enabled);
  section.read("allowed_hosts", config.allowed_hosts);
  section.read("max_bytes", config.file_bytes_max, {.min = 1024, .max = kGiB / 4});
  section.read("image_max_bytes", config.image_bytes_max, {.min = 1024, .max = 20 << 20});
  section.read("text_max_bytes", config.text_bytes_max, {.min = 1000, .max = 1'000'000});
  section.read("files_max", config.files_max, {.min = 1, .max = 16});
  section.read("folder_max_bytes", config.folder_bytes_max, {.min = 1024, .max = 1024 * kGiB});
  section.read("upload_service", config.upload_service);
  section.read_duration("timeout_secs", std::chrono::seconds(1), config.timeout);
  section.read("tls_ca_file", config.ca_file);
  if (config.timeout <= std::chrono::milliseconds(0))
    section.problem("timeout_secs", "must be at least 1");
  return config;
}

// Upload services of XMPP servers commonly listen beside 443.
net::EgressConfig AttachmentsConfig::egress() const {
  return {.ports = {443, 5281, 5443, 7443, 8443}, .allow = allowed_hosts, .deny = {}};
}

Result<void> AttachmentsConfig::check_url(const std::string& url) const {
  if (starts_with_ignoring_ascii_case(url, "aesgcm://"))
    return fail(Code::kDenied, "it is encrypted for the devices of people");
  const net::EgressGuard guard(egress());
  if (!starts_with_ignoring_ascii_case(url, "https://") && !guard.is_allowed_by_operator(url))
    return fail(Code::kDenied, "its address is not https");
  Result<void> good = guard.check_url(url);
  if (good) return good;
  return fail(Code::kDenied, "its address may not be asked: " + good.error().message);
}

}  // namespace skep::attachments
