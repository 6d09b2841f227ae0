#include "paths.h"

#include <array>

#include "skep/base/text.h"
#include "skep/memory/memory.h"

namespace skep::memory {
namespace {

constexpr std::size_t kNameBytesMax = 128;
constexpr std::size_t kHashDigits = 32;
// What lies beside the peers' directories in the root.
constexpr std::array<std::string_view, 6> kReserved = {
    "shared", "personas", "mastodon", "identity.md", "personality.md", "instructions.md"};

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
         std::string_view("@._+-").find(c) != std::string_view::npos;
}

std::string escape(char c) {
  return fmt::format("%{:02X}", static_cast<unsigned>(static_cast<unsigned char>(c)));
}

std::string hash_of(std::string_view text) {
  return hex_encode(sha256(text)).substr(0, kHashDigits);
}

// Not within the last escape of the name.
std::string_view cut_between_escapes(std::string_view name, std::size_t bytes_max) {
  name = name.substr(0, bytes_max);
  const auto percent = name.rfind('%');
  if (percent != std::string_view::npos && percent + 3 > name.size())
    name = name.substr(0, percent);
  return name;
}

}  // namespace

// No two peers share a name: '%' and '~' are themselves escaped, so they occur only where we put
// them.
std::string peer_directory_name(std::string_view peer) {
  if (peer.empty()) return "%";
  std::string name;
  const bool reserved = std::ranges::find(kReserved, peer) != kReserved.end();
  for (std::size_t i = 0; i < peer.size(); ++i) {
    const bool first_of_odd_name = i == 0 && (reserved || peer[0] == '.');
    name += is_plain(peer[i]) && !first_of_odd_name ? std::string(1, peer[i]) : escape(peer[i]);
  }
  if (name.size() <= kNameBytesMax) return name;
  const auto kept = cut_between_escapes(name, kNameBytesMax - kHashDigits - 1);
  return fmt::format("{}~{}", kept, hash_of(peer));
}

std::string session_prefix(const Conversation& conversation) {
  if (conversation.thread.empty()) return {};
  return fmt::format("threads/{}/", hash_of(conversation.thread));
}

SessionPaths session_paths(const std::string& peer_directory, const Conversation& conversation) {
  const std::string base = peer_directory + "/" + session_prefix(conversation);
  return {base + "history.jsonl", base + "sessions"};
}

}  // namespace skep::memory
