#include "split.h"

#include "skep/base/text.h"

namespace skep::channels {
namespace {

constexpr std::string_view kFence = "```";
constexpr std::string_view kFenceClose = "\n```";
constexpr std::size_t kFenceLineBytesMax = 24;  // of an opening line that is repeated

// The opening line of the fence that is open after `text`, or empty. `open` is what was open before
// it.
std::string fence_after(std::string_view text, std::string open) {
  for (std::string_view line : split(text, '\n')) {
    line = trim(line);
    if (!line.starts_with(kFence)) continue;
    if (open.empty() && line.find('`', kFence.size()) == std::string_view::npos) {
      open = line.size() <= kFenceLineBytesMax ? std::string(line) : std::string(kFence);
    } else if (line == kFence) {
      open.clear();
    }
  }
  return open;
}

// Where to cut `text` so that at most `budget` bytes stand before it.
std::size_t find_cut(std::string_view text, std::size_t budget) {
  const std::string_view window = cut_utf8(text, budget);
  const std::size_t least = window.size() / 3;
  // The border itself may lie just behind the window.
  const std::string_view reach = text.substr(0, std::min(text.size(), window.size() + 2));
  for (std::string_view border :
       {std::string_view("\n\n"), std::string_view("\n"), std::string_view(" ")}) {
    const std::size_t at = reach.rfind(border, window.size());
    if (at != std::string_view::npos && at > least) return at;
  }
  return window.size();
}

// A cut right behind an opening fence would leave an empty block: then the fence goes with its
// code.
std::size_t before_dangling_fence(std::string_view piece) {
  const std::size_t line = piece.rfind('\n');
  if (line == std::string_view::npos || line == 0) return piece.size();
  const std::string_view last = trim(piece.substr(line + 1));
  return last.size() > kFence.size() && last.starts_with(kFence) ? line : piece.size();
}

std::string_view without_leading_blank(std::string_view text, bool in_fence) {
  if (in_fence) return text.starts_with('\n') ? text.substr(1) : text;  // indentation is code
  std::size_t at = 0;
  while (at < text.size() && (text[at] == '\n' || text[at] == '\r')) ++at;
  if (at == 0) {
    while (at < text.size() && text[at] == ' ') ++at;
  }
  return text.substr(at);
}

std::string_view without_trailing_blank(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ' || text.back() == '\r'))
    text.remove_suffix(1);
  return text;
}

}  // namespace

std::vector<std::string> split_reply(std::string_view text, std::size_t bytes_max) {
  bytes_max = std::max(bytes_max, kSplitBytesMin);
  std::vector<std::string> parts;
  std::string fence;  // opening line of the fence that the next part continues
  std::string_view rest = without_trailing_blank(text);
  while (!rest.empty()) {
    std::string part = fence.empty() ? std::string() : fence + "\n";
    if (part.size() + rest.size() <= bytes_max) {
      parts.push_back(part.append(rest));
      break;
    }
    std::size_t cut = find_cut(rest, bytes_max - part.size() - kFenceClose.size());
    if (fence.empty()) cut = before_dangling_fence(rest.substr(0, cut));
    const std::string_view piece = rest.substr(0, cut);
    std::string open = fence_after(piece, fence);
    part.append(open.empty() ? without_trailing_blank(piece) : piece);
    if (!open.empty()) part.append(kFenceClose);
    rest = without_leading_blank(rest.substr(cut), !open.empty());
    fence = std::move(open);
    if (!trim(part).empty()) parts.push_back(std::move(part));
  }
  return parts;
}

}  // namespace skep::channels
