#include "skep/kernel/mail_config.h"

#include "skep/base/text.h"
#include "skep/schedule/delivery.h"

namespace skep::kernel {
namespace {

bool is_loopback(std::string_view url) {
  std::string_view host = url.substr(std::min(url.find("://") + 3, url.size()));
  host = host.substr(0, host.find('/'));
  const bool v6 = host.starts_with("[::1]");
  host = host.substr(0, host.find(':'));
  return v6 || host == "localhost" || host == "127.0.0.1";
}

}  // namespace

bool MailConfig::agents_may_write_to(std::string_view address) const {
  return std::ranges::any_of(agents_may, [&](const std::string& one) {
    if (!one.starts_with("*@")) return equals_ignoring_ascii_case(one, address);
    const auto at = address.find('@');
    return at != std::string_view::npos &&
           equals_ignoring_ascii_case(std::string_view(one).substr(1), address.substr(at));
  });
}

MailConfig MailConfig::read(ConfigSection section) {
  MailConfig config;
  section.read("server", config.server.url);
  std::string tls = "required";
  section.read_choice("tls", {"required", "off"}, tls);
  config.server.tls = tls == "required";
  section.read("user", config.server.user);
  section.read("password", config.server.password);
  section.read("ca_file", config.server.ca_file);
  section.read("from", config.from);
  section.read("agents_may", config.agents_may);
  const std::string& url = config.server.url;
  const bool smtps = url.starts_with("smtps://");
  if (config.wanted() && !smtps && !url.starts_with("smtp://"))
    section.problem("server", "must begin with smtp:// (STARTTLS) or smtps://");
  if (config.wanted() && url.contains('@'))
    section.problem("server", "user and password have keys of their own");
  if (config.wanted() && !schedule::Delivery::parse("mail:" + config.from))
    section.problem("from", "must be an address such as skep@example.org");
  if (!config.server.tls && !is_loopback(url))
    section.problem("tls", "may be \"off\" only for a server on this machine");
  if (config.server.user.empty() != config.server.password.empty())
    section.problem("user", "user and password go together");
  return config;
}

}  // namespace skep::kernel
