// memory_store and memory_recall: notes about the person, values for everybody. memory_search: all
// that was noted and said.
#include "memory_access.h"
#include "skep/base/text.h"
#include "skep/base/untrusted.h"

namespace skep::tools {
namespace {

using authority::Action;
using authority::Labels;

constexpr std::size_t kRecallBytesMax = 16'000;
constexpr std::size_t kHitBytesMax = 1'200;
constexpr std::int64_t kHitsDefault = 6, kHitsMax = 20;

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

// `value` as others spell `content`: any JSON.
const json::value* content_in(const json::object& arguments) {
  const json::value* content = arguments.if_contains("content");
  return content != nullptr ? content : arguments.if_contains("value");
}

std::string plain(const json::value& value) {
  return value.is_string() ? std::string(value.get_string()) : to_json(value);
}

std::string plain(const std::string& json_text) {
  const auto value = parse_json(json_text);
  return value ? plain(*value) : json_text;
}

std::vector<Need> needs_of_key(Action action, const json::value& arguments) {
  return {{action, scoped_key(get_string(arguments, "key")).resource()}};
}

std::vector<Need> needs_of_scope(std::string_view scope) {
  std::vector<Need> needs;
  if (scope != "shared") needs.push_back({Action::kMemoryRead, "self.*"});
  if (scope != "self") needs.push_back({Action::kMemoryRead, "shared.*"});
  return needs;
}

// Words from outside stand between markers.
std::string told(std::string text, Labels labels, std::string_view where) {
  return labels == Labels{} ? std::move(text) : framed_untrusted(where, text);
}

class Notes {
 public:
  explicit Notes(MemoryToolDeps deps) : deps_(std::move(deps)) {}

  Task<ToolOutput> store(ToolContext context, json::object arguments) {
    const ScopedKey key = scoped_key(get_string(arguments, "key"));
    const json::value* content = content_in(arguments);
    if (key.key.empty()) co_return ToolOutput{"Not stored: the key is blank.", true};
    if (content == nullptr || content->is_null())
      co_return ToolOutput{"Not stored: content is missing.", true};
    if (key.shared) {
      const auto version = co_await store_shared(context, key, to_json(*content));
      if (!version) co_return ToolOutput{why(version.error()), true};
      tell(key, *version, context);
      co_return ToolOutput{stored(key.resource(), *version)};
    }
    const auto kept =
        deps_.memory.remember(context.conversation, {.key = key.key,
                                                     .content = plain(*content),
                                                     .ts = deps_.clock.now(),
                                                     .by = context.conversation.peer,
                                                     .taint = taint_of(context.labels)});
    if (!kept) co_return ToolOutput{why(kept.error()), true};
    if (!kept->same_as.empty()) {
      co_return ToolOutput{
          fmt::format("Nothing was added: the note \"{}\" says this already. To "
                      "change it, store under that key.",
                      kept->same_as)};
    }
    tell(key, kept->version, context);
    std::string text = stored(key.key, kept->version);
    if (!kept->replaced.empty()) {
      text += fmt::format(" It says all that stood under \"{}\", which is gone.",
                          join(kept->replaced, "\", \""));
    }
    co_return ToolOutput{std::move(text)};
  }

  Task<ToolOutput> recall(ToolContext context, json::object arguments) {
    if (arguments.contains("key"))
      co_return co_await recall_key(std::move(context), get_string(arguments, "key"));
    std::string query(trim(get_string(arguments, "query")));
    if (get_string(arguments, "scope") == "shared")
      co_return co_await recall_shared(std::move(context), std::move(query));
    auto found = deps_.memory.recall(context.conversation, query);
    if (!found) co_return refusal("The notes could not be read", found.error());
    if (found->empty())
      co_return ToolOutput{query.empty() ? "There are no notes." : "No note matches."};
    co_return listed(*found);
  }

