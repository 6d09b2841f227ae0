#include "skep/fabric/config_log.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

#include "config_state.h"
#include "joined_routers.h"
#include "route_table_support.h"
#include "skep/store/append_file.h"

namespace skep::fabric {
namespace {

struct Directory {
  Directory() {
    char text[] = "/tmp/skep-config-XXXXXX";
    path = ::mkdtemp(text);
  }
  ~Directory() { std::filesystem::remove_all(path); }
  std::string path;
};

struct Ear : Inbox {
  std::vector<Message> heard;
  Result<void> deliver(Message message) override {
    heard.push_back(std::move(message));
    return {};
  }
};

// A hive of one router with its log and an SY.admin node.
struct Hive {
  explicit Hive(std::string name, std::vector<std::string> from = {}, std::string log = {})
      : router(*Router::open({.hive = name})) {
    log_path = log.empty() ? directory.path + "/config.log" : log;
    config.path = log_path, config.from = std::move(from);
    start();
    admin = *router->attach(*Name::parse("SY.admin", name), NodeId{Uuid::random()}, ear);
    router->core().set_gateway(true);
  }
  void start() {
    log.reset();
    log = *ConfigLog::open(*router, config);
  }
  Result<void> say(Message message) { return admin.send(std::move(message)); }
  // The answers to SY.admin, as "hive status version code", in order.
  std::vector<std::string> answers() {
    std::vector<std::string> texts;
    for (const Message& message : ear.heard) {
      if (message.action != "CONFIG_RESPONSE") continue;
      const json::value payload = *parse_json(message.payload);
      texts.push_back(fmt::format("{} {} {}", get_string(payload, "hive"),
                                  get_string(payload, "status"),
                                  get_int(payload, "version").value_or(-1)));
      const auto code = get_string(payload, "error_code");
      if (!code.empty()) texts.back() += fmt::format(" {}", code);
    }
    std::ranges::sort(texts);
    return texts;
  }
  std::vector<StaticRoute> routes() { return router->core().table().rules().routes; }

