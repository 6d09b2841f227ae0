#include "chunks.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "knowledge.h"
#include "skep/base/text.h"
#include "transcript.h"

namespace skep::memory {
namespace {

namespace fs = std::filesystem;

// Where to end a piece: behind a paragraph, a sentence, a word; else within a word.
std::size_t end_of_piece(std::string_view text) {
  const std::string_view head = cut_utf8(text, chunk_bytes_max);
  for (const std::string_view border : {"\n\n", "\n", ". ", " "}) {
    const auto at = head.rfind(border);
    if (at != std::string_view::npos && at > head.size() / 2) return at + border.size();
  }
  return head.size();
}

std::size_t start_of_next(std::string_view text, std::size_t end) {
  const std::size_t back = end > chunk_overlap_bytes ? end - chunk_overlap_bytes : end;
  const auto blank = text.substr(0, end).find(' ', back);
  return blank == std::string_view::npos || blank + 1 >= end ? end : blank + 1;
}

void add_pieces(std::vector<Chunk>& chunks, const Chunk& like, std::string_view text) {
  for (const std::string_view piece : pieces_of(text)) {
    Chunk chunk = like;
    chunk.text = piece;
    chunks.push_back(std::move(chunk));
  }
}

class Session {
 public:
  std::vector<Chunk> chunks;
  void take(std::string_view line, std::size_t number) {
    const auto entry = parse_line(line);
    if (!entry) return;
    if (const auto* tool = std::get_if<TranscriptTool>(&*entry))
      add_taint(taints_[tool->turn], taint_of(*tool));
    if (const auto* message = std::get_if<TranscriptMessage>(&*entry)) take(*message, number);
  }

 private:
  void take(const TranscriptMessage& message, std::size_t number) {
    const bool user = message.role == TranscriptMessage::Role::kUser;
    Chunk like{.place = fmt::format("line {}", number),
               .who = user ? message.sender : "assistant",
               .at = message.ts,
               .turn = user ? message.msg_id : message.turn};
    if (!user) {
      like.taint = message.taint;
      if (const auto taint = taints_.find(message.turn); taint != taints_.end())
        add_taint(like.taint, taint->second);
    }
    add_pieces(chunks, like, message.content);
  }
  std::map<std::string, std::string> taints_;  // by turn
};

bool stat_file(const std::string& directory, IndexedFile& file) {
  struct stat info{};
  const std::string path = directory + "/" + file.path;
  if (::lstat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return false;
  file.inode = info.st_ino;
  file.size = static_cast<std::uint64_t>(info.st_size);
  file.modified_ns = info.st_mtim.tv_sec * 1'000'000'000LL + info.st_mtim.tv_nsec;
  return true;
}

class Finder {
 public:
  explicit Finder(const std::string& directory) : directory_(directory) {}
  std::vector<IndexedFile> files;

  void one(std::string path, Source source) {
    IndexedFile file{.path = std::move(path), .source = source};
    if (files.size() < indexed_files_max && stat_file(directory_, file))
      files.push_back(std::move(file));
  }
  [[nodiscard]] std::vector<std::string> names_in(const std::string& below) const {
    std::vector<std::string> names;
    std::error_code error;
    for (fs::directory_iterator entry(directory_ + "/" + below, error), end;
         !error && entry != end && names.size() < indexed_files_max; entry.increment(error))
      names.push_back(entry->path().filename().string());
    std::ranges::sort(names);
    return names;
  }
  void sessions(const std::string& below) {
    one(below + "history.jsonl", Source::kSession);
    for (const std::string& name : names_in(below + "sessions")) {
      if (name.ends_with(".jsonl"))
        one(fmt::format("{}sessions/{}", below, name), Source::kSession);
    }
  }
  void documents(const std::string& below, int depth) {
    constexpr int kDepthMax = 8;
    for (const std::string& name : names_in(below)) {
      if (name.starts_with('.')) continue;
      const std::string path = below + name;
      if (name.ends_with(".md") || name.ends_with(".txt")) {
        one(path, Source::kShared);
      } else if (std::error_code error; depth < kDepthMax && files.size() < indexed_files_max &&
                                        !fs::is_symlink(directory_ + "/" + path, error) &&
                                        fs::is_directory(directory_ + "/" + path, error)) {
        documents(path + "/", depth + 1);
      }
    }
  }

 private:
  const std::string& directory_;
};

}  // namespace

std::vector<std::string_view> pieces_of(std::string_view text) {
  std::vector<std::string_view> pieces;
  text = trim(text);
  while (!text.empty()) {
    if (text.size() <= chunk_bytes_max) {
      pieces.push_back(text);
      break;
    }
    const std::size_t end = end_of_piece(text);
    pieces.push_back(trim(text.substr(0, end)));
    text.remove_prefix(start_of_next(text, end));
  }
  return pieces;
}

std::vector<Chunk> session_chunks(std::string_view text, std::size_t lines_before) {
  Session session;
  for (const std::string_view line : split(text, '\n')) session.take(line, ++lines_before);
  return std::move(session.chunks);
}

std::vector<Chunk> note_chunks(std::string_view text) {
  std::vector<Chunk> chunks;
  for (const std::string_view line : split(text, '\n')) {
    const auto entry = Knowledge::entry_of(line);
    if (!entry) continue;
    const Chunk like{.place = std::string(cut_utf8(entry->key, knowledge_key_bytes_max)),
                     .who = entry->by,
                     .at = entry->ts,
                     .taint = entry->taint};
    for (const std::string_view piece : pieces_of(entry->content)) {
      Chunk chunk = like;
      chunk.text = fmt::format("{}: {}", cut_utf8(entry->key, knowledge_key_bytes_max), piece);
      chunks.push_back(std::move(chunk));
    }
  }
  return chunks;
}

std::vector<Chunk> document_chunks(std::string_view text) {
  std::vector<Chunk> chunks;
  std::string heading, paragraph;
  std::size_t number = 0, began = 1;
  bool said = true;  // the heading stands in a chunk
  const auto end = [&] {
    const std::string_view words = trim(paragraph);
    if (!words.empty() || !said)
      add_pieces(chunks, {.place = fmt::format("line {}", began)},
                 fmt::format("{}\n{}", heading, words));
    said = true;
    paragraph.clear();
  };
  for (const std::string_view line : split(text, '\n')) {
    ++number;
    if (trim(line).empty() && paragraph.size() > chunk_bytes_max / 4) end();
    if (line.starts_with('#')) {
      end();
      heading = trim(line.substr(std::min(line.find_first_not_of('#'), line.size())));
      began = number;
      said = heading.empty();
      continue;
    }
    if (trim(paragraph).empty() && said) began = number;
    paragraph.append(line).push_back('\n');
  }
  end();
  return chunks;
}

std::vector<IndexedFile> files_to_index(const std::string& directory, const FileChoice& choice) {
  Finder finder(directory);
  if (choice.shared) {
    finder.documents("", 0);
    return std::move(finder.files);
  }
  if (choice.memory) {
    finder.one("knowledge.jsonl", Source::kNote);
    for (const char* name : {"memory.md", "user.md", "context.md"})
      finder.one(name, Source::kProfile);
  }
  if (choice.sessions) {
    finder.sessions("");
    for (const std::string& thread : finder.names_in("threads"))
      finder.sessions(fmt::format("threads/{}/", thread));
  }
  return std::move(finder.files);
}

}  // namespace skep::memory
