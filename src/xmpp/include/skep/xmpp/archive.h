// Questions to archives (XEP-0313) and the end of their answers. Pure.
#pragma once

#include <optional>
#include <string>

#include "skep/xmpp/stanza.h"

namespace skep::xmpp {

struct ArchiveQuestion {
  Jid from;                       // empty: our account
  Jid archive;                    // whose
  std::string query;              // comes back with each result
  std::string after;              // an id of that archive; empty: by time alone
  std::optional<WallTime> start;  // nothing older
  int items_max = 50;
};
Element make_archive_question(const ArchiveQuestion& question);

struct ArchivePage {
  std::string last;  // id of its last result; empty: there was none
  bool complete = false;
};
// kCorrupt when it is no such answer.
Result<ArchivePage> read_archive_page(const Element& answer);

}  // namespace skep::xmpp
