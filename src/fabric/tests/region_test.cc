#include "skep/fabric/region.h"

#include <sys/stat.h>
#include <sys/wait.h>

#include <atomic>
#include <thread>

#include "region_support.h"

namespace skep::fabric {
namespace {

NodeAt node(std::string_view name, std::uint64_t since) {
  return {.id = NodeId{Uuid::random()}, .name = *Name::parse(name, "lab"), .since = since};
}
Pattern pattern(std::string text, Match match) { return {std::move(text), match}; }

TEST(Region, GivesBackWhatWasWritten) {
  const RegionPlace place;
  auto writer = place.writer();
  ASSERT_TRUE(writer->write("hello"));
  auto read = place.read();
  ASSERT_TRUE(read) << read.error().to_string();
  EXPECT_EQ(read->content, "hello");
  EXPECT_EQ(read->info.sequence, 1u);
  EXPECT_EQ(read->info.hive, "lab");
  EXPECT_EQ(read->info.writer, "RT.main");
  EXPECT_EQ(read->info.owner_pid, static_cast<std::uint32_t>(::getpid()));
  EXPECT_TRUE(read->info.owner_alive);
  EXPECT_EQ(read->info.heartbeat_at >= read->info.written_at, true);
}

TEST(Region, StartsEmpty) {
  const RegionPlace place;
  auto writer = place.writer();
  auto read = place.read();
  ASSERT_TRUE(read);
  EXPECT_EQ(read->info.sequence, 0u);
  EXPECT_EQ(read->content, "");
}

TEST(Region, GrowsAndShrinksAndKeepsCounting) {
  const RegionPlace place;
  auto writer = place.writer();
  std::uint64_t sequence = 0;
  for (const std::size_t length : {10u, 20'000u, 5u, 3'000'000u, 0u, 70'000u}) {
    ASSERT_TRUE(writer->write(std::string(length, 'x')));
    auto read = place.read();
    ASSERT_TRUE(read) << read.error().to_string();
    EXPECT_EQ(read->content.size(), length);
    EXPECT_EQ(read->info.sequence, ++sequence);
  }
}

TEST(Region, RefusesMoreThanItsBoundAndKeepsTheOldContent) {
  const RegionPlace place;
  auto writer = place.writer();
  ASSERT_TRUE(writer->write("old"));
  auto written = writer->write(std::string(kRegionContentMax + 1, 'x'));
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, Code::kTooLarge);
  EXPECT_EQ(place.read()->content, "old");
  ASSERT_TRUE(writer->write(std::string(kRegionContentMax, 'x')));
  EXPECT_EQ(place.read()->content.size(), kRegionContentMax);
}

TEST(Region, HasOneWriterAtATime) {
  const RegionPlace place;
  auto first = place.writer();
  auto second = RegionWriter::open(place.path(), RegionKind::kNodes, "lab", "RT.main");
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::kConflict);
  first.reset();
  EXPECT_NE(place.writer(), nullptr);
}

TEST(Region, LeavesNothingBehindAfterACleanEnd) {
  const RegionPlace place;
  place.writer().reset();
  EXPECT_EQ(place.read_error(), Code::kNotFound);
  EXPECT_TRUE(std::filesystem::is_empty(place.directory()));
}

TEST(Region, GenerationGrowsWithEachOpening) {
  const RegionPlace place;
  std::uint64_t before = 0;
  for (int i = 0; i < 3; ++i) {
    auto writer = place.writer();
    const std::uint64_t now = place.read()->info.generation;
    EXPECT_GT(now, before);
    before = now;
    const std::string left = place.bytes();
    writer.reset();
    place.put(left);  // as after a kill
  }
}

TEST(Region, ReplacesWhateverStoodThere) {
  const RegionPlace place;
  for (const std::string& bytes :
       {std::string(), std::string("SKEP"), std::string(9'000, '\0'), std::string(5'000, 'x')}) {
    place.put(bytes);
    auto writer = place.writer();
    ASSERT_TRUE(writer->write("mine"));
    EXPECT_EQ(place.read()->content, "mine");
  }
}

