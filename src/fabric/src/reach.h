// Who is reachable by which hive: takes advertisements in, hangs nodes into the router's table,
// and passes on what others should know (docs/fabric.md "Several hives"). Loop thread only.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "core.h"
#include "topology.h"

namespace skep::fabric {

inline constexpr std::size_t kHivesMax = 256;  // that one session may advertise

// A session, as the exchange of advertisements sees it.
struct Neighbour {
  std::string hive;
  Exit* exit = nullptr;
  // Sends a control message; the session ends itself when it cannot.
  std::function<void(std::string_view msg, std::string payload)> send;

  std::map<std::string, Topology, std::less<>> learned;  // by hive
  std::set<std::string, std::less<>> asked;              // full ones that were asked for
  struct Told {
    std::uint64_t epoch = 0, seq = 0;
  };
  std::map<std::string, Told, std::less<>> told;  // what it knows from us, by hive
  LsaRejects rejects{};
};

class Reach {
 public:
  Reach(Core& core, std::uint64_t epoch);

  void up(Neighbour& neighbour);    // tells it everything
  void down(Neighbour& neighbour);  // forgets all that came by it
  void take_advertisement(Neighbour& from, std::string_view payload);
  void take_request(Neighbour& from, std::string_view payload);

  // Compares our own nodes with what others were told, and tells them the difference.
  void refresh();
  // Tells others of a node that came since refresh() and writes to them already.
  void introduce(const NodeId& id);
  // The table has changed since refresh(), by others than us.
  [[nodiscard]] bool stale() const { return core_.table().version() != seen_version_; }
  void tell_digests();

  // By which session a hive is reached; for people.
  [[nodiscard]] const std::map<std::string, Neighbour*, std::less<>>& ways() const { return ways_; }

 private:
  class OwnChanges;
  void changed(Neighbour& from, const std::string& hive, Topology::Change change);
  void choose(const std::string& hive);
  [[nodiscard]] Neighbour* nearest(std::string_view hive) const;
  void hang(const Topology& topology, Exit& exit, const std::vector<LsaNode>& nodes,
            LsaRejects& rejects);
  void unhang(std::string_view hive, const Exit& exit, const std::vector<NodeId>& nodes);
  void hang_routes(const Topology& topology, Exit& exit);
  void tell_all(const std::string& hive, const Topology::Change* delta);
  void tell(Neighbour& to, const std::string& hive, const Topology::Change* delta);
  void tell_own(const std::vector<Lsa>& deltas);
  [[nodiscard]] const Topology* source(const std::string& hive) const;
  [[nodiscard]] bool may_know(const Neighbour& to, const std::string& hive,
                              const Topology& topology) const;
  void send(Neighbour& to, Lsa lsa);

  Core& core_;
  Topology own_;
  std::vector<Neighbour*> neighbours_;
  std::map<std::string, Neighbour*, std::less<>> ways_;
  std::uint64_t seen_version_ = 0;
};

}  // namespace skep::fabric
