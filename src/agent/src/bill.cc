#include "bill.h"

#include <fmt/format.h>

#include "skep/base/log.h"
#include "skep/base/text.h"
#include "skep/model/room_talk.h"
#include "sub_task.h"

namespace skep::agent {
namespace {

using memory::Ledger;
using memory::Payer;
using memory::Spend;

constexpr std::int64_t kTokensPerPart = 8;  // roles and tool syntax around it

llm::Price price_of(const llm::LlmConfig& config) {
  if (config.provider == "demo") return {};
  return config.info ? config.info->price : llm::kUnknownPrice;
}

std::int64_t tokens_of(std::string_view text) {
  return static_cast<std::int64_t>(llm::estimate_tokens(text));
}

std::int64_t tokens_of(const Part& part) {
  if (const auto* text = std::get_if<TextPart>(&part)) return tokens_of(text->text);
  if (const auto* result = std::get_if<ToolResult>(&part)) return tokens_of(result->text);
  if (const auto* call = std::get_if<ToolCall>(&part)) return tokens_of(to_json(call->arguments));
  if (std::holds_alternative<ImagePart>(part)) return 1'600;  // as much as a large picture takes
  return 0;
}

std::int64_t tokens_of(const llm::Request& request) {
  std::int64_t tokens = tokens_of(request.system);
  for (const llm::ToolSpec& tool : request.tools)
    tokens += kTokensPerPart + tokens_of(tool.description) + tokens_of(tool.input_schema.text());
  for (const llm::ChatMessage& message : request.messages) {
    for (const Part& part : message.parts) tokens += kTokensPerPart + tokens_of(part);
  }
  return tokens;
}

std::string spent_line(std::string_view when, const Spend& spend) {
  return fmt::format("{}: {} call{}, {} tokens ({} read, {} of them from cache, {} written), {}",
                     when, spend.calls, spend.calls == 1 ? "" : "s", spend.tokens(),
                     spend.usage.input + spend.usage.cache_read + spend.usage.cache_write,
                     spend.usage.cache_read, spend.usage.output, format_usd(spend.cost));
}

std::string spent_lines(const memory::NamedSpend& spent) {
  return spent_line("Last hour", spent.hour) + "\n" + spent_line("Today", spent.day) + "\n" +
         spent_line("This month", spent.month);
}

void add_limit(std::vector<std::string>& out, std::int64_t tokens, PicoUsd cost,
               std::string_view period) {
  if (tokens > 0) out.push_back(fmt::format("{} tokens {}", tokens, period));
  if (cost > 0) out.push_back(fmt::format("{} {}", format_usd(cost), period));
}

std::string limits_line(const memory::SpendLimits& limits, bool exempt) {
  if (exempt) return "Limits: none for administrators";
  std::vector<std::string> words;
  add_limit(words, limits.hourly_tokens, limits.hourly_cost, "an hour");
  add_limit(words, limits.daily_tokens, limits.daily_cost, "a day");
  add_limit(words, limits.monthly_tokens, limits.monthly_cost, "a month");
  return "Limits: " + (words.empty() ? "none" : join(words, ", "));
}

}  // namespace

Payer payer_of(const AgentDeps& deps, const AgentConfig& config, const Message& message) {
  const Conversation& conversation = message.conversation;
  Payer payer{.agent = config.name, .person = conversation.peer};
  if (const auto room = room_talk(message)) payer.person += "/" + room->speaker;
  payer.exempt = deps.ledger.quota().admins_exempt && deps.is_admin && deps.is_admin(conversation);
  return payer;
}

Result<Ledger::Hold> reserve_for(AgentDeps& deps, const AgentConfig& config, const Message& message,
                                 const llm::Request& request) {
  if (!deps.ledger.limited()) return Ledger::Hold();
  const llm::Price price = price_of(deps.model.config());
  const std::int64_t in = tokens_of(request);
  const std::int64_t out = request.max_tokens;
  const PicoUsd dearest = std::max(price.input, price.cache_write);
  return deps.ledger.reserve(payer_of(deps, config, message), in + out,
                             in * dearest + out * price.output);
}

PicoUsd settle_call(AgentDeps& deps, const AgentConfig& config, const Message& message,
                    Ledger::Hold hold, const std::expected<llm::Response, llm::Failure>& outcome) {
  const llm::LlmConfig& llm = deps.model.config();
  const Conversation& conversation = message.conversation;
  const auto part = sub_task_of(message);
  memory::ModelCall call{
      .at = deps.clock.now(),
      .agent = config.name,
      .person = payer_of(deps, config, message).person,
      .conversation =
          fmt::format("{} {} {}", conversation.channel, conversation.peer, conversation.thread),
      .turn = part ? part->turn : message.id.str(),
      .provider = outcome && !outcome->provider.empty() ? outcome->provider : llm.provider,
      .model = outcome ? outcome->model : deps.model.driver().model(),
      .purpose = part ? "sub-agent" : "turn",
      .usage = outcome ? outcome->usage : outcome.error().usage,
      .failed = !outcome};
  call.cost = (outcome ? outcome->price : price_of(llm)).of(call.usage);
  const PicoUsd cost = call.cost;
  if (auto settled = deps.ledger.settle(std::move(hold), std::move(call)); !settled)
    log::warn("agent", "a model call is missing in the ledger's file: {}",
              settled.error().to_string());
  return cost;
}

std::string usage_text(const AgentDeps& deps, const AgentConfig& config, const Message& message,
                       bool everybody) {
  const Payer payer = payer_of(deps, config, message);
  const memory::NamedSpend own = deps.ledger.spent(Ledger::Scope::kPerson, payer.person);
  std::string text =
      spent_lines(own) + "\n" + limits_line(deps.ledger.quota().person, payer.exempt);
  if (!everybody) return text;
  const memory::NamedSpend all = deps.ledger.spent(Ledger::Scope::kTotal, "");
  return text + "\nEverybody:\n" + spent_lines(all);
}

}  // namespace skep::agent