TEST(Region, ReadersRefuseForeignShortAndDamagedFiles) {
  const RegionPlace place;
  std::string whole;
  {
    auto writer = place.writer();
    ASSERT_TRUE(writer->write(std::string(200, 'x')));
    whole = place.bytes();
  }
  EXPECT_EQ(place.read_error(), Code::kNotFound);
  place.put(whole);
  ASSERT_TRUE(place.read());
  for (const std::size_t length : {0u, 1u, 8u, 19u, 40u, 2'048u, 2'055u, 2'060u, 4'095u}) {
    place.put(whole.substr(0, length));
    EXPECT_EQ(place.read_error(), Code::kCorrupt) << length;
  }
  // sequence 1 stands in the second half
  const std::size_t half = 4'096 + 16'384;
  for (const std::size_t cut : {half, half + 8, half + 39, half + 41, half + 239}) {
    place.put(whole.substr(0, cut));
    EXPECT_EQ(place.read_error(), Code::kCorrupt) << cut;
  }
  for (const std::size_t at :
       {0ul, 8ul, 12ul, 16ul, 20ul, 24ul, 60ul, 2'048ul, half, half + 8, half + 24, half + 100}) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x21);
    place.put(damaged);
    EXPECT_EQ(place.read_error(), Code::kCorrupt) << at;
  }
}

TEST(Region, ReadersRefuseAnotherVersionByName) {
  const RegionPlace place;
  std::string bytes;
  {
    auto writer = place.writer();
    bytes = place.bytes();
  }
  bytes[8] = 9;
  place.put(bytes);
  const auto read = place.read();
  ASSERT_FALSE(read);
  EXPECT_NE(read.error().message.find("version 9"), std::string::npos) << read.error().message;
}

TEST(Region, ReadersRefuseAnotherKind) {
  const RegionPlace place;
  auto writer = place.writer();
  auto read = read_region(place.path(), RegionKind::kLsa);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, Code::kCorrupt);
}

TEST(Region, ReadersNeitherFollowLinksNorWaitOnPipes) {
  const RegionPlace place;
  place.put("x");
  std::filesystem::remove(place.path());
  ASSERT_EQ(::mkfifo(place.path().c_str(), 0600), 0);
  EXPECT_EQ(place.read_error(), Code::kCorrupt);
  std::filesystem::remove(place.path());
  std::filesystem::create_symlink("/etc/passwd", place.path());
  EXPECT_EQ(place.read_error(), Code::kCorrupt);
}

TEST(Region, AWriterMendsAFileThatWasCutOrRemoved) {
  const RegionPlace place;
  auto writer = place.writer();
  ASSERT_TRUE(writer->write("one"));
  std::filesystem::resize_file(place.path(), 0);
  writer->heartbeat();
  EXPECT_EQ(place.read_error(), Code::kCorrupt);
  ASSERT_TRUE(writer->write("two"));
  EXPECT_EQ(place.read()->content, "two");
  std::filesystem::remove(place.path());
  ASSERT_TRUE(writer->write("three"));
  EXPECT_EQ(place.read()->content, "three");
}

TEST(Region, AWriterRefusesADirectoryThatOthersMayWriteTo) {
  const RegionPlace place;
  place.put("x");
  std::filesystem::permissions(std::filesystem::path(place.path()).parent_path(),
                               std::filesystem::perms::all);
  auto writer = RegionWriter::open(place.path(), RegionKind::kNodes, "lab", "RT.main");
  ASSERT_FALSE(writer);
  EXPECT_EQ(writer.error().code, Code::kDenied);
}

