#include <gtest/gtest.h>

#include <set>

#include "skep/memory/memory.h"

namespace skep::memory {
namespace {

struct Case {
  std::string peer;
  const char* name;
};

const Case kCases[] = {
    {"ann@example.org", "ann@example.org"},
    {"a.b-c_d+e@x1.org", "a.b-c_d+e@x1.org"},
    {"Ann@example.org", "%41nn@example.org"},
    {"", "%"},
    {".", "%2E"},
    {"..", "%2E."},
    {".hidden", "%2Ehidden"},
    {"../../etc/passwd", "%2E.%2F..%2Fetc%2Fpasswd"},
    {"a/b", "a%2Fb"},
    {"a%2Fb", "a%252%46b"},
    {"a~b", "a%7Eb"},
    {std::string("a\0b", 3), "a%00b"},
    {"d\\e\nf g", "d%5Ce%0Af%20g"},
    {"grüße@example.org", "gr%C3%BC%C3%9Fe@example.org"},
    {"shared", "%73hared"},
    {"personas", "%70ersonas"},
    {"mastodon", "%6Dastodon"},
    {"identity.md", "%69dentity.md"},
    {"shared@example.org", "shared@example.org"},
};

TEST(PeerDirectoryName, EscapesWhatIsNotPlain) {
  for (const Case& c : kCases) EXPECT_EQ(peer_directory_name(c.peer), c.name) << c.peer;
}

TEST(PeerDirectoryName, IsDifferentForDifferentPeers) {
  std::set<std::string> names;
  for (const Case& c : kCases) names.insert(peer_directory_name(c.peer));
  EXPECT_EQ(names.size(), std::size(kCases));
}

TEST(PeerDirectoryName, ALongNameIsCutAndStaysDistinct) {
  const std::string limit(128, 'a');
  EXPECT_EQ(peer_directory_name(limit), limit);
  std::set<std::string> names;
  for (const char* tail : {"", "a", "b", "/", "%"}) {
    for (std::size_t length = 129; length < 140; ++length) {
      const std::string name = peer_directory_name(std::string(length, 'a') + tail);
      EXPECT_EQ(name.size(), 128u);
      EXPECT_EQ(name[95], '~');
      names.insert(name);
    }
  }
  EXPECT_EQ(names.size(), 5u * 11u - 10u);  // "a" + tail "a" is the next length without a tail
  // Never cut within an escape.
  const std::string escaped = peer_directory_name(std::string(200, '/'));
  EXPECT_EQ(escaped.substr(0, 94), peer_directory_name(std::string(31, '/')) + "~");
}

TEST(PeerDirectoryName, HoldsNoByteThatMeansSomethingToAFileSystem) {
  for (int byte = 0; byte < 256; ++byte) {
    const std::string name = peer_directory_name(std::string(3, static_cast<char>(byte)));
    for (const char c : name) {
      EXPECT_TRUE(std::isalnum(static_cast<unsigned char>(c)) || std::string("@._+-%").contains(c));
    }
    EXPECT_NE(name[0], '.');
  }
}

}  // namespace
}  // namespace skep::memory
