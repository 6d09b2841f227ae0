#include "skep/identity/access.h"

#include <algorithm>

#include "skep/base/id.h"
#include "skep/base/json.h"
#include "skep/base/text.h"
#include "skep/store/append_file.h"

namespace skep::identity {
namespace {

constexpr std::chrono::hours kTryWindow{1};
constexpr std::size_t kCodeChars = 10;
constexpr std::size_t kSaltBytes = 8;
constexpr std::string_view kCrockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

std::string make_code() {
  std::string code;
  for (const char byte : random_bytes(kCodeChars))
    code += kCrockford[static_cast<unsigned char>(byte) % kCrockford.size()];
  return code;
}

// As people type it: any case, with dashes or blanks, O for 0, I and L for 1.
std::string normal_code(std::string_view typed) {
  std::string code;
  for (char c : typed) {
    if (c == '-' || c == ' ') continue;
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    if (c == 'O') c = '0';
    if (c == 'I' || c == 'L') c = '1';
    code += c;
    if (code.size() > kCodeChars) break;
  }
  return code;
}

std::string hash_of(std::string_view salt, std::string_view code) {
  return hex_encode(sha256(fmt::format("{}\n{}", salt, code)));
}

std::string domain_entry(std::string_view address) {
  const auto at = address.find('@');
  return fmt::format("@{}", at == std::string_view::npos ? address : address.substr(at + 1));
}

void drop_old(std::deque<WallTime>& times, WallTime now) {
  while (!times.empty() && now - times.front() >= kTryWindow) times.pop_front();
}

json::value to_value(const AccessEntry& entry) {
  json::object out{{"address", entry.address},
                   {"verdict", entry.blocked ? "block" : "allow"},
                   {"by", entry.by},
                   {"at", format_rfc3339(entry.at)}};
  if (entry.paired) out["paired"] = true;
  return out;
}

Result<AccessEntry> entry_from(const json::value& value) {
  AccessEntry entry{.address = std::string(get_string(value, "address")),
                    .paired = get_bool(value, "paired").value_or(false),
                    .by = std::string(get_string(value, "by")),
                    .at = parse_rfc3339(get_string(value, "at")).value_or(WallTime{})};
  const std::string_view verdict = get_string(value, "verdict");
  if (entry.address.empty() || (verdict != "block" && verdict != "allow"))
    return fail(Code::kCorrupt, "an entry without address or verdict");
  entry.blocked = verdict == "block";
  return entry;
}

}  // namespace

Result<std::unique_ptr<Access>> Access::open(std::string file, const Clock& clock) {
  std::unique_ptr<Access> access(new Access(std::move(file), clock));
  if (access->file_.empty()) return access;
  if (auto loaded = access->load(); !loaded) {
    return fail(loaded.error().code,
                fmt::format("{}: who is let in and shut out cannot be read: {}. Mend the file, or "
                            "put it aside to begin with [agent] alone",
                            access->file_, loaded.error().message));
  }
  return access;
}

Result<void> Access::load() {
  auto text = store::read_file(file_);
  if (!text && text.error().code == Code::kNotFound) return {};
  if (!text) return fail(text.error());
  SKEP_TRY(const json::value value, parse_json(*text));
  const json::array* entries = get_array(value, "entries");
  const json::array* codes = get_array(value, "codes");
  if (entries == nullptr || codes == nullptr) return fail(Code::kCorrupt, "no lists in it");
  for (const json::value& one : *entries) {
    SKEP_TRY(AccessEntry entry, entry_from(one));
    entries_[entry.address] = std::move(entry);
  }
  for (const json::value& one : *codes) {
    codes_.push_back({.hash = std::string(get_string(one, "hash")),
                      .salt = std::string(get_string(one, "salt")),
                      .expires = parse_rfc3339(get_string(one, "expires")).value_or(WallTime{}),
                      .uses = static_cast<std::size_t>(
                          std::max<std::int64_t>(0, get_int(one, "uses").value_or(0))),
                      .bound = std::string(get_string(one, "bound")),
                      .by = std::string(get_string(one, "by"))});
  }
  return {};
}

Result<void> Access::save(const Entries& entries, const std::vector<Pairing>& codes) const {
  if (file_.empty()) return {};
  json::array all;
  for (const auto& [address, entry] : entries) all.push_back(to_value(entry));
  json::array open;
  for (const Pairing& code : codes) {
    open.push_back(json::object{{"hash", code.hash},
                                {"salt", code.salt},
                                {"expires", format_rfc3339(code.expires)},
                                {"uses", code.uses},
                                {"bound", code.bound},
                                {"by", code.by}});
  }
  return store::write_file(
      file_, to_json(json::object{
                 {"version", 1}, {"entries", std::move(all)}, {"codes", std::move(open)}}));
}

Result<void> Access::change(Entries entries, std::vector<Pairing> codes) {
  SKEP_TRY_VOID(save(entries, codes));
  entries_ = std::move(entries);
  codes_ = std::move(codes);
  return {};
}

Access::Standing Access::of(std::string_view address) const {
  auto found = entries_.find(address);
  if (found == entries_.end()) found = entries_.find(domain_entry(address));
  if (found == entries_.end()) return Standing::kUnknown;
  return found->second.blocked ? Standing::kBlocked : Standing::kAllowed;
}

std::vector<AccessEntry> Access::entries() const {
  std::vector<AccessEntry> all;
  for (const auto& [address, entry] : entries_) all.push_back(entry);
  return all;
}

Result<void> Access::put(AccessEntry entry) {
  Entries entries = entries_;
  if (!entries.contains(entry.address) && entries.size() >= kEntriesMax)
    return fail(Code::kExhausted, fmt::format("{} addresses stand there already", kEntriesMax));
  entry.at = clock_.now();
  entries[entry.address] = std::move(entry);
  return change(std::move(entries), live_codes());
}

Result<void> Access::allow(const std::string& address, const std::string& by) {
  return put({.address = address, .by = by});
}

Result<void> Access::block(const std::string& address, const std::string& by) {
  return put({.address = address, .blocked = true, .by = by});
}

Result<void> Access::forget(const std::string& address) {
  Entries entries = entries_;
  if (entries.erase(address) == 0) return fail(Code::kNotFound, "there is no entry for " + address);
  return change(std::move(entries), live_codes());
}

std::vector<Access::Pairing> Access::live_codes() const {
  std::vector<Pairing> live = codes_;
  std::erase_if(live, [now = clock_.now()](const Pairing& code) {
    return code.uses == 0 || code.expires <= now;
  });
  return live;
}

std::size_t Access::codes() const { return live_codes().size(); }

Result<std::string> Access::issue(const CodeRequest& request) {
  if (request.ttl <= std::chrono::seconds(0) || request.ttl > kCodeAgeMax)
    return fail(Code::kInvalid, "a code lives between a second and seven days");
  if (request.uses == 0 || request.uses > kUsesMax)
    return fail(Code::kInvalid, fmt::format("a code is good for 1 to {} people", kUsesMax));
  std::vector<Pairing> codes = live_codes();
  if (codes.size() >= kCodesMax)
    return fail(Code::kExhausted, fmt::format("{} codes are open already", codes.size()));
  const std::string code = make_code();
  const std::string salt = hex_encode(random_bytes(kSaltBytes));
  codes.push_back({.hash = hash_of(salt, code),
                   .salt = salt,
                   .expires = clock_.now() + request.ttl,
                   .uses = request.uses,
                   .bound = request.bound,
                   .by = request.by});
  SKEP_TRY_VOID(change(entries_, std::move(codes)));
  return code;
}

bool Access::may_try(const std::string& sender) {
  const WallTime now = clock_.now();
  drop_old(tries_all_, now);
  if (tries_all_.size() >= kTriesAllMax) return false;
  auto own = tries_.find(sender);
  if (own == tries_.end()) return true;
  drop_old(own->second, now);
  return own->second.size() < kTriesMax;
}

void Access::tried(const std::string& sender) {
  const WallTime now = clock_.now();
  if (!tries_.contains(sender) && tries_.size() >= kSendersMax) {
    tries_.erase(std::ranges::min_element(tries_, {}, [](const auto& one) {
      return one.second.empty() ? WallTime{} : one.second.back();
    }));
  }
  tries_[sender].push_back(now);
  tries_all_.push_back(now);
}

Result<AccessEntry> Access::redeem(std::string_view typed, const std::string& sender) {
  if (of(sender) == Standing::kBlocked) return fail(Code::kDenied, "the sender is blocked");
  if (!may_try(sender)) return fail(Code::kExhausted, "too many wrong codes");
  const std::string code = normal_code(typed);
  std::vector<Pairing> codes = live_codes();
  const auto found = std::ranges::find_if(codes, [&](const Pairing& one) {
    return one.hash == hash_of(one.salt, code) &&
           (one.bound.empty() || one.bound == sender || one.bound == domain_entry(sender));
  });
  if (found == codes.end()) {
    tried(sender);
    return fail(Code::kDenied, "no such code");
  }
  AccessEntry entry{.address = sender, .paired = true, .by = found->by, .at = clock_.now()};
  Entries entries = entries_;
  if (!entries.contains(sender) && entries.size() >= kEntriesMax)
    return fail(Code::kExhausted, fmt::format("{} addresses stand there already", kEntriesMax));
  entries[sender] = entry;
  if (--found->uses == 0) codes.erase(found);
  SKEP_TRY_VOID(change(std::move(entries), std::move(codes)));
  tries_.erase(sender);
  return entry;
}

std::size_t Access::withdraw_codes() {
  const std::size_t open = codes();
  if (!change(entries_, {})) codes_.clear();  // at least in this process
  return open;
}

}  // namespace skep::identity
