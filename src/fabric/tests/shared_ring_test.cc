#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <random>

#include "shared_memory.h"

namespace skep::fabric {
namespace {

constexpr std::size_t kRing = kSharedBytesMin;

// Both sides in one process, as the router and the node have them.
struct Sides {
  std::unique_ptr<SharedMemory> router, node;
  std::vector<OwnedFd> fds;  // the node's, when it has not joined
};

Sides sides(bool join = true) {
  int ends[2];
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  const OwnedFd one(ends[0]), other(ends[1]);
  Sides made;
  made.router = std::move(*SharedMemory::make(kRing));
  EXPECT_TRUE(made.router->send(one.get(), "frame"));
  char frame[16];
  EXPECT_EQ(receive_with_fds(other.get(), frame, 0, made.fds), 5);
  EXPECT_EQ(made.fds.size(), kSharedFds);
  if (join) made.node = std::move(*SharedMemory::join(std::exchange(made.fds, {}), kRing));
  return made;
}

void write(RingWriter& ring, std::string_view bytes) {
  const auto space = ring.space();
  ASSERT_TRUE(space && space->size() >= bytes.size());
  std::memcpy(space->data(), bytes.data(), bytes.size());
  ring.fill(bytes.size());
}

TEST(SharedRing, BytesComeOutAsTheyWentInHoweverTheyAreCut) {
  Sides both = sides();
  RingWriter& out = both.node->out();
  RingReader& in = both.router->in();
  std::mt19937 random(1);
  std::string written, read;
  while (written.size() < 5 * kRing) {  // several times over the end
    std::string piece(random() % (kRing / 2), '\0');
    for (char& c : piece) c = static_cast<char>(random());
    auto space = out.space();
    ASSERT_TRUE(space);
    piece.resize(std::min(piece.size(), space->size()));
    write(out, piece);
    written += piece;
    (void)out.publish();
    const auto ready = in.ready();
    ASSERT_TRUE(ready);
    const std::size_t bytes = random() % (ready->size() + 1);
    read.append(ready->data(), bytes);
    (void)in.consume(bytes);
  }
  const auto rest = in.ready();
  read.append(rest->data(), rest->size());
  EXPECT_TRUE(read == written);
}

TEST(SharedRing, CopyingPastTheCachesCopiesEveryByteAndNoOther) {
  std::string from(1'000, '\0');
  for (std::size_t i = 0; i < from.size(); ++i) from[i] = static_cast<char>(i * 7);
  for (std::size_t place = 0; place < 130; ++place) {
    for (const std::size_t bytes : {0, 1, 63, 64, 65, 127, 128, 129, 300, 800}) {
      std::string to(1'000, 'x');
      copy_across(to.data() + place, from.data() + place % 5, bytes);
      EXPECT_EQ(to.substr(place, bytes), from.substr(place % 5, bytes));
      EXPECT_EQ(to.find_first_not_of('x', place + bytes), std::string::npos);
      EXPECT_EQ(to.substr(0, place), std::string(place, 'x'));
    }
  }
}

TEST(SharedRing, NothingIsSeenBeforeItIsPublished) {
  Sides both = sides();
  write(both.router->out(), "words");
  EXPECT_TRUE(both.node->in().ready()->empty());
  (void)both.router->out().publish();
  EXPECT_EQ(both.node->in().ready()->size(), 5u);
}

TEST(SharedRing, ARingIsNeededOnlyWhenTheReaderSleeps) {
  Sides both = sides();
  RingWriter& out = both.router->out();
  RingReader& in = both.node->in();
  write(out, "a");
  EXPECT_FALSE(out.publish());
  EXPECT_FALSE(in.sleep());  // something came before it could
  EXPECT_EQ(in.ready()->size(), 1u);
  EXPECT_TRUE(in.sleep());
  write(out, "b");
  EXPECT_TRUE(out.publish());
  write(out, "c");
  EXPECT_FALSE(out.publish());  // it was woken already
}

TEST(SharedRing, AWriterIsWokenWhenThereIsRoomToSpeakOf) {
  Sides both = sides();
  RingWriter& out = both.router->out();
  RingReader& in = both.node->in();
  write(out, std::string(kRing, 'x'));
  (void)out.publish();
  EXPECT_TRUE(out.space()->empty());
  EXPECT_TRUE(out.await_space());
  ASSERT_EQ(in.ready()->size(), kRing);
  EXPECT_FALSE(in.consume(kRing / 2));
  EXPECT_TRUE(in.consume(kRing / 4));
  EXPECT_FALSE(in.consume(1));  // once
  EXPECT_EQ(out.space()->size(), kRing / 4 * 3 + 1);
}

TEST(SharedRing, PositionsThatCannotBeAreRefused) {
  RingWords words{};
  std::vector<char> data(2 * kRing);
  RingReader reader(words, data.data(), kRing);
  words.head = 100;
  ASSERT_EQ(reader.ready()->size(), 100u);
  (void)reader.consume(40);
  for (const std::uint64_t head :
       {std::uint64_t{99}, std::uint64_t{0}, ~std::uint64_t{0}, std::uint64_t{41 + kRing}}) {
    words.head = head;
    EXPECT_EQ(reader.ready().error().code, Code::kCorrupt) << head;
  }
  words.head = 40 + kRing;
  EXPECT_EQ(reader.ready()->size(), kRing);

  RingWriter writer(words, data.data(), kRing);
  words.tail = 0;
  writer.fill(100);
  for (const std::uint64_t tail : {std::uint64_t{101}, ~std::uint64_t{0}}) {
    words.tail = tail;
    EXPECT_EQ(writer.space().error().code, Code::kCorrupt) << tail;
  }
  words.tail = 60;
  EXPECT_EQ(writer.space()->size(), kRing - 40);
  words.tail = 59;  // back
  EXPECT_EQ(writer.space().error().code, Code::kCorrupt);
}

TEST(SharedMemory, NobodyCanCutItOff) {
  const Sides both = sides(false);
  EXPECT_NE(::ftruncate(both.fds[0].get(), 4'096), 0);
  EXPECT_NE(::ftruncate(both.fds[0].get(), 64 << 20), 0);
}

TEST(SharedMemory, WhatCouldBeCutOffOrHasAnotherSizeIsNotJoined) {
  Sides open = sides(false);
  const OwnedFd unsealed(::memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  ASSERT_EQ(::ftruncate(unsealed.get(), 4'096 + 2 * kRing), 0);
  std::vector<OwnedFd> swapped;
  swapped.emplace_back(::dup(unsealed.get()));
  swapped.emplace_back(::dup(open.fds[1].get()));
  swapped.emplace_back(::dup(open.fds[2].get()));
  EXPECT_EQ(SharedMemory::join(std::move(swapped), kRing).error().code, Code::kInvalid);
  EXPECT_FALSE(SharedMemory::join({}, kRing));
  EXPECT_FALSE(SharedMemory::join(std::move(open.fds), 2 * kRing));
}

TEST(SharedMemory, AnIdleSideGivesItsMemoryBackOnceAllIsRead) {
  Sides both = sides(false);
  const OwnedFd file(::dup(both.fds[0].get()));
  both.node = std::move(*SharedMemory::join(std::move(both.fds), kRing));
  const auto pages = [&] {
    struct stat now{};
    return ::fstat(file.get(), &now) == 0 ? now.st_blocks : -1;
  };
  write(both.router->out(), std::string(kRing / 2, 'x'));
  (void)both.router->out().publish();
  const auto full = pages();
  both.router->give_back();
  EXPECT_EQ(pages(), full);  // the other has not read it
  EXPECT_EQ(both.node->in().ready()->front(), 'x');
  (void)both.node->in().consume(kRing / 2);
  both.router->give_back();
  EXPECT_LT(pages(), full / 4);
  write(both.router->out(), "goes on");
  (void)both.router->out().publish();
  const auto ready = both.node->in().ready();
  EXPECT_EQ(std::string_view(ready->data(), ready->size()), "goes on");
}

TEST(SharedMemory, ABellWakesEitherSideAndIsHushed) {
  Sides both = sides();
  for (SharedMemory* side : {both.router.get(), both.node.get()}) {
    SharedMemory& other = side == both.router.get() ? *both.node : *both.router;
    pollfd bell{side->bell(), POLLIN, 0};
    EXPECT_EQ(::poll(&bell, 1, 0), 0);
    other.ring();
    other.ring();
    EXPECT_EQ(::poll(&bell, 1, 0), 1);
    side->hush();
    EXPECT_EQ(::poll(&bell, 1, 0), 0);
  }
}

// The router has to go on whatever a node does to the descriptors that it was given.
TEST(SharedMemory, TheRouterNeverWaitsForANode) {
  Sides both = sides(false);
  for (const OwnedFd& fd : both.fds) ::fcntl(fd.get(), F_SETFL, 0);  // O_NONBLOCK off
  both.router->hush();                                               // nothing was rung
  for (int i = 0; i < 100'000; ++i) both.router->ring();             // nobody hears it
  both.fds.clear();
  both.router->ring();  // nor is there anybody
}

}  // namespace
}  // namespace skep::fabric
