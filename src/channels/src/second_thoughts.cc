#include "second_thoughts.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "skep/base/text.h"

namespace skep::channels {
namespace {

std::string key_of(const xmpp::Jid& peer, const std::string& id) {
  return peer.bare().str() + "\n" + id;
}

// Whole characters only.
std::string_view cut(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  std::size_t end = bytes_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end);
}

std::string one_line(std::string_view text) {
  std::string line(cut(trim(text), Quotes::kQuoteBytesMax));
  std::ranges::replace_if(line, [](char c) { return c == '\n' || c == '\r' || c == '\t'; }, ' ');
  return line;
}

}  // namespace

void Quotes::keep(const xmpp::Jid& peer, const std::string& id, std::string_view text) {
  if (!id.empty() && !text.empty())
    texts_.touch(key_of(peer, id)) = std::string(cut(text, kQuoteBytesMax));
}

void Quotes::forget(const xmpp::Jid& peer, const std::string& id) {
  texts_.erase(key_of(peer, id));
}

std::string Quotes::find(const xmpp::Jid& peer, const std::string& id) {
  const std::string* text = texts_.find(key_of(peer, id));
  return text == nullptr ? std::string() : *text;
}

std::string quoted(std::string_view text) {
  const std::string line = replace_all(one_line(text), "\"", "'");
  return line.empty() ? line : "\"" + line + "\"";
}

std::string quote_line(std::string_view text) {
  const std::string line = one_line(text);
  return line.empty() ? line : "> " + line + "\n";
}

std::string unquoted(std::string_view fallback) {
  std::string out;
  bool line_begins = true;
  for (std::size_t i = 0; i < fallback.size(); ++i) {
    if (line_begins && fallback[i] == '>') {
      if (i + 1 < fallback.size() && fallback[i + 1] == ' ') ++i;
      line_begins = false;
      continue;
    }
    line_begins = fallback[i] == '\n';
    out += fallback[i];
  }
  return std::string(trim(out));
}

std::string as_answer(std::string_view body, std::string_view quote) {
  const std::string line = quoted(quote);
  if (line.empty()) return std::string(body);
  return fmt::format("[In reply to {}]\n{}", line, body);
}

std::string as_correction(std::string_view body, std::string_view quote) {
  const std::string line = quoted(quote);
  return fmt::format("[This corrects my earlier message{}{}]\n{}", line.empty() ? "" : " ", line,
                     body);
}

std::string as_reaction(const std::vector<std::string>& reactions, std::string_view quote) {
  std::string line = quoted(quote);
  if (line.empty()) line = "an earlier message";
  if (reactions.empty()) return fmt::format("[took back the reaction to {}]", line);
  return fmt::format("[reacted with {} to {}]", fmt::join(reactions, " "), line);
}

}  // namespace skep::channels
