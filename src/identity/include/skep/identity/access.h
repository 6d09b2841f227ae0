// Whom administrators let in or shut out while the process runs, beside the configuration; and the
// codes with which people let themselves in.
#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "skep/base/clock.h"
#include "skep/base/result.h"

namespace skep::identity {

// An entry of the book. `address` is a normalised bare JID or "@domain".
struct AccessEntry {
  std::string address;
  bool blocked = false;
  bool paired = false;  // let in by a code
  std::string by;       // who decided, or who issued the code
  WallTime at{};
  bool operator==(const AccessEntry&) const = default;
};

// Loop thread only. What a call changes holds at once and is in the file when it returns: a change
// that cannot be written fails and changes nothing.
class Access {
 public:
  static constexpr std::size_t kEntriesMax = 10'000;  // more are refused
  static constexpr std::size_t kCodesMax = 20;        // open at the same time
  static constexpr std::size_t kUsesMax = 100;        // of one code
  static constexpr std::chrono::hours kCodeAgeMax{24 * 7};
  // Wrong codes within an hour: more from one sender are not looked at, more from all neither.
  static constexpr std::size_t kTriesMax = 5;
  static constexpr std::size_t kTriesAllMax = 30;
  static constexpr std::size_t kSendersMax =
      1000;  // whose tries are counted; the oldest is forgotten

  // `file`: <home>/access.json, 0600; empty: in memory only. A damaged file is kCorrupt: letting
  // everybody in who was shut out is no answer.
  static Result<std::unique_ptr<Access>> open(std::string file, const Clock& clock);

  enum class Standing { kUnknown, kAllowed, kBlocked };
  // An entry for the address counts more than one for its domain.
  [[nodiscard]] Standing of(std::string_view address) const;
  [[nodiscard]] std::vector<AccessEntry> entries() const;  // by address

  Result<void> allow(const std::string& address, const std::string& by);
  Result<void> block(const std::string& address, const std::string& by);
  // Takes the entry out. kNotFound.
  Result<void> forget(const std::string& address);

  struct CodeRequest {
    std::chrono::seconds ttl{900};  // at most kCodeAgeMax
    std::size_t uses = 1;
    std::string bound;  // to a bare JID or "@domain"; empty: anybody
    std::string by;
  };
  // Ten characters, 50 bits; only its hash is kept. kExhausted, kInvalid beyond the limits.
  Result<std::string> issue(const CodeRequest& request);
  // Lets the sender in and gives the entry. kDenied: no such code, or it is not for this sender.
  // kExhausted: too many wrong ones. A blocked sender is denied.
  Result<AccessEntry> redeem(std::string_view code, const std::string& sender);
  std::size_t withdraw_codes();  // how many there were
  [[nodiscard]] std::size_t codes() const;

 private:
  struct Pairing {
    std::string hash;  // hex
    std::string salt;
    WallTime expires{};
    std::size_t uses = 1;
    std::string bound;
    std::string by;
  };
  using Entries = std::map<std::string, AccessEntry, std::less<>>;

  Access(std::string file, const Clock& clock) : file_(std::move(file)), clock_(clock) {}
  Result<void> load();
  Result<void> save(const Entries& entries, const std::vector<Pairing>& codes) const;
  Result<void> change(Entries entries, std::vector<Pairing> codes);
  Result<void> put(AccessEntry entry);
  [[nodiscard]] std::vector<Pairing> live_codes() const;
  bool may_try(const std::string& sender);
  void tried(const std::string& sender);

  std::string file_;
  const Clock& clock_;
  Entries entries_;
  std::vector<Pairing> codes_;
  std::map<std::string, std::deque<WallTime>> tries_;
  std::deque<WallTime> tries_all_;
};

}  // namespace skep::identity
