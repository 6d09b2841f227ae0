#include "resolve.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "skep/base/id.h"
#include "skep/base/log.h"

namespace skep::xmpp {
namespace {

constexpr std::size_t kEndpointsMax = 8;  // tried in one attempt

bool not_offered(const std::vector<net::SrvRecord>& records) {
  return records.size() == 1 && records.front().target == ".";
}

std::uint32_t draw_randomly(std::uint32_t max) {
  std::uint64_t number = 0;
  const std::string bytes = random_bytes(sizeof number);
  std::memcpy(&number, bytes.data(), sizeof number);
  return static_cast<std::uint32_t>(number % (std::uint64_t{max} + 1));
}

Endpoint usual(const XmppConfig& config, std::string host) {
  return {std::move(host), config.port_or_default(), config.direct_tls};
}

// A resolver that fails is no reason to give up: the domain's own address may be known all the
// same.
Task<std::vector<net::SrvRecord>> records_of(Ctx ctx, Pool& pool, std::string name,
                                             std::string nameserver) {
  auto records = co_await net::resolve_srv(std::move(ctx), pool, name, std::move(nameserver));
  if (records) co_return std::move(*records);
  log::debug("xmpp", "SRV {}: {}", name, records.error().message);
  co_return std::vector<net::SrvRecord>();
}

}  // namespace

std::vector<Endpoint> merge_srv(const std::vector<net::SrvRecord>& direct,
                                const std::vector<net::SrvRecord>& starttls,
                                const std::function<std::uint32_t(std::uint32_t)>& draw) {
  std::vector<net::SrvRecord> all = direct;
  all.insert(all.end(), starttls.begin(), starttls.end());
  std::erase_if(all, [](const auto& record) { return record.target == "."; });
  std::vector<net::SrvRecord> direct_left = direct;
  std::vector<Endpoint> endpoints;
  for (const net::SrvRecord& record : net::order_srv(std::move(all), draw)) {
    // One that stands in both lists comes twice: first as direct TLS.
    const auto at = std::ranges::find(direct_left, record);
    const bool is_direct = at != direct_left.end();
    if (is_direct) direct_left.erase(at);
    endpoints.push_back({record.target, record.port, is_direct});
  }
  return endpoints;
}

Result<Endpoint> parse_endpoint(std::string_view text, std::uint16_t default_port,
                                bool direct_tls) {
  Endpoint endpoint{std::string(text), default_port, direct_tls};
  const std::size_t colon = text.rfind(':');
  const bool bare_v6 = text.find(':') != colon && !text.starts_with('[');
  if (colon != std::string_view::npos && !bare_v6 && !text.ends_with(']')) {
    const std::string_view port = text.substr(colon + 1);
    const auto parsed = std::from_chars(port.data(), port.data() + port.size(), endpoint.port);
    if (parsed.ec != std::errc() || parsed.ptr != port.data() + port.size() || endpoint.port == 0) {
      return fail(Code::kInvalid, "the port is no number");
    }
    endpoint.host = text.substr(0, colon);
  }
  if (endpoint.host.starts_with('[') && endpoint.host.ends_with(']')) {
    endpoint.host = endpoint.host.substr(1, endpoint.host.size() - 2);
  }
  if (endpoint.host.empty()) return fail(Code::kInvalid, "the host is empty");
  return endpoint;
}

Task<Result<std::vector<Endpoint>>> find_servers(Ctx ctx, const XmppConfig& config, Pool& pool) {
  if (!config.host.empty()) co_return std::vector<Endpoint>{usual(config, config.host)};
  const std::string domain = config.address().ascii_domain();
  const auto direct =
      co_await records_of(ctx, pool, "_xmpps-client._tcp." + domain, config.nameserver);
  const auto starttls =
      co_await records_of(ctx, pool, "_xmpp-client._tcp." + domain, config.nameserver);
  std::vector<Endpoint> endpoints = merge_srv(direct, starttls, draw_randomly);
  if (!endpoints.empty()) {
    endpoints.resize(std::min(endpoints.size(), kEndpointsMax));
    co_return endpoints;
  }
  if (not_offered(starttls)) {
    co_return fail(
        Code::kUnavailable,
        fmt::format(
            "the DNS of {} says that it offers no XMPP service: check [server] jid, or set host",
            domain));
  }
  co_return std::vector<Endpoint>{usual(config, domain)};
}

}  // namespace skep::xmpp