TEST(Region, ReadersBesideAHastyWriterNeverSeeAMix) {
  const RegionPlace place;
  auto writer = place.writer();
  ASSERT_TRUE(writer->write(numbered(1, 100)));
  std::atomic<bool> stop = false;
  std::atomic<int> good = 0, busy = 0, wrong = 0;
  auto read = [&] {
    std::uint64_t last = 0;
    while (!stop) {
      auto region = place.read();
      if (!region) {
        ++(region.error().code == Code::kUnavailable ? busy : wrong);
        continue;
      }
      const bool fine = is_numbered(region->content) && region->info.sequence >= last;
      last = region->info.sequence;
      ++(fine ? good : wrong);
    }
  };
  {
    const std::jthread a(read), b(read);
    for (std::uint64_t number = 2; number < 4'000 || (good < 200 && number < 400'000); ++number) {
      ASSERT_TRUE(writer->write(numbered(number, number * 977 % 50'000)));
    }
    stop = true;
  }
  EXPECT_EQ(wrong, 0);
  EXPECT_GE(good, 200);
}

TEST(RegionContent, NodesComeBackWhole) {
  NodesRegion region{.router = NodeId{Uuid::random()}, .router_name = *Name::parse("RT.main@lab")};
  region.gateway = true;
  region.nodes = {node("AI.a", 1), node("SY.timer", 2), node("IO.x", 3)};
  region.nodes[0].zone = 7;
  region.nodes[2].where = NodeAt::Where::kHive;
  region.nodes[2].hive = "far";
  region.nodes[2].path = 2;
  region.counters = {{"drop.NODE_NOT_FOUND", 4}, {"delivered", 1ull << 60}};
  const std::string bytes = encode(region);
  auto back = decode_nodes(bytes);
  ASSERT_TRUE(back);
  EXPECT_EQ(encode(*back), bytes);
  EXPECT_EQ(back->nodes[0].zone, 7u);
  EXPECT_EQ(back->nodes[1].zone, std::nullopt);
  EXPECT_EQ(back->nodes[2].name.str(), "IO.x@lab");
  EXPECT_EQ(back->counters, region.counters);
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_FALSE(decode_nodes(std::string_view(bytes).substr(0, length))) << length;
  }
  EXPECT_FALSE(decode_nodes(bytes + "x"));
}

TEST(RegionContent, RulesComeBackWhole) {
  ConfigRegion region{.routes_version = 3,
                      .zones_version = 9,
                      .routes_origin = "mother",
                      .zones_origin = "lab",
                      .rules = {}};
  region.rules.routes = {
      {pattern("AI.sop.*", Match::kPrefix), StaticRoute::Action::kRedirect, "AI.b@lab", 5, 77}};
  region.rules.zones = {{pattern("AI.*", Match::kGlob), 20, 1}};
  const std::string bytes = encode(region);
  auto back = decode_config(bytes);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->rules, region.rules);
  EXPECT_EQ(back->zones_version, 9u);
  EXPECT_EQ(back->routes_origin, "mother");
  EXPECT_EQ(back->zones_origin, "lab");
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_FALSE(decode_config(std::string_view(bytes).substr(0, length))) << length;
  }
}

TEST(RegionContent, HivesComeBackWhole) {
  LsaRegion region;
  LsaRegion::Hive& hive = region.hives.emplace_back();
  hive.hive = "far";
  hive.gateway = "RT.gateway@far";
  hive.path = {"mother", "far"};
  hive.epoch = 5;
  hive.seq = 6;
  hive.left_out = 7;
  hive.up = true;
  hive.nodes = {node("AI.q@far", 9)};
  hive.routes = {{pattern("AI.x@far", Match::kExact), 3, "far"}};
  const std::string bytes = encode(region);
  auto back = decode_lsa(bytes);
  ASSERT_TRUE(back);
  EXPECT_EQ(encode(*back), bytes);
  EXPECT_EQ(back->hives[0].path, hive.path);
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_FALSE(decode_lsa(std::string_view(bytes).substr(0, length))) << length;
  }
}

TEST(RegionContent, ACountOfMoreThanThereIsReservesNothing) {
  const std::string huge = std::string("\x03", 1) + std::string(4, '\xff');
  EXPECT_FALSE(decode_lsa(huge));
}

}  // namespace
}  // namespace skep::fabric
