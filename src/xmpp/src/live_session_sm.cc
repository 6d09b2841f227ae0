// The part of a session that is XEP-0198.
#include "live_session.h"
#include "skep/base/log.h"

namespace skep::xmpp {
namespace {

constexpr std::string_view kAskAcknowledgement = "<r xmlns='urn:xmpp:sm:3'/>";

}  // namespace

bool LiveSession::resumable() const {
  return management_ && !management_->terms().id.empty() && end_ && lost_ && !closing_;
}

// The connection is gone; whether the stream is, the server will say. Bad XML would come again.
void LiveSession::lose(SessionEnd end) {
  const bool bad = end.error.code == Code::kCorrupt || end.error.code == Code::kTooLarge;
  if (!end_) lost_ = !bad;
  end_with(std::move(end));
}

void LiveSession::drop(SessionEnd end) {
  lose(std::move(end));
  broken_ = true;
  wire_.stream().close();
}

Result<void> LiveSession::resume(Wire wire, std::uint32_t h) {
  auto done = management_->acknowledged(h);
  if (!done) {
    lied_to_ = true;
    lost_ = false;
    return fail(done.error());
  }
  wire_ = std::move(wire);
  end_.reset();
  lost_ = broken_ = false;
  asked_.reset();
  writing_.clear();
  management_->resumed();
  out_ = management_->again();
  last_read_ = last_write_ = std::chrono::steady_clock::now();
  call_all(*done, {});
  return {};
}

void LiveSession::settle(std::uint32_t h) {
  auto done = management_->acknowledged(h);
  if (!done) {
    lied_to_ = true;
    return;
  }
  call_all(*done, {});
}

// True: it was not a stanza.
bool LiveSession::take_management(const Element& element) {
  if (!management_ || element.ns != kNsSm) return false;
  if (element.name == "r") queue(acknowledgement());
  if (element.name == "a") on_acknowledged(element);
  return true;
}

std::string LiveSession::acknowledgement() {
  return fmt::format("<a xmlns='{}' h='{}'/>", kNsSm, management_->tell());
}

void LiveSession::on_acknowledged(const Element& element) {
  const auto h = parse_h(element);
  auto done = h ? management_->acknowledged(*h) : Result<std::vector<Done>>(fail(h.error()));
  if (!done) return refuse_count(h.value_or(0), done.error());
  asked_.reset();
  call_all(*done, {});
  ask_for_acknowledgement();
}

// XEP-0198 4: whoever counts what was never sent has lost count, and the stream is of no use.
void LiveSession::refuse_count(std::uint32_t h, const Error& why) {
  lied_to_ = true;
  queue(
      fmt::format("<stream:error><undefined-condition xmlns='{}'/><handled-count-too-high "
                  "xmlns='{}' h='{}' send-count='{}'/></stream:error>",
                  "urn:ietf:params:xml:ns:xmpp-streams", kNsSm, h, management_->sent_count()));
  end_with({why, Retry::kNormally});
}

// One question is under way at a time: at most one a round trip.
void LiveSession::ask_for_acknowledgement() {
  if (!management_ || asked_ || end_ || closing_ || management_->unacked() == 0) return;
  asked_ = std::chrono::steady_clock::now();
  queue(kAskAcknowledgement);
}

void LiveSession::tell_handled() {
  if (!end_ && !closing_ && running_ && management_->should_tell()) queue(acknowledgement());
}

bool LiveSession::acknowledgement_overdue() const {
  return asked_ && std::chrono::steady_clock::now() - *asked_ >= kAckTimeout;
}

void LiveSession::ping() {
  if (management_) {  // XEP-0198 does as well, and costs both sides less
    asked_ = std::chrono::steady_clock::now();
    return queue(kAskAcknowledgement);
  }
  Element ping = make_iq({}, setup_.ping_target, "get", fmt::format("{}-{}", id_prefix_, ++ids_));
  ping.add(Element("ping", "urn:xmpp:ping"));
  (void)send(ping, {});
}

}  // namespace skep::xmpp
