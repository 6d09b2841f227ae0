#include "node_out.h"

#include "skep/base/log.h"
#include "skep/model/aside.h"
#include "skep/model/reply.h"
#include "skep/model/room_talk.h"

namespace skep::kernel {
namespace {

bool wants_answer(const Message& message) {
  if (message.kind != Kind::kUser || aside_of(message)) return false;
  const auto room = room_talk(message);
  return !room || !room->listen;
}

// Always the same for the same message: a channel takes it once.
Message refusal_of(const Message& message, const Error& why) {
  return reply_to(
      message, MessageId("N" + message.id.str()), Clock::system().now(),
      fmt::format("I could not take your message: {}. Please send it again later.", why.message));
}

}  // namespace

Result<void> NodeOut::link(const Name& name, Inbox& inbox, LinkDeps deps) {
  fabric::NodeLinkConfig config{.directory = fabric_directory(deps.config.home),
                                .router = std::move(deps.router),
                                .name = std::string(name.base()),
                                .token = Secret(),
                                .missing_kept_max = deps.config.nodes.missing_kept_max,
                                .blobs = deps.config.home + "/blobs"};
  fabric::NodeLink::Deps link{.loop = deps.loop,
                              .inbox = inbox,
                              .journal = &deps.journal,
                              .gave_up = std::move(deps.gave_up),
                              .undelivered = [this, &inbox](const Message& m, const Error& why) {
                                return undelivered(inbox, m, why);
                              }};
  link.taken = std::move(deps.taken);
  SKEP_TRY(link_, fabric::NodeLink::open(std::move(config), std::move(link)));
  return {};
}

void NodeOut::start() {
  if (link_) link_->start();
}

Task<void> NodeOut::close(Ctx ctx) {
  if (link_) co_await link_->close(ctx);
}

std::optional<json::object> NodeOut::status() const {
  if (!link_) return std::nullopt;
  const fabric::NodeLinkStatus now = link_->status();
  return json::object{{"up", now.up},
                      {"router", now.router},
                      {"unacknowledged", now.unacknowledged},
                      {"connects", now.connects},
                      {"sent", now.sent},
                      {"received", now.received},
                      {"refused", now.refused},
                      {"last_error", now.last_error}};
}

// A correction that came too late was not taken as one: then it is said as words of its own.
Result<void> NodeOut::undelivered(Inbox& inbox, const Message& message, const Error& why) {
  if (wants_answer(message)) return inbox.deliver(refusal_of(message, why));
  const auto aside = aside_of(message);
  if (aside && aside->what == Aside::What::kCorrects && why.code == Code::kNotFound) {
    Message words = message;
    words.meta.erase("aside");
    words.meta.erase("ack");
    words.id = MessageId("C" + message.id.str());
    words.parts.insert(words.parts.begin(), TextPart{"(I correct an earlier message.) "});
    return deliver(std::move(words));
  }
  if (!aside || aside->what != Aside::What::kRetracts)
    log::warn("nodes", "message {} was not delivered: {}", message.id.str(), why.message);
  return {};
}

}  // namespace skep::kernel
