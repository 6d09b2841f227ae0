// Hives in one process, joined over real TLS on loopback.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>

#include "core.h"
#include "skep/async/gate.h"
#include "skep/async/wait.h"
#include "skep/base/id.h"
#include "skep/base/text.h"
#include "skep/fabric/gateway.h"
#include "skep/fabric/router.h"

namespace skep::fabric {

// A directory with a key for each hive, and a place for the certificates each one keeps.
class HiveFiles {
 public:
  HiveFiles()
      : dir_(std::filesystem::temp_directory_path() /
             ("skep-hives-" + hex_encode(random_bytes(8)))) {}
  ~HiveFiles() { std::filesystem::remove_all(dir_); }
  HiveFiles(const HiveFiles&) = delete;
  HiveFiles& operator=(const HiveFiles&) = delete;

  [[nodiscard]] std::string of(const std::string& hive, const std::string& file) const {
    return dir_ / hive / file;
  }
  void make(const std::string& hive, int days = 30) const {
    std::filesystem::create_directories(dir_ / hive / "hives");
    ASSERT_TRUE(make_hive_key(of(hive, "hive.key"), of(hive, "hive.crt"), hive, days));
  }
  // `hive` keeps the certificate of `other`.
  void trust(const std::string& hive, const std::string& other) const {
    std::filesystem::copy_file(of(other, "hive.crt"), of(hive, "hives/" + other + ".crt"),
                               std::filesystem::copy_options::overwrite_existing);
  }
  void distrust(const std::string& hive, const std::string& other) const {
    std::filesystem::remove(of(hive, "hives/" + other + ".crt"));
  }

 private:
  std::filesystem::path dir_;
};

struct Heard : Inbox {
  std::vector<Message> messages;
  Result<void> deliver(Message message) override {
    messages.push_back(std::move(message));
    return {};
  }
  [[nodiscard]] const Message* last() const {
    return messages.empty() ? nullptr : &messages.back();
  }
};

struct Attached {
  Heard inbox;
  Port port;
};

// A router with a gateway and a few nodes.
struct Hive {
  std::string id;
  std::unique_ptr<Router> router;
  std::unique_ptr<Gateway> gateway;
  std::vector<std::unique_ptr<Attached>> nodes;

  Attached& node(const std::string& name) {
    nodes.push_back(std::make_unique<Attached>());
    Attached& made = *nodes.back();
    made.port = *router->attach(*Name::parse(name, id), NodeId{Uuid::random()}, made.inbox);
    return made;
  }
  [[nodiscard]] HiveStatus status(std::string_view hive) const {
    for (const HiveStatus& one : gateway->hives()) {
      if (one.hive == hive) return one;
    }
    return {};
  }
  [[nodiscard]] std::size_t sees(std::string_view hive) const { return status(hive).nodes; }
  [[nodiscard]] bool up(std::string_view hive) const { return status(hive).state == "up"; }
};

inline Message say(std::string text, Destination dst, std::uint8_t ttl = 16) {
  Message message;
  message.id = MessageId(mint_ulid());
  message.trace = Uuid::random().str();
  message.dst = std::move(dst);
  message.ttl = ttl;
  message.parts.push_back(TextPart{std::move(text)});
  return message;
}

class HivesTest : public ::testing::Test {
 protected:
  ~HivesTest() override {
    for (auto& hive : hives_) close(*hive);
  }

  GatewayConfig config(const std::string& id, std::vector<std::string> authorized) {
    if (!std::filesystem::exists(files_.of(id, "hive.key"))) files_.make(id);
    GatewayConfig config;
    config.listen = "127.0.0.1:0";
    config.authorized_hives = std::move(authorized);
    config.certificate = files_.of(id, "hive.crt");
    config.key = files_.of(id, "hive.key");
    config.hives_directory = files_.of(id, "hives");
    config.hello_interval = std::chrono::milliseconds(200);
    config.dead_interval = std::chrono::milliseconds(2'000);
    config.redial_min = std::chrono::milliseconds(20);
    config.redial_max = std::chrono::milliseconds(500);
    return config;
  }
  Hive& open(const std::string& id, GatewayConfig config) {
    hives_.push_back(std::make_unique<Hive>());
    Hive& hive = *hives_.back();
    hive.id = id;
    hive.router = *Router::open({.hive = id});
    auto gateway = loop_.run(Gateway::open(loop_, *hive.router, std::move(config)));
    EXPECT_TRUE(gateway) << gateway.error().to_string();
    if (gateway) hive.gateway = *std::move(gateway);
    return hive;
  }
  void close(Hive& hive) {
    if (hive.gateway) loop_.run(hive.gateway->close(Ctx{}));
    hive.gateway.reset();
    hive.nodes.clear();
  }
  static std::string address(const Hive& hive) {
    return fmt::format("127.0.0.1:{}", hive.gateway->port());
  }
  void trust_each_other(const std::string& a, const std::string& b) {
    files_.trust(a, b);
    files_.trust(b, a);
  }
  // "a" listens, "b" dials; both know each other.
  std::pair<Hive*, Hive*> two() {
    GatewayConfig a = config("a", {"b"}), b = config("b", {"a"});
    trust_each_other("a", "b");
    Hive& listening = open("a", std::move(a));
    b.uplinks = {address(listening)};
    Hive& dialling = open("b", std::move(b));
    EXPECT_TRUE(until([&] { return listening.up("b") && dialling.up("a"); }));
    return {&listening, &dialling};
  }
  // Runs the loop until `condition` holds, with a generous limit.
  bool until(const std::function<bool()>& condition) { return loop_.run(wait_for(condition)); }
  static Task<bool> wait_for(std::function<bool()> condition) {
    const Ctx limit = Ctx{}.within(std::chrono::seconds(20));
    while (!condition()) {
      if (!co_await sleep_for(limit, std::chrono::milliseconds(2))) co_return condition();
    }
    co_return true;
  }
  void pass(std::chrono::milliseconds time) { loop_.run(nap(time)); }
  static Task<void> nap(std::chrono::milliseconds time) {
    std::ignore = co_await sleep_for(Ctx{}, time);
  }

  HiveFiles files_;
  Loop loop_;
  std::vector<std::unique_ptr<Hive>> hives_;
};

}  // namespace skep::fabric
