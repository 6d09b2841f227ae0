#include "knowledge.h"

#include "skep/base/text.h"
#include "transcript.h"

namespace skep::memory {
namespace {

constexpr std::size_t kFileBytesMax = 16u << 20;

std::optional<KnowledgeEntry> entry_from(std::string_view line) {
  const auto value = parse_json(line);
  if (!value) return std::nullopt;
  KnowledgeEntry entry{.key = std::string(get_string(*value, "key")),
                       .content = std::string(get_string(*value, "content")),
                       .ts = time_from(*value, "ts"),
                       .by = std::string(get_string(*value, "by"))};
  if (entry.key.empty()) return std::nullopt;
  return entry;
}

std::string line_from(const KnowledgeEntry& entry) {
  json::object line{{"key", json_text(entry.key)}, {"content", json_text(entry.content)}};
  if (entry.ts) line["ts"] = format_rfc3339(*entry.ts, true);
  if (!entry.by.empty()) line["by"] = json_text(entry.by);
  return to_json(line);
}

Result<void> check(const KnowledgeEntry& entry) {
  if (entry.key.empty()) return fail(Code::kInvalid, "a note needs a key");
  if (entry.key.size() > knowledge_key_bytes_max) {
    return fail(Code::kTooLarge,
                fmt::format("the key is longer than {} bytes", knowledge_key_bytes_max));
  }
  if (entry.content.size() > knowledge_content_bytes_max) {
    return fail(Code::kTooLarge,
                fmt::format("the note is longer than {} bytes", knowledge_content_bytes_max));
  }
  return {};
}

bool matches(const KnowledgeEntry& entry, const std::string& query) {
  return to_lower_ascii(entry.key).find(query) != std::string::npos ||
         to_lower_ascii(entry.content).find(query) != std::string::npos;
}

}  // namespace

Result<Knowledge> Knowledge::load(std::string path) {
  Knowledge knowledge(std::move(path));
  auto text = store::read_file(knowledge.path_, kFileBytesMax);
  if (!text && text.error().code == Code::kNotFound) return knowledge;
  if (!text) return fail(std::move(text).error());
  for (const std::string_view line : split(*text, '\n')) {
    if (!line.empty()) knowledge.lines_.push_back({std::string(line), entry_from(line)});
  }
  return knowledge;
}

std::size_t Knowledge::size() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(lines_, [](const Line& line) { return line.entry.has_value(); }));
}

std::vector<KnowledgeEntry> Knowledge::find(std::string_view query) const {
  const std::string wanted = to_lower_ascii(query);
  std::vector<KnowledgeEntry> found;
  for (const Line& line : lines_) {
    if (line.entry && matches(*line.entry, wanted)) found.push_back(*line.entry);
  }
  return found;
}

Result<void> Knowledge::remember(KnowledgeEntry entry, store::Sync sync) {
  SKEP_TRY_VOID(check(entry));
  std::string text = line_from(entry);
  // As the file will give it back: a key with broken UTF-8 must find itself again.
  Line fresh{text, entry_from(text)};
  const auto same = std::ranges::find_if(lines_, [&](const Line& line) {
    return line.entry && fresh.entry && line.entry->key == fresh.entry->key;
  });
  if (same != lines_.end()) {
    *same = std::move(fresh);
  } else if (size() >= knowledge_entries_max) {
    return fail(Code::kExhausted, fmt::format("{} notes are stored already; replace one by its key",
                                              knowledge_entries_max));
  } else {
    lines_.push_back(std::move(fresh));
  }
  std::string file;
  for (const Line& line : lines_) file.append(line.text).push_back('\n');
  return store::write_file(path_, file, sync);
}

}  // namespace skep::memory
