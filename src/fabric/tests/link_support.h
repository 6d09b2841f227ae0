// Links to a router in the same process, over real sockets.
#pragma once

#include "core.h"
#include "skep/fabric/node_link.h"
#include "skep/store/journal.h"
#include "support.h"

namespace skep::fabric {

struct Recorder : Inbox {
  std::vector<Message> heard;
  std::function<Result<void>(const Message&)> then;
  Result<void> deliver(Message message) override {
    if (then) SKEP_TRY_VOID(then(message));
    heard.push_back(std::move(message));
    return {};
  }
  [[nodiscard]] std::vector<std::string> words() const {
    std::vector<std::string> all;
    for (const Message& message : heard) {
      all.push_back(message.kind == Kind::kSystem ? message.action : text_of(message.parts));
    }
    return all;
  }
};
using Words = std::vector<std::string>;

inline Message say(std::string_view to, std::string text, Kind kind = Kind::kUser) {
  Message message;
  message.id = MessageId(mint_ulid());
  message.dst = *Name::parse(to, "lab");
  message.kind = kind;
  message.parts = {TextPart{std::move(text)}};
  return message;
}

class NodeLinkTest : public testing::Test {
 protected:
  void SetUp() override { start_router(); }
  void TearDown() override {
    const Ctx soon = Ctx().within(std::chrono::milliseconds(200));
    for (auto& link : links) loop.run(link->close(soon));
    links.clear();
    stop_router();
  }
  void start_router() {
    router = std::move(*Router::open({.hive = "lab"}));
    server = std::move(*NodeServer::open(loop, *router, {.directory = dir.path()}));
  }
  void stop_router() {
    if (server) loop.run(server->close(Ctx().within(std::chrono::seconds(5))));
    server.reset();
    router.reset();
  }
  NodeLink& link(std::string name, Inbox& inbox, store::Journal* journal = nullptr) {
    NodeLinkConfig config{.directory = dir.path(), .name = std::move(name), .token = Secret()};
    NodeLink& fresh = open(std::move(config), inbox, journal);
    EXPECT_TRUE(run_until(loop, [&] { return fresh.status().up; }));
    return fresh;
  }
  NodeLink& open(NodeLinkConfig config, Inbox& inbox, store::Journal* journal = nullptr) {
    NodeLink::Deps deps{
        .loop = loop, .inbox = inbox, .journal = journal, .gave_up = [this](const Error& why) {
          gave_up.push_back(why);
        }};
    links.push_back(std::move(*NodeLink::open(std::move(config), std::move(deps))));
    links.back()->start();
    return *links.back();
  }
  void end(NodeLink& link) {
    loop.run(link.close(Ctx().within(std::chrono::milliseconds(50))));
    std::erase_if(links, [&](const auto& one) { return one.get() == &link; });
  }

  TempDir dir;
  Loop loop;
  std::unique_ptr<Router> router;
  std::unique_ptr<NodeServer> server;
  std::vector<std::unique_ptr<NodeLink>> links;
  std::vector<Error> gave_up;
};

}  // namespace skep::fabric
