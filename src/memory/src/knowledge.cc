#include "knowledge.h"

#include "same_note.h"
#include "skep/base/text.h"
#include "transcript.h"

namespace skep::memory {
namespace {

constexpr std::size_t kFileBytesMax = 16u << 20;

std::string line_from(const KnowledgeEntry& entry) {
  json::object line{{"key", json_text(entry.key)}, {"content", json_text(entry.content)}};
  if (entry.ts) line["ts"] = format_rfc3339(*entry.ts, true);
  if (!entry.by.empty()) line["by"] = json_text(entry.by);
  if (entry.version > 1) line["version"] = entry.version;
  if (!entry.taint.empty()) line["taint"] = json_text(entry.taint);
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
  return fold_case(entry.key).contains(query) || fold_case(entry.content).contains(query);
}

}  // namespace

std::optional<KnowledgeEntry> Knowledge::entry_of(std::string_view line) {
  const auto value = parse_json(line);
  if (!value) return std::nullopt;
  KnowledgeEntry entry{.key = std::string(get_string(*value, "key")),
                       .content = std::string(get_string(*value, "content")),
                       .ts = time_from(*value, "ts"),
                       .by = std::string(get_string(*value, "by")),
                       .version = get_int(*value, "version").value_or(1),
                       .taint = std::string(get_string(*value, "taint"))};
  if (entry.key.empty()) return std::nullopt;
  return entry;
}

Result<Knowledge> Knowledge::load(std::string path) {
  Knowledge knowledge(std::move(path));
  auto text = store::read_file(knowledge.path_, kFileBytesMax);
  if (!text && text.error().code == Code::kNotFound) return knowledge;
  if (!text) return fail(std::move(text).error());
  for (const std::string_view line : split(*text, '\n')) {
    if (!line.empty()) knowledge.lines_.push_back({std::string(line), entry_of(line)});
  }
  return knowledge;
}

std::size_t Knowledge::size() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(lines_, [](const Line& line) { return line.entry.has_value(); }));
}

std::vector<KnowledgeEntry> Knowledge::find(std::string_view query) const {
  const std::string wanted = fold_case(query);
  std::vector<KnowledgeEntry> found;
  for (const Line& line : lines_) {
    if (line.entry && matches(*line.entry, wanted)) found.push_back(*line.entry);
  }
  return found;
}

std::vector<Knowledge::Line>::iterator Knowledge::line_of(const std::string& key) {
  return std::ranges::find_if(
      lines_, [&](const Line& line) { return line.entry && line.entry->key == key; });
}

Result<void> Knowledge::write(store::Sync sync) const {
  std::string file;
  for (const Line& line : lines_) file.append(line.text).push_back('\n');
  return store::write_file(path_, file, sync);
}

// What says the same already; else the notes that this one says all of are taken out.
std::optional<Remembered> Knowledge::merge(const KnowledgeEntry& entry,
                                           std::vector<std::string>& replaced) {
  for (Line& line : lines_) {
    if (!line.entry || compare_notes(*line.entry, entry) != Sameness::kNothingNew) continue;
    line.entry->ts = entry.ts;  // said again: it is fresh
    line.text = line_from(*line.entry);
    return Remembered{.version = line.entry->version, .same_as = line.entry->key};
  }
  std::erase_if(lines_, [&](const Line& line) {
    if (!line.entry || compare_notes(*line.entry, entry) != Sameness::kSaysMore) return false;
    replaced.push_back(line.entry->key);
    return true;
  });
  return std::nullopt;
}

Result<Remembered> Knowledge::remember(KnowledgeEntry entry, store::Sync sync) {
  SKEP_TRY_VOID(check(entry));
  // As the file will give it back: a key with broken UTF-8 must find itself again.
  entry.key = to_valid_utf8(entry.key);
  Remembered done;
  auto same = line_of(entry.key);
  if (same == lines_.end()) {
    if (auto had = merge(entry, done.replaced)) {
      SKEP_TRY_VOID(write(sync));
      return *had;
    }
    same = lines_.end();
  }
  done.version = entry.version = same == lines_.end() ? 1 : same->entry->version + 1;
  std::string text = line_from(entry);
  Line fresh{text, entry_of(text)};
  if (same != lines_.end()) {
    *same = std::move(fresh);
  } else if (size() >= knowledge_entries_max) {
    return fail(Code::kExhausted, fmt::format("{} notes are stored already; replace one by its key",
                                              knowledge_entries_max));
  } else {
    lines_.push_back(std::move(fresh));
  }
  SKEP_TRY_VOID(write(sync));
  return done;
}

Result<bool> Knowledge::drop(std::string_view key, store::Sync sync) {
  const auto same = line_of(std::string(key));
  if (same == lines_.end()) return false;
  lines_.erase(same);
  SKEP_TRY_VOID(write(sync));
  return true;
}

}  // namespace skep::memory