  Task<ToolOutput> search(ToolContext context, json::object arguments) {
    using Scope = memory::SearchQuery::Scope;
    const std::string_view scope = get_string(arguments, "scope");
    const auto limit =
        std::clamp(get_int(arguments, "limit").value_or(kHitsDefault), std::int64_t{1}, kHitsMax);
    auto found = co_await deps_.search->find(
        context.ctx, {.directory = deps_.memory.directory(context.conversation),
                      .index = deps_.index,
                      .text = std::string(get_string(arguments, "query")),
                      .scope = scope == "self"     ? Scope::kSelf
                               : scope == "shared" ? Scope::kShared
                                                   : Scope::kAll,
                      .hits_max = static_cast<std::size_t>(limit),
                      .turn = context.turn,
                      .payer = context.payer});
    if (!found) co_return refusal("Nothing could be searched", found.error());
    co_return answer(*found);
  }

 private:
  static std::string stored(std::string_view key, std::int64_t version) {
    return fmt::format("Stored under \"{}\"{}.", key,
                       version > 1 ? fmt::format(" (version {})", version) : "");
  }

  Task<Result<std::int64_t>> store_shared(const ToolContext& context, const ScopedKey& key,
                                          std::string value) {
    if (deps_.shared == nullptr)
      co_return fail(Code::kUnsupported, "there are no shared values here");
    co_return co_await deps_.shared->put(context.ctx, {.key = key.key,
                                                       .value = std::move(value),
                                                       .agent = deps_.agent,
                                                       .person = context.conversation.peer,
                                                       .taint = taint_of(context.labels)});
  }

  // Whoever waits for a change is told that there was one, not what.
  void tell(const ScopedKey& key, std::int64_t version, const ToolContext& context) const {
    if (!deps_.tell) return;
    (void)deps_.tell("MEMORY_UPDATE",
                     {{"agent", deps_.agent}, {"key", key.resource()}, {"version", version}},
                     context);
  }

  Task<ToolOutput> recall_key(ToolContext context, std::string_view text) {
    const ScopedKey key = scoped_key(text);
    const ToolOutput none{fmt::format("There is nothing under \"{}\".", key.resource())};
    if (key.shared) {
      if (deps_.shared == nullptr) co_return none;
      auto value = co_await deps_.shared->get(context.ctx, key.key);
      if (!value) co_return refusal("The value could not be read", value.error());
      if (!*value) co_return none;
      co_return shared_output(context, {**value});
    }
    auto found = deps_.memory.recall(context.conversation, key.key);
    if (!found) co_return refusal("The notes could not be read", found.error());
    std::erase_if(*found, [&](const auto& entry) { return entry.key != key.key; });
    co_return found->empty() ? none : listed(*found);
  }

  Task<ToolOutput> recall_shared(ToolContext context, std::string query) {
    if (deps_.shared == nullptr) co_return ToolOutput{"There are no shared values."};
    auto found = co_await deps_.shared->find(context.ctx, query);
    if (!found) co_return refusal("The values could not be read", found.error());
    if (found->empty())
      co_return ToolOutput{query.empty() ? "There are no shared values." : "No value matches."};
    co_return shared_output(context, *found);
  }

  // "1. [key] content", as many as fit.
  template <class Entries, class Line>
  static ToolOutput list_of(const Entries& entries, const Line& line_of) {
    ToolOutput output;
    std::size_t shown = 0;
    for (const auto& entry : entries) {
      Labels labels;
      std::string line = fmt::format("{}. {}\n", shown + 1, line_of(entry, labels));
      if (output.text.size() + line.size() > kRecallBytesMax) break;
      output.text += line;
      output.labels |= labels;
      ++shown;
    }
    if (shown < entries.size())
      output.text += fmt::format("({} more; use a narrower query)\n", entries.size() - shown);
    output.text.pop_back();
    return output;
  }

  static ToolOutput listed(const std::vector<memory::KnowledgeEntry>& entries) {
    return list_of(entries, [](const memory::KnowledgeEntry& entry, Labels& labels) {
      labels = labels_of(entry.taint);
      return fmt::format("[{}] {}", entry.key,
                         told(entry.content, labels, "a note made of what was read"));
    });
  }

