// What an account's server kept while we were away (XEP-0313), asked for before we go online, so
// that nothing newer comes first.
#pragma once

#include <functional>
#include <string>

#include "skep/async/gate.h"
#include "skep/channels/xmpp_channel.h"
#include "skep/xmpp/archive.h"

namespace skep::channels {

// Loop thread only.
class CatchUp {
 public:
  static constexpr int kPageItems = 50;
  static constexpr int kPagesMax = 40;  // what is older than the newest read then stays unread
  static constexpr std::chrono::hours kAgeMax{24 * 7};  // and so does what is older
  static constexpr std::chrono::seconds kPageTimeout{30};
  static constexpr std::chrono::minutes kTimeout{2};  // then we go online all the same
  static constexpr std::chrono::seconds kSavePause{2};
  static constexpr std::chrono::seconds kLookAgainPause{3};

  struct Deps {
    Gate& gate;
    const Clock& clock;
    XmppChannelStats& stats;
    std::function<xmpp::Session*()> session;  // nullptr while down
    xmpp::Jid account;                        // bare
    // Everything that the archive had has been dealt with; false: there is no archive. Once for
    // each run that came to its end.
    std::function<void(bool archived)> settled;
    std::string file;  // where the place in the archive is kept; empty: in memory only
  };
  explicit CatchUp(Deps deps);

  // Asks the server what it can do, for copies of what our other devices get and say (XEP-0280),
  // and for what the archive has got since the place that is kept. Without a place it begins here
  // and now. What comes back goes the way of all stanzas.
  Task<void> run(Ctx ctx);
  // Once more, after the first presence: a server that was asked for its archive does not bring
  // what came since then.
  Task<void> close_gap(Ctx ctx);
  // And a last time a little later: a server may put a message that came while we appeared into its
  // archive after it has answered close_gap(), and hand it to nobody.
  Task<void> look_again(Ctx ctx);
  // The present run's question, or the last one's.
  [[nodiscard]] bool asked(std::string_view query) const {
    return !query_.empty() && query == query_;
  }
  // The server gives stanza-ids that nobody can forge (it says so, XEP-0359 5).
  [[nodiscard]] bool gives_ids() const { return gives_ids_; }
  // A result is in the inbound queue; noted() says that it has been dealt with.
  void arrived() { ++unread_; }
  // A message with this id has been dealt with. `archived`: it was one of the results.
  void noted(const std::string& archive_id, bool archived);
  void save();  // at the end

 private:
  struct Place {
    std::string id;  // of the newest message that was dealt with
    WallTime at{};   // before which nothing is missing
  };
  void load();
  Task<void> ask_what_it_does(Ctx ctx);
  Task<void> ask_for_copies(Ctx ctx);
  Task<bool> read_to_end(Ctx ctx);
  Task<Result<void>> read_pages(Ctx ctx);
  void settle_if_done();
  Task<Result<xmpp::ArchivePage>> read_page(Ctx ctx, std::string after, WallTime since);
  xmpp::Element question(const std::string& after, WallTime since) const;
  Task<Result<xmpp::Element>> request(Ctx ctx, xmpp::Element iq);
  void save_soon();
  Task<void> save_later(Ctx ctx);

  Deps deps_;
  std::optional<Place> place_;
  WallTime began_{};  // the present run
  std::string query_;
  std::string fetched_;  // the newest id of this run's results, before which nothing is missing
  bool running_ = false;
  bool settled_ = false;
  bool has_archive_ = false;
  bool gives_ids_ = false;
  bool complete_ = false;   // everything up to now has been fetched
  std::size_t unread_ = 0;  // results in the inbound queue
  bool saving_ = false;
};

}  // namespace skep::channels
