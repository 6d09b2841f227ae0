// A manifest from a wish in plain words, written by the model and checked by the parser.
#include "agents_impl.h"
#include "least_rights.h"
#include "model_side.h"
#include "skep/base/text.h"

namespace skep::kernel {
namespace {

using llm::ChatMessage;
using llm::Role;

constexpr std::size_t kWishBytesMax = 4096;
constexpr int kAttempts = 2;
constexpr int kTokensMax = 2000;

constexpr std::string_view kFormat =
    R"(You write the manifest of an AI agent from what a person wants. Answer with one TOML file in a ```toml block and nothing else.

name = "short-name"            # a-z, 0-9 and -
description = "one line"
tags = ["few", "words"]
# only if it is to act by itself: when, as cron or "every 2h"
schedule = { periodic = { cron = "0 7 * * mon-fri" } }

[model]
system_prompt = """
Who the agent is, what it does, how it answers. Second person, concrete, at most 200 words.
"""

[capabilities]
tools = ["file_read"]          # only those it needs
network = ["example.org"]      # hosts for web_fetch, "*" for all; leave it out without web_fetch
agent_message = ["name"]       # agents it may ask with agent_send; leave it out otherwise

Give it the least that does the work. No other keys. Tools that there are: )";

// What stands in the ```toml block; without one the whole text.
std::string_view block_in(std::string_view text) {
  const std::size_t fence = text.find("```");
  if (fence == std::string_view::npos) return trim(text);
  const std::size_t begin = text.find('\n', fence);
  if (begin == std::string_view::npos) return {};
  const std::size_t end = text.find("\n```", begin);
  return text.substr(begin + 1, end == std::string_view::npos ? end : end - begin);
}

}  // namespace

Task<Result<std::string>> AgentsImpl::ask_for_draft(Ctx ctx, const llm::Request& request,
                                                    std::string person) {
  const std::shared_ptr<ModelSet> set = deps_.house.models();
  llm::Model& model = *set->model;
  const memory::Payer payer{.agent = main_.name, .person = person};
  std::int64_t tokens =
      request.max_tokens + static_cast<std::int64_t>(llm::estimate_tokens(request.system));
  for (const ChatMessage& message : request.messages)
    tokens += static_cast<std::int64_t>(llm::estimate_tokens(text_of(message.parts)));
  const llm::Price price = model.config().info ? model.config().info->price : llm::kUnknownPrice;
  SKEP_CO_TRY(
      memory::Ledger::Hold hold,
      deps_.house.ledger.reserve(payer, tokens, tokens * std::max(price.input, price.output)));
  auto outcome = co_await model.stream(std::move(ctx), request, [](const llm::StreamEvent&) {}, {});
  memory::ModelCall call{.at = deps_.clock.now(),
                         .agent = main_.name,
                         .person = person,
                         .provider = model.config().provider,
                         .model = outcome ? outcome->model : model.driver().model(),
                         .purpose = "agent draft",
                         .usage = outcome ? outcome->usage : outcome.error().usage,
                         .failed = !outcome};
  const bool free = model.config().provider == "demo";
  call.cost = free ? 0 : (outcome ? outcome->price : price).of(call.usage);
  (void)deps_.house.ledger.settle(std::move(hold), std::move(call));  // it logs its failures
  if (!outcome) co_return fail(outcome.error().error);
  co_return text_of(outcome->parts);
}

Task<Result<AgentDraft>> AgentsImpl::draft(Ctx ctx, std::string wish, std::string person) {
  if (wish.empty()) co_return fail(Code::kInvalid, "say what the agent is for");
  if (wish.size() > kWishBytesMax)
    co_return fail(Code::kTooLarge, fmt::format("at most {} bytes", kWishBytesMax));
  llm::Request request{.system = std::string(kFormat), .max_tokens = kTokensMax};
  const std::vector<std::string> names = tool_names();
  request.system += join(names, ", ") + ".";
  request.messages = {{Role::kUser, {TextPart{wish}}}};
  Error problem{Code::kInvalid, "the model wrote no manifest"};
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    SKEP_CO_TRY(const std::string text, co_await ask_for_draft(ctx, request, person));
    auto manifest = agent::Manifest::parse(block_in(text), "draft");
    if (manifest) {
      const std::vector<std::string> excess = too_much_in(*manifest, names);
      if (excess.empty()) {
        take_unused_rights(*manifest);
        co_return AgentDraft{.name = manifest->name,
                             .manifest = manifest->to_text(),
                             .may = rights_in_words(*manifest)};
      }
      problem = {Code::kInvalid, join(excess, "\n")};
    } else {
      problem = std::move(manifest).error();
    }
    request.messages.push_back({Role::kAssistant, {TextPart{text.empty() ? "?" : text}}});
    request.messages.push_back({Role::kUser,
                                {TextPart{"That is no valid manifest:\n" + problem.message +
                                          "\nSend the whole file again, corrected."}}});
  }
  co_return fail(std::move(problem).in("the model's draft cannot be used"));
}

}  // namespace skep::kernel