  static ToolOutput shared_output(const ToolContext& context,
                                  const std::vector<memory::SharedValue>& values) {
    return list_of(values, [&](const memory::SharedValue& value, Labels& labels) {
      labels = labels_for(context, value.taint, value.person);
      return fmt::format("[shared.{}] (version {}, {}) {}", value.key, value.version,
                         format_rfc3339(value.updated),
                         told(plain(value.value), labels, "a shared value"));
    });
  }

  static std::string place_of(const memory::SearchHit& hit) {
    std::string place = hit.source == "note"
                            ? fmt::format("note [{}]", hit.place)
                            : fmt::format("{} {}, {}", hit.source, hit.path, hit.place);
    if (hit.at) place += ", " + format_rfc3339(*hit.at);
    if (hit.source == "session")
      place += hit.who == "assistant" ? ", you said" : fmt::format(", {} said", hit.who);
    return place;
  }

  static ToolOutput answer(const memory::SearchAnswer& found) {
    if (found.hits.empty()) return {join_notes("Nothing was found.", found.notes)};
    ToolOutput output = list_of(found.hits, [](const memory::SearchHit& hit, Labels& labels) {
      labels = labels_of(hit.taint);
      const std::string_view text = cut_utf8(hit.text, kHitBytesMax);
      return fmt::format("{} (score {:.2f}): {}{}", place_of(hit), hit.score,
                         told(std::string(text), labels, "what was read"),
                         text.size() < hit.text.size() ? " …" : "");
    });
    output.text = join_notes(std::move(output.text), found.notes);
    return output;
  }

  static std::string join_notes(std::string text, const std::vector<std::string>& notes) {
    for (const std::string& note : notes) text += "\n" + note;
    return text;
  }

  MemoryToolDeps deps_;
};

using NotesTool = SharedTool<Notes>;

}  // namespace

std::vector<std::unique_ptr<Tool>> make_memory_tools(const MemoryToolDeps& deps) {
  const auto notes = std::make_shared<Notes>(deps);
  std::vector<std::unique_ptr<Tool>> tools;
  tools.push_back(std::make_unique<NotesTool>(
      notes,
      make_spec(
          "memory_store",
          deps.shared == nullptr
              ? "Keep a note about the person for later conversations, under a short key. The same "
                "key replaces it."
              : "Keep a note about the person for later conversations, under a short key. The same "
                "key replaces it. Everybody can read \"shared.\" keys.",
          R"({"key":{"type":"string","minLength":1},)"
          R"("content":{},"value":{}})",
          {"key"}),
      &Notes::store,
      NotesTool::Traits{.repeatable = false, .needs = [](const json::value& arguments) {
                          return needs_of_key(Action::kMemoryWrite, arguments);
                        }}));
  tools.push_back(std::make_unique<NotesTool>(
      notes,
      make_spec("memory_recall",
                "Find notes of memory_store by a part of key or content; no query lists all.",
                deps.shared == nullptr ? R"({"query":{"type":"string"},"key":{"type":"string"}})"
                                       : R"({"query":{"type":"string"},"key":{"type":"string"},)"
                                         R"("scope":{"enum":["self","shared"]}})",
                {}),
      &Notes::recall, NotesTool::Traits{.needs = [](const json::value& arguments) {
        if (!get_string(arguments, "key").empty())
          return needs_of_key(Action::kMemoryRead, arguments);
        // Any note of the person's may come up.
        return needs_of_scope(get_string(arguments, "scope") == "shared" ? "shared" : "self");
      }}));
  if (deps.search == nullptr) return tools;
  tools.push_back(std::make_unique<NotesTool>(
      notes,
      make_spec("memory_search",
                "Search earlier conversations, notes and shared files. Do so before you answer "
                "about the past.",
                R"({"query":{"type":"string","minLength":1},)"
                R"("scope":{"enum":["all","self","shared"]},"limit":{"type":"integer"}})",
                {"query"}),
      &Notes::search, NotesTool::Traits{.needs = [](const json::value& arguments) {
        return needs_of_scope(get_string(arguments, "scope"));
      }}));
  return tools;
}

}  // namespace skep::tools
