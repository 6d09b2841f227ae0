#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

#include "command_line.h"
#include "skep/async/wait.h"
#include "skep/base/log.h"
#include "skep/fabric/node_link.h"
#include "skep/kernel/fabric_side.h"

namespace skep::cli {

namespace {

constexpr std::chrono::seconds kAnswerWithin{5};
constexpr std::chrono::milliseconds kLookEach{100};

// The one answer that is waited for.
struct Ear final : Inbox {
  std::optional<Message> answer;
  Signal heard;
  Result<void> deliver(Message message) override {
    if (message.action == "TRACE_HOPS" || message.action == "UNREACHABLE") {
      answer = std::move(message);
      heard.notify_all();
    }
    return {};
  }
};

Task<Result<json::value>> hear(Ear* ear, fabric::NodeLink* link, std::string trace) {
  Message question;
  question.id = MessageId(mint_ulid());
  question.kind = Kind::kSystem;
  question.action = "TRACE_REQUEST";
  question.ttl = 1;
  question.payload = to_json(json::object{{"trace", trace}});
  SKEP_CO_TRY_VOID(link->deliver(std::move(question)));
  const Ctx forever;
  const Ctx ctx = forever.within(kAnswerWithin);
  while (!ear->answer) {
    const bool heard = (co_await ear->heard.wait(ctx.within(kLookEach))).has_value();
    const fabric::NodeLinkStatus now = link->status();
    if (!heard && now.connects == 0 && !now.last_error.empty())
      co_return fail(Code::kUnavailable, now.last_error);
    if (!heard && !ctx.check()) co_return fail(Code::kTimeout, "the router does not answer");
  }
  if (ear->answer->action != "TRACE_HOPS")
    co_return fail(Code::kUnsupported, "the router keeps no traces");
  SKEP_CO_TRY(json::value found, parse_json(ear->answer->payload));
  if (const std::string_view error = get_string(found, "error"); !error.empty())
    co_return fail(Code::kInvalid, std::string(error));
  co_return found;
}

// As a node for a moment: any router of the home knows how to ask the others.
Task<Result<json::value>> ask(Loop& loop, std::string home, std::string trace) {
  Ear ear;
  fabric::NodeLinkConfig config{.directory = kernel::fabric_directory(home),
                                .name = fmt::format("IO.trace.{}", ::getpid()),
                                .persistent = false,
                                .token = Secret()};
  fabric::NodeLink::Deps deps{.loop = loop, .inbox = ear, .gave_up = {}};
  SKEP_CO_TRY(auto link, fabric::NodeLink::open(std::move(config), std::move(deps)));
  link->start();
  auto found = co_await hear(&ear, link.get(), std::move(trace));
  const Ctx ctx;
  co_await link->close(ctx.within(std::chrono::seconds(1)));
  co_return found;
}

void print(const json::value& found) {
  const json::array* hops = get_array(found, "hops");
  for (const json::value& hop : hops == nullptr ? json::array() : *hops) {
    std::string_view to = get_string(hop, "to");
    const std::string_view node = get_string(hop, "node");
    if (to.empty()) to = node;
    fmt::print("{} {:<24} {:<8} {} -> {}{}  {}  {}\n", get_string(hop, "time"),
               get_string(hop, "router"), get_string(hop, "type"), get_string(hop, "from"), to,
               node.empty() || node == to ? "" : fmt::format(" ({})", node), get_string(hop, "row"),
               get_string(hop, "outcome"));
  }
  if (hops == nullptr || hops->empty())
    fmt::print("no router remembers it; each keeps the last messages only\n");
}

}  // namespace

int run_fabric_trace(const Options& options) {
  log::configure({.level = log::Level::kError});
  Loop loop;
  const Result<json::value> found = loop.run(ask(loop, options.home, options.name));
  if (!found) return report(found.error());
  if (options.json) {
    fmt::print("{}\n", to_json(*found));
  } else {
    print(*found);
  }
  return 0;
}

}  // namespace skep::cli
