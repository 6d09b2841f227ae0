// Nodes and routers that share memory, and what a node can do with it.
#include <sys/socket.h>

#include "link_support.h"
#include "shared_memory.h"

namespace skep::fabric {
namespace {

// A node written by hand that shares memory with its router.
struct SharedNode {
  SharedNode(Loop& loop, const std::string& path, std::string_view name) : socket(path) {
    socket.send(fmt::format(R"({{"routing":{{"src":"{0}","dst":null,"ttl":1,"trace_id":"h"}},)"
                            R"("meta":{{"type":"system","msg":"HELLO"}},)"
                            R"("payload":{{"uuid":"{0}","name":"{1}","version":"1.0",)"
                            R"("shared_memory":1}}}})",
                            socket.id, name));
    char frame[4'096];
    std::vector<OwnedFd> fds;
    ssize_t got = 0;
    EXPECT_TRUE(run_until(loop, [&] {
      got = receive_with_fds(socket.fd(), frame, MSG_DONTWAIT, fds);
      return got > 0;
    }));
    announce =
        *parse_json({frame + kFrameHeaderBytes, static_cast<std::size_t>(got) - kFrameHeaderBytes});
    const json::value* offer = get_member(*get_member(announce, "payload"), "shared_memory");
    if (offer == nullptr) return;
    memory = std::move(*SharedMemory::join(
        std::move(fds), static_cast<std::size_t>(*get_int(*offer, "ring_bytes"))));
  }
  void write(std::string_view bytes) const {
    auto space = memory->out().space();
    ASSERT_TRUE(space && space->size() >= bytes.size());
    std::copy(bytes.begin(), bytes.end(), space->begin());
    memory->out().fill(bytes.size());
    (void)memory->out().publish();
    memory->ring();
  }
  void say(std::string_view to, std::string_view words) const {
    write(with_length(socket.message_to(to, words)));
  }

  RawNode socket;
  json::value announce;
  std::unique_ptr<SharedMemory> memory;
};

// Where the words are that this side believes in: the first page of the memory.
RingWords* words_of(SharedMemory& memory) {
  return reinterpret_cast<RingWords*>(memory.out().space()->data() - 4'096);  // nothing written yet
}

class SharedLinkTest : public NodeLinkTest {
 protected:
  void reopen(NodeServerConfig config) {
    stop_router();
    router = std::move(*Router::open({.hive = "lab"}));
    config.directory = dir.path();
    server = std::move(*NodeServer::open(loop, *router, config));
  }
  // The router goes on for others.
  void expect_others_served() {
    Recorder ann, bob;
    link("AI.ann", ann);
    NodeLink& other = link("AI.bob", bob);
    EXPECT_TRUE(other.deliver(say("AI.ann", "still there?")));
    EXPECT_TRUE(run_until(loop, [&] { return ann.words() == Words{"still there?"}; }));
  }
};

TEST_F(SharedLinkTest, NodeLinksGoThroughSharedMemoryAndCarryTheLargestFrames) {
  Recorder ann, bob;
  NodeLink& from = link("AI.ann", ann);
  link("AI.bob", bob);
  EXPECT_TRUE(from.status().shared_memory);
  EXPECT_EQ(server->stats().shared, 2u);
  std::vector<std::string> said;
  for (int i = 0; i < 40; ++i) {  // several times around the rings
    said.push_back(std::string(60'000, static_cast<char>('a' + i % 26)));
    EXPECT_TRUE(from.deliver(say("AI.bob", said.back())));
  }
  EXPECT_TRUE(run_until(loop, [&] { return bob.heard.size() == said.size(); }));
  EXPECT_EQ(bob.words(), said);
}

TEST_F(SharedLinkTest, WithoutMemoryToShareALinkGoesByTheSocket) {
  reopen({.shared_links_max = 1});
  Recorder ann, bob, carl;
  EXPECT_TRUE(link("AI.ann", ann).status().shared_memory);
  NodeLink& late = link("AI.bob", bob);
  EXPECT_FALSE(late.status().shared_memory);
  NodeLink& plain =
      open({.directory = dir.path(), .name = "AI.carl", .shared_memory = false}, carl);
  ASSERT_TRUE(run_until(loop, [&] { return plain.status().up; }));
  EXPECT_TRUE(late.deliver(say("AI.ann", "by the socket")));
  EXPECT_TRUE(plain.deliver(say("AI.ann", "so am I")));
  EXPECT_TRUE(run_until(loop, [&] { return ann.heard.size() == 2; }));
  EXPECT_EQ(server->stats().shared, 1u);
  end(*links.front());  // whoever comes next may have it
  EXPECT_TRUE(run_until(loop, [&] { return server->stats().shared == 0; }));
}

TEST_F(SharedLinkTest, LastWordsOfANodeThatDiesAreHeard) {
  Recorder ann;
  link("AI.ann", ann);
  {
    SharedNode dying(loop, server->path(), "AI.dying");
    for (int i = 0; i < 100; ++i) dying.say("AI.ann@lab", std::string(8'000, 'x'));
    dying.write(with_length("{never ended}").substr(0, 9));  // as kill -9 may leave it
  }
  EXPECT_TRUE(run_until(loop, [&] { return ann.heard.size() == 100; }));
  EXPECT_TRUE(run_until(loop, [&] { return server->stats().connections == 1; }));
}

TEST_F(SharedLinkTest, LastWordsOfARouterThatGoesAreHeard) {
  SharedNode node(loop, server->path(), "AI.node");
  stop_router();
  const auto ready = node.memory->in().ready();
  ASSERT_TRUE(ready);
  EXPECT_TRUE(std::string_view(ready->data(), ready->size()).contains("GOODBYE"));
}

TEST_F(SharedLinkTest, PositionsThatCannotBeEndThatLinkAndNoOther) {
  for (const std::uint64_t head : {std::uint64_t{64} << 20, ~std::uint64_t{0}}) {
    SharedNode node(loop, server->path(), "AI.hostile");
    words_of(*node.memory)[0].head = head;
    node.memory->ring();
    EXPECT_TRUE(run_until(loop, [&] { return server->stats().connections == 0; }));
  }
  SharedNode node(loop, server->path(), "AI.hostile");
  words_of(*node.memory)[1].tail = 1u << 30;  // it claims to have read what nobody wrote
  node.say("AI.nobody@lab", "hello?");        // the answer finds that out
  EXPECT_TRUE(run_until(loop, [&] { return server->stats().connections == 0; }));
  expect_others_served();
}

TEST_F(SharedLinkTest, LengthsThatCannotBeEndThatLinkAndNoOther) {
  for (const std::string_view length :
       {std::string_view("\0\0\0\0", 4), std::string_view("\0\2\0\1", 4),
        std::string_view("\xff\xff\xff\xff", 4)}) {
    SharedNode node(loop, server->path(), "AI.hostile");
    node.write(length);
    EXPECT_TRUE(run_until(loop, [&] { return server->stats().connections == 0; }));
  }
  expect_others_served();
}

// While the router reads, the node writes over everything that it can reach: its own link may end,
// nothing else may happen.
TEST_F(SharedLinkTest, ANodeThatScribblesHarmsOnlyItself) {
  for (unsigned seed = 0; seed < 4; ++seed) {
    SharedNode node(loop, server->path(), "AI.hostile");
    RingWords* words = words_of(*node.memory);
    char* data = reinterpret_cast<char*>(words) + 4'096;
    std::atomic<bool> done = false;
    std::thread scribbler([&] {
      std::uint64_t random = seed + 1;
      while (!done) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        const std::string frame = with_length(node.socket.message_to("AI.hostile@lab", "me"));
        std::copy(frame.begin(), frame.end(), data + (random >> 40) % (kSharedBytesMin - 4'096));
        data[(random >> 20) % 4'096] = static_cast<char>(random >> 12);
        if (seed % 2 == 0) {
          words[0].head += frame.size();
        } else {
          words[(random >> 9) % 2].head = (random >> 33) % 5'000;
          words[1].tail += (random >> 21) % 7;
        }
        node.memory->ring();
      }
    });
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(300);
    (void)run_until(loop, [&] {
      return server->stats().connections == 0 || std::chrono::steady_clock::now() > until;
    });
    done = true;
    scribbler.join();
    node.socket.close();
    EXPECT_TRUE(run_until(loop, [&] { return server->stats().connections == 0; }));
  }
  expect_others_served();
}

TEST_F(SharedLinkTest, ANodeThatNeverReadsIsRefusedVisiblyAndThenClosed) {
  reopen({.queue_messages_max = 50, .stuck_after = std::chrono::milliseconds(300)});
  SharedNode deaf(loop, server->path(), "AI.deaf");
  Recorder ann;
  NodeLink& talker = link("AI.ann", ann);
  bool refused = false;
  EXPECT_TRUE(run_until(loop, [&] {
    (void)talker.deliver(say("AI.deaf", std::string(30'000, 'x'), Kind::kControl));
    for (const Message& word : ann.heard) {
      refused |= word.action == "UNREACHABLE" && get_string(word.meta, "reason") == "BACKPRESSURE";
      const auto payload = parse_json(word.payload);
      refused |= payload && get_string(*payload, "reason") == "BACKPRESSURE";
    }
    return refused;
  }));
  EXPECT_TRUE(run_until(loop, [&] { return server->stats().stuck == 1; }));
}

}  // namespace
}  // namespace skep::fabric