  Directory directory;
  std::string log_path;
  std::unique_ptr<Router> router;
  Ear ear;
  ConfigLogConfig config;
  std::unique_ptr<ConfigLog> log;
  Port admin;
};

const std::vector kDropBad = {route(Action::kDrop, "AI.bad.*", Match::kPrefix)};
const std::vector kDropWorse = {route(Action::kDrop, "AI.worse.*", Match::kPrefix)};

Message changed(Destination dst, const std::vector<StaticRoute>& routes, std::uint64_t version) {
  Message message;
  message.id = MessageId(mint_ulid());
  message.trace = mint_ulid();
  message.dst = std::move(dst);
  message.kind = Kind::kSystem;
  message.action = "CONFIG_CHANGED";
  message.payload = to_json(json::object{
      {"subsystem", "routes"}, {"version", version}, {"config", to_json_value(routes)}});
  return message;
}

TEST(ConfigLog, EveryHiveHasTheChangeAlsoOneThatWasAwayAndAnswersOnce) {  // scenario 41
  Hive mother("mother"), farm("farm", {"mother"}), barn("barn", {"mother"});
  Joint near(*mother.router, *farm.router, Joint::As::kHives, false);
  ASSERT_TRUE(mother.say(changed(Broadcast{}, kDropBad, 5)));
  EXPECT_EQ(mother.log->version("routes").version, 5u);
  EXPECT_EQ(farm.log->version("routes"), mother.log->version("routes"));
  EXPECT_EQ(barn.log->version("routes").version, 0u);
  EXPECT_EQ(mother.answers(), (std::vector<std::string>{"farm applied 5", "mother applied 5"}));
  Joint late(*mother.router, *barn.router, Joint::As::kHives, false);
  EXPECT_EQ(barn.log->version("routes"), mother.log->version("routes"));
  EXPECT_EQ(barn.routes(), kDropBad);
  EXPECT_EQ(farm.routes(), kDropBad);
  EXPECT_EQ(mother.answers(),
            (std::vector<std::string>{"barn applied 5", "farm applied 5", "mother applied 5"}));
}

// A log that begins later has a later epoch of its own: it must not outrank the hive it follows.
TEST(ConfigLog, AHiveThatTookAChangeFollowsTheNextOneToo) {
  Directory older;
  const std::string path = older.path + "/config.log";
  const ConfigState first{.version = {.version = 1, .origin = "mother", .epoch = 1'000},
                          .routes = kDropWorse};
  ASSERT_TRUE(store::write_file(path, config_line(first) + "\n"));
  Hive mother("mother", {}, path), farm("farm", {"mother"});
  {
    Joint near(*mother.router, *farm.router, Joint::As::kHives, false);
    ASSERT_TRUE(mother.say(changed(Broadcast{}, kDropBad, 5)));
    EXPECT_EQ(farm.log->version("routes"), mother.log->version("routes"));
    EXPECT_EQ(mother.answers(), (std::vector<std::string>{"farm applied 5", "mother applied 5"}));
  }
  ASSERT_TRUE(mother.say(changed(Broadcast{}, kDropWorse, 6)));
  Joint again(*mother.router, *farm.router, Joint::As::kHives, false);
  EXPECT_EQ(farm.log->version("routes"), mother.log->version("routes"));
  EXPECT_EQ(farm.routes(), kDropWorse);
}

TEST(ConfigLog, WhatAFollowerChangedItselfGivesWayToTheHiveItFollows) {
  Hive mother("mother"), farm("farm", {"mother"});
  ASSERT_EQ(farm.log->change("routes", 9, to_json_value(kDropWorse)).status, Applied::kApplied);
  ASSERT_TRUE(mother.say(changed(Broadcast{}, kDropBad, 1)));
  Joint near(*mother.router, *farm.router, Joint::As::kHives, false);
  EXPECT_EQ(farm.log->version("routes"), mother.log->version("routes"));
  EXPECT_EQ(farm.routes(), kDropBad);
}

TEST(ConfigLog, AVersionThatIsThereAlreadyChangesNothing) {  // scenario 42
  Hive hive("lab");
  ASSERT_TRUE(hive.say(changed(Broadcast{}, kDropBad, 3)));
  const std::string file = *store::read_file(hive.log_path);
  int applied = 0;
  hive.log->on_applied([&] { ++applied; });
  ASSERT_TRUE(hive.say(changed(Broadcast{}, kDropBad, 3)));
  ASSERT_TRUE(hive.say(changed(Broadcast{}, kDropBad, 0)));
  ASSERT_TRUE(hive.say(changed(Broadcast{}, kDropWorse, 3)));
  ASSERT_TRUE(hive.say(changed(Broadcast{}, kDropWorse, 2)));
  EXPECT_EQ(applied, 0);
  EXPECT_EQ(*store::read_file(hive.log_path), file);
  EXPECT_EQ(hive.routes(), kDropBad);
  EXPECT_EQ(hive.answers(), (std::vector<std::string>{"lab applied 3", "lab stale 3", "lab stale 3",
                                                      "lab unchanged 3", "lab unchanged 3"}));
  ASSERT_TRUE(hive.say(changed(Broadcast{}, kDropWorse, 0)));
  EXPECT_EQ(hive.log->version("routes").version, 4u);
  EXPECT_EQ(applied, 1);
}

TEST(ConfigLog, AnAgentMayChangeNothing) {  // scenario 43
  Hive hive("lab");
  Ear ear;
  Port agent = *hive.router->attach(*Name::parse("AI.a@lab"), NodeId{Uuid::random()}, ear);
  for (std::string_view to : {"", "SY.config@lab", "RT.main@lab"}) {
    const Destination dst = to.empty() ? Destination(Broadcast{}) : *Name::parse(to);
    EXPECT_EQ(agent.send(changed(dst, kDropBad, 9)).error().code, Code::kDenied);
  }
  Message command;
  command.kind = Kind::kControl;
  command.meta["type"] = "admin";
  command.action = "list_routes";
  command.dst = *Name::parse("SY.config@lab");
  ASSERT_TRUE(agent.send(command));
  ASSERT_EQ(ear.heard.size(), 1u);
  EXPECT_TRUE(ear.heard[0].payload.contains("NOT_ALLOWED"));
  EXPECT_EQ(hive.log->version("routes").version, 0u);
  EXPECT_TRUE(hive.routes().empty());
}

TEST(ConfigLog, AHiveThatIsNotBelievedChangesNothing) {
  Hive mother("mother"), farm("farm");
  Joint joint(*mother.router, *farm.router, Joint::As::kHives, false, false);
  ASSERT_TRUE(mother.say(changed(Broadcast{}, kDropBad, 5)));
  EXPECT_EQ(farm.log->version("routes").version, 0u);
  EXPECT_TRUE(farm.routes().empty());
}

TEST(ConfigLog, WhatTheLinkLetsThroughIsStillMeasuredByTheList) {
  Hive mother("mother"), farm("farm");  // the link believes, the list does not
  Joint joint(*mother.router, *farm.router, Joint::As::kHives, true, true);
  ASSERT_TRUE(mother.say(changed(Broadcast{}, kDropBad, 5)));
  EXPECT_TRUE(farm.routes().empty());
  EXPECT_EQ(mother.answers(),
            (std::vector<std::string>{"farm refused 0 NOT_ALLOWED", "mother applied 5"}));
}

TEST(ConfigLog, WhatIsForOneNodeIsHeardByNobodyElse) {  // scenario 44
  Hive hive("lab");
  Ear x, y, far;
  Port px = *hive.router->attach(*Name::parse("AI.x@lab"), NodeId{Uuid::random()}, x);
  Port py = *hive.router->attach(*Name::parse("AI.y@lab"), NodeId{Uuid::random()}, y);
  auto peer = *Router::open({.hive = "lab", .name = "RT.two"});
  Port pz = *peer->attach(*Name::parse("AI.z@lab"), NodeId{Uuid::random()}, far);
  Joint joint(*hive.router, *peer, Joint::As::kPeers);
  const std::uint64_t frames = joint.to_b.frames;
  Message message = changed(px.id(), {}, 1);
  message.payload = R"({"subsystem":"node_config","version":1,"config":{"secret":"s"}})";
  ASSERT_TRUE(hive.say(message));
  EXPECT_EQ(x.heard.size(), 1u);
  EXPECT_TRUE(y.heard.empty());
  EXPECT_TRUE(far.heard.empty());
  EXPECT_EQ(joint.to_b.frames, frames);
  EXPECT_TRUE(hive.answers().empty());
}

TEST(ConfigLog, ARouterThatKeepsNoLogFollowsItsPeers) {
  Hive hive("lab");
  ASSERT_EQ(hive.log->change("routes", 0, to_json_value(kDropBad)).status, Applied::kApplied);
  auto two = *Router::open({.hive = "lab", .name = "RT.two"});
  auto memory = *ConfigLog::open(*two, {});
  Joint joint(*hive.router, *two, Joint::As::kPeers);
  EXPECT_EQ(two->core().table().rules().routes, kDropBad);
  const std::vector zones = {zone("AI.*", Match::kPrefix, 7)};
  ASSERT_EQ(hive.log->change("zones", 0, to_json_value(zones)).status, Applied::kApplied);
  EXPECT_EQ(memory->version("zones"), hive.log->version("zones"));
  EXPECT_EQ(two->core().table().rules().zones, zones);
}

TEST(ConfigLog, AHivePassesOnWhatItCaughtUpWith) {
  Hive mother("mother"), farm("farm", {"mother"});
  auto two = *Router::open({.hive = "farm", .name = "RT.two"});
  auto memory = *ConfigLog::open(*two, {});
  Joint inside(*farm.router, *two, Joint::As::kPeers);
  ASSERT_EQ(mother.log->change("routes", 0, to_json_value(kDropBad)).status, Applied::kApplied);
  Joint outside(*mother.router, *farm.router, Joint::As::kHives, false);
  EXPECT_EQ(two->core().table().rules().routes, kDropBad);
}

TEST(ConfigLog, HoldsOverARestart) {
  Hive hive("lab");
  ASSERT_EQ(hive.log->change("routes", 7, to_json_value(kDropBad)).status, Applied::kApplied);
  const ConfigVersion before = hive.log->version("routes");
  hive.router->core().set_rules({});
  hive.start();
  EXPECT_EQ(hive.log->version("routes"), before);
  EXPECT_EQ(hive.routes(), kDropBad);
}

TEST(ConfigLog, ATornLastLineIsCutAndTheOneBeforeHolds) {
  Hive hive("lab");
  (void)hive.log->change("routes", 1, to_json_value(kDropBad));
  const std::string whole = *store::read_file(hive.log_path);
  (void)hive.log->change("routes", 2, to_json_value(kDropWorse));
  const std::string both = *store::read_file(hive.log_path);
  for (std::size_t cut = whole.size(); cut < both.size(); cut += 13) {
    hive.log.reset();
    ASSERT_TRUE(store::write_file(hive.log_path, both.substr(0, cut)));
    hive.start();
    EXPECT_EQ(hive.log->version("routes").version, 1u);
    EXPECT_EQ(hive.routes(), kDropBad);
    EXPECT_EQ(*store::read_file(hive.log_path), whole);
  }
}

TEST(ConfigLog, ADamagedLineIsLeftOutAndTheNextChangeOutranksWhatWasLost) {
  Hive hive("lab");
  (void)hive.log->change("routes", 1, to_json_value(kDropBad));
  (void)hive.log->change("routes", 2, to_json_value(kDropWorse));
  const ConfigVersion lost = hive.log->version("routes");
  hive.log.reset();
  std::string text = *store::read_file(hive.log_path);
  text[text.size() - 20] ^= 1;
  ASSERT_TRUE(store::write_file(hive.log_path, text));
  hive.start();
  EXPECT_EQ(hive.log->version("routes").version, 1u);
  EXPECT_EQ(*store::read_file(hive.log_path + ".bad"), text);
  (void)hive.log->change("routes", 0, to_json_value(std::vector<StaticRoute>{}));
  EXPECT_EQ(hive.log->version("routes").version, lost.version);
  EXPECT_TRUE(is_newer(hive.log->version("routes"), lost));
}

TEST(ConfigLog, ALogThatCannotBeWrittenChangesNothing) {
  Hive hive("lab");
  (void)hive.log->change("routes", 1, to_json_value(kDropBad));
  hive.config.bytes_max = 1;  // every change rewrites, and beside the file nothing can be written
  hive.start();
  std::filesystem::remove_all(hive.directory.path);
  ASSERT_TRUE(store::write_file(hive.directory.path, "no directory"));
  const ConfigOutcome outcome = hive.log->change("routes", 2, to_json_value(kDropWorse));
  EXPECT_EQ(outcome.status, Applied::kError);
  EXPECT_EQ(outcome.error_code, "PERSIST_FAILED");
  EXPECT_EQ(hive.log->version("routes").version, 1u);
  EXPECT_EQ(hive.routes(), kDropBad);
}

TEST(ConfigLog, TheFileIsRewrittenWithWhatHolds) {
  Hive hive("lab");
  hive.config.bytes_max = 4'096;
  hive.start();
  (void)hive.log->change("zones", 0, to_json_value(std::vector{zone("AI.*", Match::kPrefix, 7)}));
  for (int i = 0; i < 200; ++i)
    (void)hive.log->change("routes", 0, to_json_value(i % 2 == 0 ? kDropBad : kDropWorse));
  EXPECT_LE(store::read_file(hive.log_path)->size(), 4'096u);
  hive.start();
  EXPECT_EQ(hive.log->version("routes").version, 200u);
  EXPECT_EQ(hive.log->version("zones").version, 1u);
  EXPECT_EQ(hive.routes(), kDropWorse);
}

TEST(ConfigLog, EveryBadChangeIsAnswered) {
  Hive hive("lab");
  for (std::string_view payload :
       {R"({"subsystem":"routes","version":1,"config":[{"prefix":"AI.a.*","action":"EXPLODE"}]})",
        R"({"subsystem":"routes","version":-1,"config":[]})", R"({"subsystem":"routes"})",
        R"({"subsystem":"wf-rules","version":1,"config":[]})"}) {
    Message message = changed(*Name::parse("SY.config@lab"), {}, 1);
    message.payload = payload;
    ASSERT_TRUE(hive.say(message));
  }
  EXPECT_EQ(hive.answers(), (std::vector<std::string>{
                                "lab error 0 INVALID_CONFIG", "lab error 0 INVALID_PAYLOAD",
                                "lab error 0 INVALID_PAYLOAD", "lab error 0 INVALID_PAYLOAD"}));
  std::vector<StaticRoute> many(kRoutesMax,
                                route(Action::kDrop, std::string(120, 'a') + ".*", Match::kPrefix));
  EXPECT_EQ(hive.log->change("routes", 1, to_json_value(many)).error_code, "TOO_LARGE");
}

// Commands of SY.admin to SY.config

struct Commands : Hive {
  Commands() : Hive("lab") {}
  std::string ask(std::string_view action, std::string_view payload = {}) {
    Message message;
    message.id = MessageId(mint_ulid());
    message.kind = Kind::kControl;
    message.meta["type"] = "admin";
    message.action = action;
    message.payload = payload;
    message.dst = *Name::parse("SY.config@lab");
    const std::size_t before = ear.heard.size();
    EXPECT_TRUE(say(message));
    if (ear.heard.size() != before + 1) return "no answer";
    EXPECT_EQ(ear.heard.back().in_reply_to, message.id);
    EXPECT_EQ(ear.heard.back().action, action);
    return ear.heard.back().payload;
  }
};

TEST(ConfigCommands, AddListAndDeleteRoutes) {
  Commands hive;
  EXPECT_EQ(hive.ask("list_routes"), R"({"status":"ok","routes":[],"config_version":0})");
  const std::string one = hive.ask("add_route", R"({"prefix":"AI.bad.*","action":"DROP"})");
  EXPECT_EQ(one, R"({"status":"ok","routes":[{"prefix":"AI.bad.*","match_kind":"PREFIX",)"
                 R"("action":"DROP","metric":0,"priority":100}],"config_version":1})");
  EXPECT_EQ(hive.routes(), kDropBad);
  EXPECT_TRUE(hive.ask("add_route", R"({"prefix":"AI.bad.*","action":"DROP"})")
                  .contains("DUPLICATE_PREFIX"));
  EXPECT_TRUE(hive.ask("add_route", R"({"prefix":"AI.b.*"})").contains("INVALID_CONFIG"));
  EXPECT_TRUE(hive.ask("add_route", "[]").contains("INVALID_PAYLOAD"));
  EXPECT_TRUE(hive.ask("delete_route", R"({"prefix":"AI.b.*"})").contains("NOT_FOUND"));
  EXPECT_TRUE(hive.ask("delete_route", R"({"prefix":"AI.bad.*","match_kind":"GLOB"})")
                  .contains("NOT_FOUND"));
  EXPECT_EQ(hive.ask("list_routes"), one);
  EXPECT_EQ(hive.ask("delete_route", R"({"prefix":"AI.bad.*"})"),
            R"({"status":"ok","routes":[],"config_version":2})");
  EXPECT_TRUE(hive.routes().empty());
  EXPECT_TRUE(hive.ask("list_planets").contains("UNKNOWN_ACTION"));
}

TEST(ConfigCommands, AddListAndDeleteZones) {
  Commands hive;
  const std::string one = hive.ask("add_vpn", R"({"pattern":"SY.admin.*","vpn_id":7})");
  EXPECT_TRUE(one.contains(R"("vpn_id":7)")) << one;
  EXPECT_TRUE(
      hive.ask("add_vpn", R"({"pattern":"SY.admin.*","vpn_id":8})").contains("DUPLICATE_PATTERN"));
  EXPECT_EQ(hive.ask("list_vpns"), one);
  EXPECT_EQ(hive.ask("delete_vpn", R"({"pattern":"SY.admin.*"})"),
            R"({"status":"ok","vpns":[],"config_version":2})");
}

}  // namespace
}  // namespace skep::fabric
