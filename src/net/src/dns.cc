#include "skep/net/dns.h"

#include <arpa/nameser.h>
#include <netdb.h>
#include <netinet/in.h>
#include <resolv.h>

#include "address.h"
#include "dns_answer.h"
#include "resolve.h"
#include "skep/base/text.h"

namespace skep::net {
namespace {

constexpr std::size_t kAnswerBytesMax = 65'535;  // of DNS over TCP
constexpr std::size_t kRecordsMax = 64;          // more SRV records in one answer are ignored
constexpr int kTrySeconds = 2;                   // for each server and try
constexpr int kTries = 2;

// A resolver state of its own, so that threads do not share one.
class ResolverState {
 public:
  ResolverState() { ready_ = ::res_ninit(&state_) == 0; }
  ~ResolverState() {
    if (ready_) ::res_nclose(&state_);
  }
  ResolverState(const ResolverState&) = delete;
  ResolverState& operator=(const ResolverState&) = delete;

  Result<void> use(const std::string& nameserver) {
    if (!ready_) return fail(Code::kUnavailable, "the system's resolver cannot start");
    state_.retrans = kTrySeconds;
    state_.retry = kTries;
    if (nameserver.empty()) return {};
    const auto where = parse_host_port(nameserver);
    const HostPort server = where.value_or(HostPort{});
    const auto address = parse_address(server.host, server.port);
    if (!address || address->get()->sa_family != AF_INET) {
      return fail(
          Code::kInvalid,
          fmt::format("name server \"{}\" must be an IPv4 address with a port", nameserver));
    }
    state_.nscount = 1;
    state_.nsaddr_list[0] = *reinterpret_cast<const sockaddr_in*>(address->get());
    return {};
  }

  Result<std::vector<SrvRecord>> query_srv(const std::string& name) {
    std::vector<unsigned char> answer(kAnswerBytesMax);
    const int size = ::res_nquery(&state_, name.c_str(), ns_c_in, ns_t_srv, answer.data(),
                                  static_cast<int>(answer.size()));
    if (size >= 0) {
      return parse_srv_answer(
          std::span(answer).first(std::min(answer.size(), static_cast<std::size_t>(size))));
    }
    const int why = state_.res_h_errno;
    if (why == HOST_NOT_FOUND || why == NO_DATA) return std::vector<SrvRecord>{};
    return fail(Code::kUnavailable,
                fmt::format("looking up SRV {}: no name server gave an answer", name));
  }

 private:
  struct __res_state state_{};
  bool ready_ = false;
};

// The host name alphabet and nothing that needs an escape: what follows is connected to and shown.
bool is_plain_host(std::string_view name) {
  return std::ranges::all_of(name, [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  });
}

std::optional<SrvRecord> read_record(ns_msg& message, const ns_rr& record) {
  constexpr std::size_t kFixedBytes = 6;  // priority, weight, port
  if (ns_rr_type(record) != ns_t_srv || ns_rr_class(record) != ns_c_in) return std::nullopt;
  if (ns_rr_rdlen(record) <= kFixedBytes) return std::nullopt;
  const unsigned char* data = ns_rr_rdata(record);
  std::array<char, NS_MAXDNAME> target{};
  const int used = ::ns_name_uncompress(ns_msg_base(message), ns_msg_end(message),
                                        data + kFixedBytes, target.data(), target.size());
  if (used < 0 || !is_plain_host(target.data())) return std::nullopt;
  SrvRecord found{.priority = static_cast<std::uint16_t>(::ns_get16(data)),
                  .weight = static_cast<std::uint16_t>(::ns_get16(data + 2)),
                  .port = static_cast<std::uint16_t>(::ns_get16(data + 4)),
                  .target = target.data()};
  while (found.target.size() > 1 && found.target.ends_with('.')) found.target.pop_back();
  if (found.target.empty()) found.target = ".";
  return found;
}

}  // namespace

Result<std::vector<SrvRecord>> parse_srv_answer(std::span<const unsigned char> answer) {
  ns_msg message{};
  if (::ns_initparse(answer.data(), static_cast<int>(answer.size()), &message) != 0) {
    return fail(Code::kCorrupt, "the name server's answer is malformed");
  }
  std::vector<SrvRecord> records;
  const int count = ns_msg_count(message, ns_s_an);
  for (int i = 0; i < count && records.size() < kRecordsMax; ++i) {
    ns_rr record{};
    if (::ns_parserr(&message, ns_s_an, i, &record) != 0) {
      return fail(Code::kCorrupt, "the name server's answer is malformed");
    }
    if (auto found = read_record(message, record)) records.push_back(*std::move(found));
  }
  return records;
}

Task<Result<std::vector<SrvRecord>>> resolve_srv(Ctx ctx, Pool& pool, std::string name,
                                                 std::string nameserver) {
  if (name.empty() || name.size() > 253 || !is_plain_host(name)) {
    co_return fail(Code::kInvalid, fmt::format("\"{}\" is no DNS name", to_valid_utf8(name)));
  }
  auto lookup = [name = std::move(name),
                 nameserver = std::move(nameserver)]() -> Result<std::vector<SrvRecord>> {
    ResolverState state;
    SKEP_TRY_VOID(state.use(nameserver));
    return state.query_srv(name);
  };
  SKEP_CO_TRY(auto records, co_await pool.run(std::move(ctx), std::move(lookup)));
  co_return records;
}

std::vector<SrvRecord> order_srv(std::vector<SrvRecord> records,
                                 const std::function<std::uint32_t(std::uint32_t)>& draw) {
  // RFC 2782: weight 0 first within a priority, so that it has a small chance when others weigh
  // more.
  std::ranges::stable_sort(records, [](const SrvRecord& a, const SrvRecord& b) {
    return std::pair(a.priority, a.weight != 0) < std::pair(b.priority, b.weight != 0);
  });
  for (auto first = records.begin(); first != records.end(); ++first) {
    const auto end = std::find_if(first, records.end(),
                                  [&](const auto& r) { return r.priority != first->priority; });
    std::uint32_t total = 0;
    for (auto it = first; it != end; ++it) total += it->weight;
    const std::uint32_t drawn = std::min(draw(total), total);
    std::uint32_t sum = 0;
    auto chosen = first;
    for (; chosen != end; ++chosen) {
      sum += chosen->weight;
      if (sum >= drawn) break;
    }
    std::rotate(first, chosen, std::next(chosen));
  }
  return records;
}

}  // namespace skep::net
