// What is known of one hive, by one way: advertisements go in, changes come out. Pure; not
// thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "lsa.h"

namespace skep::fabric {

// Why an advertisement, or something in one, was not believed. Each is counted.
enum class LsaReject : std::uint8_t {
  kParse,         // no advertisement at all
  kHiveMismatch,  // its path does not end at the session's hive, or does not begin at its own
  kOwnHive,       // it speaks about our hive
  kLoop,          // we are on its path already
  kStale,         // a delta that was there before
  kForeignName,   // a node whose name does not end with its hive
  kDropRoute,
  kOwnRoute,   // a route for names of our hive
  kOverLimit,  // beyond the nodes or routes that are kept of one hive
  kTaken,      // a node's id is that of another node here
  kCount
};
std::string_view reject_reason(LsaReject reject);
using LsaRejects = std::array<std::uint64_t, static_cast<std::size_t>(LsaReject::kCount)>;
inline void count(LsaRejects& rejects, LsaReject why) {
  ++rejects.at(static_cast<std::size_t>(why));
}

// Whether a session of `session_hive` may send this to `own_hive`; kCount: yes.
LsaReject check_path(const Lsa& lsa, std::string_view session_hive, std::string_view own_hive);

class Topology {
 public:
  explicit Topology(std::string hive, std::string own_hive = {})
      : hive_(std::move(hive)), own_hive_(std::move(own_hive)) {}

  struct Change {
    enum class What : std::uint8_t {
      kNone,     // nothing to do, or more parts to come
      kDelta,    // up and down say what changed; the advertisement may be passed on as it is
      kFull,     // likewise, but others need a full one
      kAskFull,  // something was missed
    } what = What::kNone;
    std::vector<LsaNode> up;   // new, or changed (then also in down)
    std::vector<NodeId> down;  // gone, or changed
    bool routes = false;       // routes() is another
  };
  // An advertisement that check_path() let through, of any kind but kGone.
  Change apply(Lsa lsa, LsaRejects& rejects);

  // Our own hive: takes what changed (`up`: all that is not in yet) and gives the deltas to send.
  std::vector<Lsa> set_own(std::vector<LsaNode> up, const std::vector<NodeId>& down);
  void begin(std::uint64_t epoch) { epoch_ = epoch; }
  bool set_own_routes(std::vector<LsaRoute> routes);  // true: changed, a full one is due

  [[nodiscard]] Lsa full() const;    // to be cut; `path` is who advertised it to us
  [[nodiscard]] Lsa digest() const;  // likewise
  [[nodiscard]] const LsaNode* find(const NodeId& id) const;
  [[nodiscard]] const std::unordered_map<NodeId, LsaNode>& nodes() const { return nodes_; }
  [[nodiscard]] const std::vector<LsaRoute>& routes() const { return routes_; }
  [[nodiscard]] const std::string& hive() const { return hive_; }
  [[nodiscard]] const std::vector<std::string>& path() const { return path_; }
  void set_path(std::vector<std::string> path) { path_ = std::move(path); }
  [[nodiscard]] std::uint64_t epoch() const { return epoch_; }
  [[nodiscard]] std::uint64_t seq() const { return seq_; }
  [[nodiscard]] std::size_t left_out() const { return left_out_; }
  [[nodiscard]] bool known() const { return known_; }  // a whole picture has been there

 private:
  Change apply_full(Lsa lsa, LsaRejects& rejects);
  Change apply_delta(Lsa lsa, LsaRejects& rejects);
  Change apply_digest(const Lsa& lsa);
  bool acceptable(const LsaNode& node, LsaRejects& rejects) const;
  bool insert(LsaNode node);
  bool erase(const NodeId& id);
  std::vector<LsaRoute> filtered(std::vector<LsaRoute> routes, LsaRejects& rejects) const;

  std::string hive_, own_hive_;
  std::vector<std::string> path_;
  std::uint64_t epoch_ = 0, seq_ = 0, hash_ = 0;
  bool known_ = false;
  std::size_t left_out_ = 0;
  std::unordered_map<NodeId, LsaNode> nodes_;
  std::vector<LsaRoute> routes_;
  Lsa gathering_;  // parts of a full one that have come
  std::size_t gathering_left_out_ = 0;
};

}  // namespace skep::fabric
