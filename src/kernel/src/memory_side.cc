#include "memory_side.h"

#include <fmt/format.h>

#include "skep/base/log.h"
#include "skep/model/event_depth.h"

namespace skep::kernel {
namespace {

// One event for every node of the fabric. Who is not interested drops it.
Result<void> tell_all(Inbox& out, std::string action, const json::object& payload,
                      const tools::ToolContext& context, WallTime now) {
  Message message;
  message.id = MessageId(mint_ulid());
  message.trace = context.ctx.trace;
  if (context.asked != nullptr) put_event_depth(message, event_depth_of(*context.asked));
  message.kind = Kind::kSystem;
  message.action = std::move(action);
  message.dst = Broadcast{};
  message.sent_at = now;
  message.payload = to_json(payload);
  return out.deliver(std::move(message));
}

}  // namespace

MemorySide::MemorySide(Deps deps)
    : deps_(deps),
      db_(deps.loop, {.path = deps.config.home + "/memory.db", .sync = deps.config.sync},
          memory::table_migrations()),
      shared_(db_, deps.clock),
      graph_(db_, deps.clock),
      board_(db_, deps.config.board, deps.clock),
      gate_(deps.loop) {}

Result<std::unique_ptr<MemorySide>> MemorySide::open(Deps deps) {
  std::unique_ptr<MemorySide> side(new MemorySide(deps));
  const memory::SearchConfig& search = deps.config.search;
  if (!search.enabled) return side;
  memory::Embeddings embeddings = memory::hashed_embeddings();
  if (search.provider != "local") {
    auto chosen = llm::EmbedderConfig::choose({.provider = search.provider,
                                               .model = search.model,
                                               .base_url = search.base_url,
                                               .api_key = search.api_key},
                                              *deps.config.catalogue, process_env());
    if (!chosen) return fail(std::move(chosen).error().in("[memory.search]"));
    side->embedder_ = std::make_unique<llm::Embedder>(*std::move(chosen), deps.http);
    const std::string name = side->embedder_->name();
    embeddings = {
        .id = name,
        .described = fmt::format("{}; texts go there", name),
        .remote = [raw = side.get()](Ctx ctx, memory::Payer payer, std::vector<std::string> texts) {
          return raw->embed(std::move(ctx), std::move(payer), std::move(texts));
        }};
    log::info("kernel", "texts of the memory are sent to {} for searching", name);
  }
  side->search_ = memory::Search::make(search, {.loop = deps.loop,
                                                .clock = deps.clock,
                                                .embeddings = std::move(embeddings),
                                                .shared_index = deps.config.home + "/index"});
  return side;
}

Task<void> MemorySide::close(Ctx ctx) { co_await gate_.drain(std::move(ctx)); }

// Set aside before, settled after, failed ones as well. Who rests is not asked and costs nothing.
Task<Result<std::vector<memory::Vector>>> MemorySide::embed(Ctx ctx, memory::Payer payer,
                                                            std::vector<std::string> texts) {
  const llm::EmbedderConfig& from = embedder_->config();
  SKEP_CO_TRY_VOID(embedder_->ready());
  std::int64_t tokens = 0;
  for (const std::string& text : texts)
    tokens += static_cast<std::int64_t>(llm::estimate_tokens(text));
  memory::Ledger::Hold hold;
  if (deps_.ledger.limited()) {
    SKEP_CO_TRY(hold, deps_.ledger.reserve(payer, tokens, tokens * from.price.input));
  }
  auto done = co_await embedder_->embed(std::move(ctx), std::move(texts));
  memory::ModelCall call{.at = deps_.clock.now(),
                         .agent = payer.agent,
                         .person = payer.person,
                         .provider = from.provider,
                         .model = from.model,
                         .purpose = "embedding",
                         .usage = done ? done->usage : done.error().usage,
                         .failed = !done};
  if (done && call.usage.input == 0) call.usage.input = tokens;  // a server that does not count
  call.cost = from.price.of(call.usage);
  if (auto settled = deps_.ledger.settle(std::move(hold), std::move(call)); !settled)
    log::warn("kernel", "an embedding call is missing in the ledger's file: {}",
              settled.error().to_string());
  if (!done) co_return fail(std::move(done).error().error);
  for (memory::Vector& vector : done->vectors) memory::normalise(vector);
  co_return std::move(done->vectors);
}

Task<void> MemorySide::forget_graph(memory::Owner owner) {
  auto gone = co_await graph_.erase_all(Ctx{}, std::move(owner));
  if (!gone)
    log::error("kernel", "what was forgotten is still in the knowledge graph: {}",
               gone.error().to_string());
}

tools::MemoryToolDeps MemorySide::tools_of(std::string agent, memory::Memory& memory,
                                           std::string folder, Inbox& out) {
  memory.on_forget([this, agent, folder, raw = &memory](const Conversation& conversation) {
    if (search_) search_->forget(raw->directory(conversation), folder);
    gate_.spawn("forgets", forget_graph(memory::owner_of(agent, conversation)));
  });
  tools::MemoryToolDeps deps{.memory = memory,
                             .clock = deps_.clock,
                             .agent = std::move(agent),
                             .shared = &shared_,
                             .graph = &graph_,
                             .board = &board_,
                             .search = search_.get(),
                             .index = std::move(folder)};
  deps.tell = [&out, &clock = deps_.clock](std::string action, json::object payload,
                                           const tools::ToolContext& context) {
    return tell_all(out, std::move(action), payload, context, clock.now());
  };
  deps.agent_named = [this](std::string_view name) {
    return agent_named_ ? agent_named_(name) : std::optional(std::string(name));
  };
  return deps;
}

std::vector<std::string> MemorySide::status_lines() const {
  std::vector<std::string> lines;
  if (search_) lines.push_back(search_->describe());
  if (const std::string rests = embedder_ ? embedder_->trouble() : std::string(); !rests.empty())
    lines.push_back("Searched by words only: " + rests);
  if (!db_.trouble().empty()) lines.push_back("Trouble: " + db_.trouble());
  return lines;
}

}  // namespace skep::kernel
