#include "skep/fabric/blobs.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "skep/async/loop.h"
#include "skep/async/wait.h"
#include "skep/base/id.h"
#include "skep/base/text.h"
#include "skep/fabric/envelope.h"

namespace skep::fabric {
namespace {

namespace fs = std::filesystem;

class BlobsTest : public testing::Test {
 protected:
  BlobsTest() : home_(fs::temp_directory_path() / ("skep-blobs-" + mint_ulid())) {}
  ~BlobsTest() override { fs::remove_all(home_); }

  BlobStore store(std::size_t bytes_max = 100u << 20) const {
    return BlobStore({.directory = home_.string(), .bytes_max = bytes_max});
  }
  fs::path place(const BlobRef& ref) const {
    return home_ / "active" / ref.sha256.substr(0, 2) / ref.name;
  }
  std::size_t files() const {
    std::size_t count = 0;
    for (const auto& entry : fs::recursive_directory_iterator(home_))
      count += entry.is_regular_file();
    return count;
  }
  fs::path home_;
};

Message words(std::string text) {
  Message m;
  m.trace = "t";
  m.parts = {TextPart{std::move(text)}};
  return m;
}

template <class T>
T finish(Loop& loop, Task<T> task) {
  return loop.run(std::move(task));
}

TEST_F(BlobsTest, KeepsWhatWasPutUnderItsHash) {
  Result<BlobRef> ref = store().put("hello", "content.txt", "text/plain");
  ASSERT_TRUE(ref.has_value()) << ref.error().message;
  EXPECT_EQ(ref->name, "content_" + hex_encode(sha256("hello")).substr(0, 16) + ".txt");
  EXPECT_EQ(ref->bytes, 5u);
  EXPECT_EQ(ref->day.size(), 10u);
  EXPECT_EQ(store().get(*ref), "hello");
  EXPECT_EQ(blob_ref_from_json(to_json_value(*ref)), *ref);
  EXPECT_TRUE(fs::exists(place(*ref)));
  EXPECT_EQ(*store().put("hello", "content.txt", "text/plain"), *ref);
  EXPECT_EQ(files(), 1u) << "nothing is left in staging";
}

TEST_F(BlobsTest, HoldsToItsLimit) {
  EXPECT_TRUE(store(4).put("1234", "a.txt", "x").has_value());
  EXPECT_EQ(store(4).put("12345", "a.txt", "x").error().code, Code::kTooLarge);
  BlobRef ref = *store().put("12345", "a.txt", "x");
  EXPECT_EQ(store(4).get(ref).error().code, Code::kTooLarge);
}

TEST_F(BlobsTest, RefusesNamesThatLeadElsewhere) {
  for (std::string name :
       {"../x_0123456789abcdef.txt", "a/x_0123456789abcdef.txt", "x_0123456789abcdef",
        "x_0123456789ABCDEF.txt", "x0123456789abcdef.txt", "_0123456789abcdef.txt",
        "x_0123456789abcde.txt", "x_0123456789abcdef.", "x_0123456789abcdef.t/t", ""}) {
    EXPECT_FALSE(blob_ref_from_json(json::value{{"blob_name", name}, {"size", 1}}).has_value())
        << name;
    EXPECT_EQ(store().get({.name = name, .bytes = 1}).error().code, Code::kInvalid) << name;
  }
  EXPECT_FALSE(blob_ref_from_json(
      {{"blob_name", std::string(120, 'x') + "_0123456789abcdef.txt"}, {"size", 1}}));
  EXPECT_FALSE(blob_ref_from_json({{"blob_name", "x_0123456789abcdef.txt"}, {"size", -1}}));
  EXPECT_FALSE(store().put("x", "../a.txt", "x").has_value());
  EXPECT_FALSE(store().put("x", "plain", "x").has_value());
}

TEST_F(BlobsTest, NoticesABlobThatIsNotTheOneMeant) {
  BlobRef ref = *store().put("hello", "content.txt", "text/plain");
  std::ofstream(place(ref)) << "hellO";
  EXPECT_EQ(store().get(ref).error().code, Code::kCorrupt);
  std::ofstream(place(ref)) << "longer than it was";
  EXPECT_EQ(store().get(ref).error().code, Code::kCorrupt);
  fs::remove(place(ref));
  EXPECT_EQ(store().get(ref).error().code, Code::kNotFound);
}

TEST_F(BlobsTest, AtTheThresholdATextStaysAndOneByteMoreMoves) {
  const std::size_t empty =
      std::string_view(R"({"type":"text","content":"","attachments":[]})").size();
  const std::size_t most = kOffloadBytes - kOffloadOverheadBytes - empty;
  Message inline_words = words(std::string(most, 'x'));
  EXPECT_EQ(offload_text(inline_words, store()), false);
  EXPECT_EQ(inline_words, words(std::string(most, 'x')));
  Message moved = words(std::string(most + 1, 'x'));
  EXPECT_EQ(offload_text(moved, store()), true);
  EXPECT_TRUE(moved.parts.empty());
  EXPECT_TRUE(is_offloaded(moved));
  EXPECT_FALSE(get_member(*parse_json(moved.payload), "content"));
}

TEST_F(BlobsTest, TextsAndPartsComeBackThroughTheWire) {
  Loop loop;
  Message several = words(std::string(50'000, 'a'));
  several.parts.emplace_back(ImagePart{"image/png", std::string(200'000, '\xff')});
  for (const Message& sent : {words(std::string(1'000'000, '\n') + "é"), several}) {
    Message out = sent;
    ASSERT_EQ(offload_text(out, store()), true);
    std::string frame;
    ASSERT_TRUE(append_frame(frame, out, {.ttl = sent.ttl}).has_value());
    Result<EnvelopeView> view = read_envelope(std::string_view(frame).substr(kFrameHeaderBytes));
    Message arrived = *message_from_envelope(*view);
    ASSERT_TRUE(is_offloaded(arrived));
    const BlobStore blobs = store();
    Result<Message> back = finish(loop, put_text_back(Ctx{}, std::move(arrived), blobs));
    ASSERT_TRUE(back.has_value()) << back.error().message;
    EXPECT_EQ(*back, sent);
  }
}

Task<Result<std::string>> get_while_it_comes(BlobStore store, BlobRef ref) {
  const Ctx ctx;
  co_return co_await store.get_when_there(ctx, ref);
}

TEST_F(BlobsTest, WaitsForABlobThatComesLate) {
  BlobRef ref = *store().put("late", "content.txt", "text/plain");
  const fs::path hidden = home_ / "hidden";
  fs::rename(place(ref), hidden);
  std::thread comes([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(150));
    fs::rename(hidden, place(ref));
  });
  Loop loop;
  EXPECT_EQ(finish(loop, get_while_it_comes(store(), ref)), "late");
  comes.join();
}

TEST_F(BlobsTest, GivesUpWhenTheCallerDoes) {
  Loop loop;
  const BlobStore blobs = store();
  const BlobRef ref{.name = "x_0123456789abcdef.txt", .bytes = 1};
  const Ctx ctx = Ctx{}.within(std::chrono::milliseconds(20));
  EXPECT_EQ(finish(loop, blobs.get_when_there(ctx, ref)).error().code, Code::kTimeout);
}

TEST_F(BlobsTest, AReferenceThatIsNoneIsInvalid) {
  Loop loop;
  Message m = words("");
  m.parts.clear();
  const BlobStore blobs = store();
  for (const char* payload :
       {R"({"type":"text","content_ref":1})", R"({"type":"text"})",
        R"({"type":"text","content_ref":{"blob_name":"/etc/passwd","size":1}})"}) {
    m.payload = payload;
    EXPECT_EQ(finish(loop, put_text_back(Ctx{}, m, blobs)).error().code, Code::kInvalid) << payload;
  }
}

}  // namespace
}  // namespace skep::fabric
