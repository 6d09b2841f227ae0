// Who and what there is, and how it hangs together: entities with names, relations between them.
#pragma once

#include <string>
#include <vector>

#include "skep/memory/tables.h"

namespace skep::memory {

struct Entity {
  std::string name;
  std::string type;               // "person", "project", …; lower case
  std::string properties = "{}";  // a JSON object
  std::string taint;
  bool operator==(const Entity&) const = default;
};
struct Relation {
  std::string source, type, target;  // entities by name
  double confidence = 1;             // 0 to 1
  std::string properties = "{}";
  std::string taint;
  bool operator==(const Relation&) const = default;
};
struct GraphQuery {
  std::string source, relation, target;  // empty: any
  int depth = 1;                         // relations in a row, at most graph_depth_max
};
struct GraphAnswer {
  std::vector<Entity> entities;              // those that were asked for by name
  std::vector<std::vector<Relation>> paths;  // shortest first
  bool more = false;                         // graph_paths_max or graph_edges_max was reached
};
inline constexpr int graph_depth_max = 5;
inline constexpr std::size_t graph_paths_max = 100;
inline constexpr std::size_t graph_edges_max = 1000;  // looked at by one query
inline constexpr std::size_t graph_name_bytes_max = 256;
inline constexpr std::size_t graph_properties_bytes_max = 4096;
inline constexpr std::size_t graph_entities_max = 20'000;  // of one owner

// Loop thread only. A name means one entity of an owner, in any case. Failures beside the file's
// own: kInvalid, kTooLarge, kExhausted for the limits above, kNotFound.
class Graph {
 public:
  Graph(LazyDb& db, const Clock& clock) : db_(db), clock_(clock) {}

  // Makes it, or gives the one of that name another type and properties. True: it is new.
  Task<Result<bool>> add(Ctx ctx, Owner owner, Entity entity);
  // Entities that are missing are made, of type "thing". True: it is new.
  Task<Result<bool>> add(Ctx ctx, Owner owner, Relation relation);
  // With a source: what can be reached from it. With a target alone: what reaches it. `relation`
  // must be that of every step. Circles are walked once.
  Task<Result<GraphAnswer>> query(Ctx ctx, Owner owner, GraphQuery query);
  // With its relations. False: there was none.
  Task<Result<bool>> erase(Ctx ctx, Owner owner, std::string name);
  // How many entities went.
  Task<Result<std::int64_t>> erase_all(Ctx ctx, Owner owner);

 private:
  LazyDb& db_;
  const Clock& clock_;
};

}  // namespace skep::memory
