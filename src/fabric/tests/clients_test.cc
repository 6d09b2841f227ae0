// The clients in other languages against the real server: the echo agents of examples/.
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "skep/base/id.h"
#include "support.h"

namespace skep::fabric {
namespace {

struct Recorder : Inbox {
  std::vector<Message> heard;
  Result<void> deliver(Message message) override {
    heard.push_back(std::move(message));
    return {};
  }
};

// Ends with the test, however that ends.
class Child {
 public:
  explicit Child(std::vector<std::string> command) : pid_(::fork()) {
    if (pid_ != 0) return;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    std::vector<char*> argv;
    for (std::string& word : command) argv.push_back(word.data());
    argv.push_back(nullptr);
    ::execvp(argv[0], argv.data());
    ::_exit(127);
  }
  ~Child() { end(); }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  void end() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
    pid_ = -1;
  }

 private:
  pid_t pid_;
};

struct Client {
  const char* program;
  const char* script;
};

class Clients : public testing::TestWithParam<Client> {
 protected:
  Clients() : server(std::move(*NodeServer::open(loop, *router, {.directory = dir.path()}))) {}
  ~Clients() override { loop.run(server->close(Ctx().within(std::chrono::seconds(5)))); }
  [[nodiscard]] std::vector<std::string> command() const {
    return {GetParam().program, std::string(SKEP_SOURCE "/examples/") + GetParam().script,
            dir.path(), "AI.echo"};
  }
  bool registered(std::size_t nodes) {
    return run_until(loop, [&] { return server->stats().registered == nodes; });
  }

  TempDir dir;
  Loop loop;
  std::unique_ptr<Router> router = std::move(*Router::open({.hive = "lab"}));
  std::unique_ptr<NodeServer> server;
  Recorder recorder;
};

Message words(const Name& to, std::string text) {
  Message m;
  m.id = MessageId(mint_ulid());
  m.trace = Uuid::random().str();
  m.dst = to;
  m.conversation = {"xmpp", "ann@x.org", ""};
  m.meta["ack"] = true;
  m.parts = {TextPart{std::move(text)}};
  return m;
}

TEST_P(Clients, EchoesAndComesBackWithTheSameId) {
  const Name echo = *Name::parse("AI.echo@lab");
  Port port = *router->attach(*Name::parse("IO.test@lab"), NodeId{Uuid::random()}, recorder);
  std::optional<NodeId> known;
  for (int life = 0; life < 2; ++life) {
    recorder.heard.clear();
    Child agent(command());
    ASSERT_TRUE(registered(1));
    std::vector<Message> asked;
    for (const char* text : {"hello", "Grüße 👋\n\"x\"", "third"}) {
      asked.push_back(words(echo, text));
      ASSERT_TRUE(port.send(asked.back()).has_value());
    }
    auto replies = [&] {
      return std::ranges::count(recorder.heard, Kind::kReply, &Message::kind) >= 3;
    };
    ASSERT_TRUE(run_until(loop, replies));
    std::erase_if(recorder.heard, [](const Message& m) { return m.kind != Kind::kReply; });
    ASSERT_EQ(recorder.heard.size(), 3u);
    for (std::size_t i = 0; i < 3; ++i) {
      const Message& reply = recorder.heard[i];
      EXPECT_EQ(reply.parts, asked[i].parts);
      EXPECT_EQ(reply.in_reply_to, asked[i].id);
      EXPECT_EQ(reply.trace, asked[i].trace);
      EXPECT_EQ(reply.conversation, asked[i].conversation);
      EXPECT_EQ(reply.src_name, echo);
      EXPECT_EQ(reply.src, known.value_or(reply.src));
      known = reply.src;
    }
    agent.end();
    ASSERT_TRUE(registered(0));
  }
}

INSTANTIATE_TEST_SUITE_P(Examples, Clients,
                         testing::Values(Client{"/usr/bin/python3", "echo-python/echo.py"},
                                         Client{"node", "echo-typescript/echo.js"}),
                         [](const auto& info) {
                           return info.index == 0 ? "Python" : "TypeScript";
                         });

}  // namespace
}  // namespace skep::fabric
