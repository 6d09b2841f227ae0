#include "post.h"

#include "skep/base/log.h"

namespace skep::federation {
namespace {

constexpr Millis kAgain{200};  // a session that refuses is full, or about to end

// What became of one stanza; outlives whoever waits for it.
struct Sent {
  std::optional<Result<void>> outcome;
  Signal changed;
};

Task<Result<void>> outcome_of(Ctx ctx, std::shared_ptr<Sent> sent) {
  while (!sent->outcome) SKEP_CO_TRY_VOID(co_await sent->changed.wait(ctx));
  co_return *sent->outcome;
}

}  // namespace

void Post::up(xmpp::Session* session) {
  session_ = session;
  changed_.notify_all();
}

// An account's server writes the sender itself.
xmpp::Element Post::addressed(xmpp::Element stanza) const {
  if (session_->mode() == xmpp::XmppConfig::Mode::kClient)
    std::erase_if(stanza.attributes, [](const auto& one) { return one.first == "from"; });
  return stanza;
}

void Post::say(xmpp::Element stanza) {
  if (session_ == nullptr) return;
  if (auto sent = session_->send(addressed(std::move(stanza))); !sent)
    log::debug("federation", "not sent: {}", sent.error().to_string());
}

Task<Result<void>> Post::ready(Ctx ctx) {
  while (session_ == nullptr) SKEP_CO_TRY_VOID(co_await changed_.wait(ctx));
  co_return Result<void>();
}

Task<Result<void>> Post::deliver(Ctx ctx, xmpp::Element stanza) {
  for (;;) {
    SKEP_CO_TRY_VOID(co_await ready(ctx));
    auto sent = std::make_shared<Sent>();
    auto done = [sent](Result<void> outcome) {
      sent->outcome = std::move(outcome);
      sent->changed.notify_all();
    };
    if (session_->send(addressed(stanza), std::move(done))) {
      const Result<void> outcome = co_await outcome_of(ctx, sent);
      if (outcome) co_return outcome;
    }
    SKEP_CO_TRY_VOID(co_await sleep_for(ctx, kAgain));
  }
}

Task<Result<xmpp::Element>> Post::request(Ctx ctx, xmpp::Element iq) {
  SKEP_CO_TRY_VOID(co_await ready(ctx));
  xmpp::Element addressed_iq = addressed(std::move(iq));
  co_return co_await session_->request(std::move(ctx), std::move(addressed_iq));
}

}  // namespace skep::federation
