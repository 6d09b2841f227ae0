// <peer>/knowledge.jsonl. Private to the room.
#pragma once

#include "skep/memory/memory.h"
#include "skep/store/append_file.h"

namespace skep::memory {

// The file as read: what people wrote into it that is no entry is kept as it stands.
class Knowledge {
 public:
  static Result<Knowledge> load(std::string path);  // a missing file is empty

  // One line of the file; nullopt: it is none of ours.
  static std::optional<KnowledgeEntry> entry_of(std::string_view line);

  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] std::vector<KnowledgeEntry> find(std::string_view query) const;
  // In memory and in the file.
  Result<Remembered> remember(KnowledgeEntry entry, store::Sync sync);
  Result<bool> drop(std::string_view key, store::Sync sync);

 private:
  struct Line {
    std::string text;
    std::optional<KnowledgeEntry> entry;
  };
  explicit Knowledge(std::string path) : path_(std::move(path)) {}
  Result<void> write(store::Sync sync) const;
  std::optional<Remembered> merge(const KnowledgeEntry& entry, std::vector<std::string>& replaced);
  std::vector<Line>::iterator line_of(const std::string& key);
  std::string path_;
  std::vector<Line> lines_;
};

}  // namespace skep::memory
