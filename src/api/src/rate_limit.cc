#include "rate_limit.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>

namespace skep::api {
namespace {

using std::chrono::nanoseconds;

constexpr nanoseconds kMinute = std::chrono::minutes(1);
constexpr std::chrono::seconds kSweepPause{1};

// "[::1]:80" -> "::1", "10.0.0.1:80" -> "10.0.0.1"
std::string_view host_of(std::string_view peer) {
  if (peer.starts_with('[')) return peer.substr(1, peer.find(']') - 1);
  const std::size_t colon = peer.find(':');
  return peer.find(':', colon + 1) == std::string_view::npos ? peer.substr(0, colon) : peer;
}

}  // namespace

std::string RateLimit::client_of(std::string_view peer) {
  const std::string host(host_of(peer));
  in_addr four{};
  if (inet_pton(AF_INET, host.c_str(), &four) == 1) return host;
  in6_addr six{};
  if (inet_pton(AF_INET6, host.c_str(), &six) != 1) return "(unknown)";
  if (IN6_IS_ADDR_V4MAPPED(&six)) {
    std::array<char, INET_ADDRSTRLEN> text{};
    inet_ntop(AF_INET, &six.s6_addr[12], text.data(), text.size());
    return text.data();
  }
  std::fill(std::begin(six.s6_addr) + 8, std::end(six.s6_addr), std::uint8_t{0});
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(AF_INET6, &six, text.data(), text.size());
  return std::string(text.data()) + "/64";
}

// Who has paid is as good as unknown, and goes when room is needed.
SteadyTime& RateLimit::paid_until(const std::string& client, SteadyTime now) {
  if (const auto found = paid_.find(client); found != paid_.end()) return found->second;
  if (paid_.size() >= config_.clients_max && now - swept_ >= kSweepPause) {
    swept_ = now;
    std::erase_if(paid_, [now](const auto& one) { return one.second <= now; });
  }
  return paid_.size() < config_.clients_max ? paid_[client] : others_;
}

RateLimit::Verdict RateLimit::take(const std::string& client, bool owner, int cost,
                                   SteadyTime now) {
  const std::int64_t units = owner ? config_.owner_per_minute : config_.per_minute;
  if (units <= 0) return {};
  SteadyTime& paid = paid_until(owner ? "(owner)" : client, now);
  // A cost over the whole burst would never pass: it takes all of it.
  const nanoseconds price = kMinute * std::min<std::int64_t>(cost, units) / units;
  const SteadyTime next = std::max(paid, now) + price;
  const nanoseconds ahead = next - now;
  if (ahead <= kMinute) {
    paid = next;
    return {};
  }
  return {.pass = false, .wait = std::chrono::ceil<std::chrono::seconds>(ahead - kMinute)};
}

}  // namespace skep::api
