#include "skep/memory/graph.h"

#include <gtest/gtest.h>

#include "temp_folder.h"

namespace skep::memory {
namespace {

class GraphTest : public testing::Test {
 protected:
  template <class T>
  T ok(Task<Result<T>> task) {
    Result<T> result = loop.run(std::move(task));
    EXPECT_TRUE(result) << result.error().to_string();
    return result ? *std::move(result) : T();
  }
  void relate(std::string source, std::string type, std::string target, double confidence = 1) {
    ok(graph.add(Ctx{}, ann,
                 Relation{.source = std::move(source),
                          .type = std::move(type),
                          .target = std::move(target),
                          .confidence = confidence}));
  }
  // "Ann uses Hive", steps joined by "; ".
  std::vector<std::string> paths(GraphQuery query) {
    std::vector<std::string> all;
    for (const auto& path : ok(graph.query(Ctx{}, ann, std::move(query))).paths) {
      std::vector<std::string> steps;
      for (const Relation& step : path)
        steps.push_back(fmt::format("{} {} {}", step.source, step.type, step.target));
      all.push_back(join(steps, "; "));
    }
    return all;
  }
  using Paths = std::vector<std::string>;

  TempFolder folder;
  Loop loop;
  LazyDb db{loop, {.path = (folder.path / "memory.db").string()}, table_migrations()};
  Graph graph{db, Clock::system()};
  Owner ann{"skep", "ann"};
};

TEST_F(GraphTest, RelationsByNameAreFoundByNameAtDepth) {
  relate("Ann", "works_at", "Acme");
  relate("ACME", "located_in", "Porto");
  EXPECT_EQ(paths({.source = "ann", .depth = 1}), Paths{"Ann works_at Acme"});
  EXPECT_EQ(paths({.source = "ann", .depth = 2}),
            (Paths{"Ann works_at Acme", "Ann works_at Acme; Acme located_in Porto"}));
  EXPECT_EQ(paths({.source = "ann", .target = "porto", .depth = 2}),
            Paths{"Ann works_at Acme; Acme located_in Porto"});
  EXPECT_EQ(paths({.target = "Porto", .depth = 2}),
            (Paths{"Acme located_in Porto", "Ann works_at Acme; Acme located_in Porto"}));
  EXPECT_EQ(paths({.relation = "works_at"}), Paths{"Ann works_at Acme"});
  EXPECT_EQ(paths({.source = "ann", .relation = "works_at", .depth = 3}),
            Paths{"Ann works_at Acme"});
}

TEST_F(GraphTest, CirclesEnd) {
  relate("a", "r", "b");
  relate("b", "r", "a");
  EXPECT_EQ(paths({.source = "a", .depth = 5}), (Paths{"a r b", "a r b; b r a"}));
}

TEST_F(GraphTest, AnEntityMayChangeItsType) {
  EXPECT_TRUE(ok(graph.add(Ctx{}, ann, Entity{.name = "Hive", .type = "thing"})));
  EXPECT_FALSE(ok(graph.add(
      Ctx{}, ann, Entity{.name = "HIVE", .type = "project", .properties = R"({"size":3})"})));
  const auto entities = ok(graph.query(Ctx{}, ann, {.source = "hive"})).entities;
  ASSERT_EQ(entities.size(), 1u);
  EXPECT_EQ(entities[0].type, "project");
  EXPECT_EQ(entities[0].properties, R"({"size":3})");
}

TEST_F(GraphTest, OwnersSeeTheirOwnOnly) {
  relate("Ann", "owes", "Eve");
  const auto others = loop.run(graph.query(Ctx{}, {"skep", "bob"}, {.source = "Ann"}));
  ASSERT_FALSE(others);
  EXPECT_EQ(others.error().code, Code::kNotFound);
  EXPECT_TRUE(ok(graph.query(Ctx{}, {"skep", "bob"}, {})).paths.empty());
  EXPECT_TRUE(ok(graph.query(Ctx{}, {}, {})).paths.empty());
}

TEST_F(GraphTest, ErasingTakesTheRelationsAlong) {
  relate("a", "r", "b");
  relate("b", "r", "c");
  EXPECT_TRUE(ok(graph.erase(Ctx{}, ann, "B")));
  EXPECT_FALSE(ok(graph.erase(Ctx{}, ann, "b")));
  EXPECT_TRUE(paths({.source = "a"}).empty());
  EXPECT_EQ(ok(graph.erase_all(Ctx{}, ann)), 2);
}

TEST_F(GraphTest, ManyPathsAreCutAndItIsSaid) {
  for (int i = 0; i < 150; ++i) relate("hub", "r", fmt::format("n{}", i));
  const GraphAnswer answer = ok(graph.query(Ctx{}, ann, {.source = "hub"}));
  EXPECT_EQ(answer.paths.size(), graph_paths_max);
  EXPECT_TRUE(answer.more);
}

TEST_F(GraphTest, BadInputIsRefused) {
  const auto refused = [&](Entity entity) {
    const auto result = loop.run(graph.add(Ctx{}, ann, std::move(entity)));
    return result ? Code::kInternal : result.error().code;
  };
  EXPECT_EQ(refused({.name = "", .type = "t"}), Code::kInvalid);
  EXPECT_EQ(refused({.name = std::string(300, 'n'), .type = "t"}), Code::kTooLarge);
  EXPECT_EQ(refused({.name = "n", .type = "t", .properties = "[]"}), Code::kInvalid);
  EXPECT_EQ(
      refused(
          {.name = "n", .type = "t", .properties = "{\"a\":\"" + std::string(5000, 'x') + "\"}"}),
      Code::kTooLarge);
}

}  // namespace
}  // namespace skep::memory
