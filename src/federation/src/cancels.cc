#include "cancels.h"

#include "skep/async/wait.h"
#include "skep/base/id.h"
#include "skep/base/log.h"
#include "skep/xmpp/agent_protocol.h"

namespace skep::federation {

using xmpp::Element;
using xmpp::Jid;

namespace {

constexpr std::string_view kKind = "agent-cancel";
constexpr Millis kAnswerWithin{30'000};  // of an iq
constexpr Millis kAgainFirst{500};
constexpr Millis kAgainMax{15'000};

store::EntryId entry_of(std::string_view exec_id) {
  return store::EntryId(fmt::format("cancel-{}", exec_id));
}

}  // namespace

bool may_pass(Code code) {
  return code == Code::kUnavailable || code == Code::kTimeout || code == Code::kCancelled ||
         code == Code::kExhausted;
}

void Cancels::send(Cancel cancel) {
  const json::object begin{{"to", cancel.to.str()},
                           {"exec_id", cancel.exec_id},
                           {"by_message", cancel.by_message},
                           {"until", cancel.until.time_since_epoch().count()}};
  const auto kept = deps_.journal.begin(kKind, entry_of(cancel.exec_id), to_json(begin));
  if (!kept && kept.error().code != Code::kExists)
    log::warn("federation", "{} may stay under way there: {}", cancel.exec_id,
              kept.error().to_string());
  deps_.gate.spawn("agent cancel", pursue(std::move(cancel)));
}

void Cancels::resume() {
  std::vector<store::JournalEntry> all = deps_.journal.unfinished(kKind);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto begin = parse_json(all[i].steps.at(0));
    const auto to = Jid::parse(begin ? get_string(*begin, "to") : std::string_view());
    if (!to || i + kWaitingMax < all.size()) {
      (void)deps_.journal.end(all[i].id);
      continue;
    }
    Cancel cancel{.to = *to,
                  .exec_id = std::string(get_string(*begin, "exec_id")),
                  .by_message = get_bool(*begin, "by_message").value_or(false),
                  .until = WallTime(Millis(get_int(*begin, "until").value_or(0)))};
    deps_.gate.spawn("agent cancel", pursue(std::move(cancel)));
  }
}

// Until it has been heard. A process that ends leaves it to the next one.
Task<void> Cancels::pursue(Cancel cancel) {
  Millis again = kAgainFirst;
  while (deps_.clock.now() < cancel.until) {
    const Ctx ctx = deps_.gate.ctx();
    const bool heard = co_await say(ctx, cancel);
    if (heard) break;
    if (const auto slept = co_await sleep_for(ctx, again); !slept) co_return;
    again = std::min(again * 2, kAgainMax);
  }
  (void)deps_.journal.end(entry_of(cancel.exec_id));
}

// True: the other side has it, or knows of no such execution.
Task<bool> Cancels::say(Ctx ctx, const Cancel& cancel) {
  Element control = xmpp::exec_control("cancel", cancel.exec_id);
  if (cancel.by_message) {
    Element message = xmpp::make_message(Jid(), cancel.to, "normal", mint_ulid());
    message.add(std::move(control)).add(Element("store", std::string(xmpp::kNsHints)));
    const auto sent = co_await deps_.post.deliver(std::move(ctx), std::move(message));
    co_return sent.has_value();
  }
  Element iq = xmpp::make_iq(Jid(), cancel.to, "set", "");
  iq.add(std::move(control));
  const Ctx bounded = ctx.within(kAnswerWithin);
  const auto answer = co_await deps_.post.request(bounded, std::move(iq));
  if (answer) co_return true;
  log::info("federation", "{} is not called off: {}", cancel.exec_id, answer.error().to_string());
  // An agent that is away is answered for by its server, in the words of one that knows no such
  // thing.
  co_return !may_pass(answer.error().code) && answer.error().code != Code::kUnsupported;
}

}  // namespace skep::federation
