// memory_store and memory_recall: notes about the conversation's peer.
#include "skep/base/text.h"
#include "skep/tools/builtin.h"

namespace skep::tools {
namespace {

constexpr std::size_t kRecallBytesMax = 16'000;

json::value schema(std::string_view text) {
  auto parsed = parse_json(text);
  return parsed ? *parsed : json::value(json::object());
}

std::string why(const Error& error) {
  switch (error.code) {
    case Code::kTooLarge:
      return fmt::format(
          "Not stored, too long: at most {} bytes of key and {} of content. Shorten it.",
          memory::knowledge_key_bytes_max, memory::knowledge_content_bytes_max);
    case Code::kExhausted:
      return fmt::format(
          "Not stored: there is no room ({}). Reuse an existing key, or tell the person.",
          error.message);
    default:
      return fmt::format("Not stored: {}.", error.message);
  }
}

class MemoryStore final : public Tool {
 public:
  MemoryStore(memory::Memory& memory, const Clock& clock) : memory_(memory), clock_(clock) {
    spec_ = {
        "memory_store",
        "Keep a note about the person for later conversations. The same key replaces the old note.",
        schema(R"({"type":"object","properties":{)"
               R"("key":{"type":"string","minLength":1,"description":"short name, e.g. birthday"},)"
               R"("content":{"type":"string","minLength":1}},)"
               R"("required":["key","content"],"additionalProperties":false})")};
  }
  [[nodiscard]] const llm::ToolSpec& spec() const override { return spec_; }
  [[nodiscard]] bool repeatable() const override { return false; }
  [[nodiscard]] std::vector<Need> needs(const json::value& arguments) const override {
    return {{authority::Action::kMemoryWrite,
             fmt::format("self.{}", trim(get_string(arguments, "key")))}};
  }

  Task<ToolOutput> call(ToolContext context, json::object arguments) override {
    memory::KnowledgeEntry entry{.key = std::string(trim(get_string(arguments, "key"))),
                                 .content = std::string(get_string(arguments, "content")),
                                 .ts = clock_.now(),
                                 .by = context.conversation.peer};
    if (entry.key.empty()) co_return ToolOutput{"Not stored: the key is blank.", true};
    std::string stored = fmt::format("Stored under \"{}\".", entry.key);
    Result<void> kept = memory_.remember(context.conversation, std::move(entry));
    if (!kept) co_return ToolOutput{why(kept.error()), true};
    co_return ToolOutput{std::move(stored), false};
  }

 private:
  llm::ToolSpec spec_;
  memory::Memory& memory_;
  const Clock& clock_;
};

class MemoryRecall final : public Tool {
 public:
  explicit MemoryRecall(memory::Memory& memory) : memory_(memory) {
    spec_ = {"memory_recall",
             "Find notes kept with memory_store. Matches part of key or content; an empty query "
             "lists all.",
             schema(R"({"type":"object","properties":{"query":{"type":"string"}},)"
                    R"("required":["query"],"additionalProperties":false})")};
  }
  [[nodiscard]] const llm::ToolSpec& spec() const override { return spec_; }
  [[nodiscard]] bool repeatable() const override { return true; }
  // Any note of the peer's may come up.
  [[nodiscard]] std::vector<Need> needs(const json::value&) const override {
    return {{authority::Action::kMemoryRead, "self.*"}};
  }
  [[nodiscard]] bool side_by_side() const override { return true; }

  Task<ToolOutput> call(ToolContext context, json::object arguments) override {
    std::string query(trim(get_string(arguments, "query")));
    auto found = memory_.recall(context.conversation, query);
    if (!found)
      co_return ToolOutput{fmt::format("The notes could not be read: {}.", found.error().message),
                           true};
    if (found->empty())
      co_return ToolOutput{query.empty() ? "There are no notes." : "No note matches.", false};
    co_return ToolOutput{listed(*found), false};
  }

 private:
  // "1. [key] content", as many as fit.
  static std::string listed(const std::vector<memory::KnowledgeEntry>& entries) {
    std::string text;
    std::size_t shown = 0;
    for (const memory::KnowledgeEntry& entry : entries) {
      std::string line = fmt::format("{}. [{}] {}\n", shown + 1, entry.key, entry.content);
      if (text.size() + line.size() > kRecallBytesMax) break;
      text += line;
      ++shown;
    }
    if (shown < entries.size())
      text += fmt::format("({} more; use a narrower query)\n", entries.size() - shown);
    text.pop_back();
    return text;
  }

  llm::ToolSpec spec_;
  memory::Memory& memory_;
};

}  // namespace

std::unique_ptr<Tool> make_memory_store(memory::Memory& memory, const Clock& clock) {
  return std::make_unique<MemoryStore>(memory, clock);
}
std::unique_ptr<Tool> make_memory_recall(memory::Memory& memory) {
  return std::make_unique<MemoryRecall>(memory);
}

}  // namespace skep::tools
