// How a person's remarks about earlier messages read to a model, and what those messages said. A
// model sees text only; ids never reach it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bounded_map.h"
#include "skep/xmpp/jid.h"

namespace skep::channels {

// The beginnings of what was said lately. Forgets with the process: then clients' own quotations
// serve. Loop thread only.
class Quotes {
 public:
  static constexpr std::size_t kQuotesMax = 2000;
  static constexpr std::size_t kQuoteBytesMax = 300;

  // `id` in the conversation with `peer` (bare).
  void keep(const xmpp::Jid& peer, const std::string& id, std::string_view text);
  void forget(const xmpp::Jid& peer, const std::string& id);
  [[nodiscard]] std::string find(const xmpp::Jid& peer, const std::string& id);

 private:
  BoundedMap<std::string> texts_{kQuotesMax};
};

// One line, cut, in quotation marks; empty when there is nothing.
std::string quoted(std::string_view text);
// As clients quote: "> text" and the end of the line; empty when there is nothing.
std::string quote_line(std::string_view text);
// "> " in front of lines, as clients quote, taken away.
std::string unquoted(std::string_view fallback);

std::string as_answer(std::string_view body, std::string_view quote);      // XEP-0461
std::string as_correction(std::string_view body, std::string_view quote);  // XEP-0308, too late
std::string as_reaction(const std::vector<std::string>& reactions,
                        std::string_view quote);  // XEP-0444

}  // namespace skep::channels
