#include "skep/memory/memory.h"

#include <filesystem>

#include "knowledge.h"
#include "past_sessions.h"
#include "paths.h"
#include "session.h"
#include "skep/base/log.h"
#include "skep/base/text.h"
#include "workspace.h"

namespace skep::memory {
namespace {

namespace fs = std::filesystem;

// Sessions kept in memory, each with its file open; the one unused for longest makes room.
constexpr std::size_t kSessionsOpenMax = 64;

Error file_error(std::string_view what, const fs::path& path, const std::error_code& error) {
  return errno_error(fmt::format("{} {}", what, path.string()), error.value());
}

// The names in a directory, sorted; none when it is missing.
std::vector<std::string> names_in(const fs::path& directory) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(directory, error), end; !error && entry != end;
       entry.increment(error)) {
    names.push_back(entry->path().filename().string());
  }
  std::ranges::sort(names);
  return names;
}

// What /forget erases. Files that a repair or a crash left beside one ("history.jsonl.torn",
// "user.md.tmp-…") hold the same words and go with it.
bool is_forgettable(std::string_view name) {
  for (const std::string_view file :
       {"history.jsonl", "history.md", "user.md", "context.md", "memory.md", "knowledge.jsonl"}) {
    if (name == file) return true;
    if (name.starts_with(file) &&
        (name.substr(file.size()) == ".torn" || name.substr(file.size()).starts_with(".tmp-"))) {
      return true;
    }
  }
  return name == "files" || name == "results";
}

Result<void> erase_in(const fs::path& directory, const std::string& prefix,
                      std::vector<std::string>& erased) {
  for (const std::string& name : names_in(directory)) {
    if (!is_forgettable(name)) continue;
    std::error_code error;
    fs::remove_all(directory / name, error);
    if (error) return fail(file_error("erasing", directory / name, error));
    erased.push_back(prefix + name);
  }
  return {};
}

std::size_t count_archives(const fs::path& directory) {
  return static_cast<std::size_t>(std::ranges::count_if(
      names_in(directory),
      [](const std::string& name) { return name.ends_with(".jsonl") || name.ends_with(".md"); }));
}

class FileMemory final : public Memory {
 public:
  FileMemory(MemoryConfig config, const Clock& clock) : config_(std::move(config)), clock_(clock) {}

  [[nodiscard]] WorkspaceTexts texts(const Conversation& conversation) const override {
    return read_workspace(config_.path, directory(conversation));
  }
  Result<bool> archive_if_idle(const Conversation& conversation) override;
  Result<void> append_all(const Conversation& conversation,
                          std::span<const TranscriptEntry> entries) override {
    SKEP_TRY(Session* const session, fresh_session(conversation));
    return session->append(entries, clock_.now());
  }
  Result<std::vector<TranscriptEntry>> history(const Conversation& conversation) override {
    SKEP_TRY(const Session* const session, fresh_session(conversation));
    return session->entries();
  }
  Result<void> retract(const Conversation& conversation, std::string_view origin_id,
                       std::string_view sender) override;
  Result<Archived> archive(const Conversation& conversation) override;
  Result<std::vector<std::string>> forget(const Conversation& conversation) override;
  Result<SessionStats> stats(const Conversation& conversation) override;
  [[nodiscard]] std::vector<PastSession> past_sessions(
      const Conversation& conversation) const override {
    return past_sessions_in(session_paths(directory(conversation), conversation).archives);
  }
  Result<Archived> resume(const Conversation& conversation, const std::string& file) override;
  Result<Remembered> remember(const Conversation& conversation, KnowledgeEntry entry) override {
    SKEP_TRY(Knowledge knowledge, Knowledge::load(knowledge_path(conversation)));
    if (!entry.ts) entry.ts = clock_.now();
    return knowledge.remember(std::move(entry), config_.sync);
  }
  Result<std::vector<KnowledgeEntry>> recall(const Conversation& conversation,
                                             std::string_view query) override {
    SKEP_TRY(const Knowledge knowledge, Knowledge::load(knowledge_path(conversation)));
    return knowledge.find(query);
  }
  Result<bool> drop_note(const Conversation& conversation, std::string_view key) override {
    SKEP_TRY(Knowledge knowledge, Knowledge::load(knowledge_path(conversation)));
    return knowledge.drop(key, config_.sync);
  }
  void on_forget(std::function<void(const Conversation&)> listener) override {
    forgotten_ = std::move(listener);
  }
  [[nodiscard]] std::string directory(const Conversation& conversation) const override {
    std::string own = config_.path + "/" + peer_directory_name(conversation.peer);
    if (conversation.entrypoint.empty()) return own;
    return own + "/at/" + peer_directory_name(conversation.entrypoint);
  }

 private:
  struct Slot {
    Session session;
    std::uint64_t used = 0;
  };
  // The session as the file is now.
  Result<Session*> fresh_session(const Conversation& conversation) {
    Session& session = session_of(conversation);
    SKEP_TRY_VOID(session.refresh());
    return &session;
  }
  Session& session_of(const Conversation& conversation);
  [[nodiscard]] std::string knowledge_path(const Conversation& conversation) const {
    return directory(conversation) + "/knowledge.jsonl";
  }

  MemoryConfig config_;
  const Clock& clock_;
  std::map<std::string, Slot> sessions_;  // by the history's path
  std::uint64_t uses_ = 0;
  std::function<void(const Conversation&)> forgotten_;
};

Session& FileMemory::session_of(const Conversation& conversation) {
  SessionPaths paths = session_paths(directory(conversation), conversation);
  auto found = sessions_.find(paths.history);
  if (found == sessions_.end()) {
    if (sessions_.size() >= kSessionsOpenMax) {
      sessions_.erase(std::ranges::min_element(sessions_, {},
                                               [](const auto& item) { return item.second.used; }));
    }
    std::string key = paths.history;
    Session session(std::move(paths), conversation, config_.sync);
    found = sessions_.emplace(std::move(key), Slot{std::move(session)}).first;
  }
  found->second.used = ++uses_;
  return found->second.session;
}

Result<bool> FileMemory::archive_if_idle(const Conversation& conversation) {
  if (config_.idle_timeout <= Millis(0)) return false;
  SKEP_TRY(Session* const session, fresh_session(conversation));
  const auto last = session->last_activity();
  const WallTime now = clock_.now();
  if (session->entries().empty() || !last || now - *last <= config_.idle_timeout) return false;
  SKEP_TRY(const std::string name, session->archive(now));
  log::debug("memory", "idle session archived as {}", name);
  return true;
}

Result<void> FileMemory::retract(const Conversation& conversation, std::string_view origin_id,
                                 std::string_view sender) {
  SKEP_TRY(Session* const session, fresh_session(conversation));
  SKEP_TRY(const std::string message, session->retract(origin_id, sender));
  const fs::path files = fs::path(directory(conversation)) / "files";
  for (const std::string& name : names_in(files)) {
    if (message.empty() || !name.starts_with(message + ".")) continue;
    std::error_code error;
    fs::remove(files / name, error);
    if (error) return fail(file_error("erasing", files / name, error));
  }
  return {};
}

Result<Memory::Archived> FileMemory::archive(const Conversation& conversation) {
  Session& session = session_of(conversation);
  const auto read = session.refresh();
  // A session too large to read must still be possible to leave.
  const bool too_large = !read && read.error().code == Code::kTooLarge;
  if (!read && !too_large) return fail(read.error());
  if (!session.exists() && !too_large) return Archived{};
  if (session.entries().empty() && !too_large)
    return Archived{ArchiveOutcome::kAlreadyEmpty, 0, {}};
  const std::size_t messages = session.messages();
  SKEP_TRY(std::string name, session.archive(clock_.now()));
  return Archived{ArchiveOutcome::kArchived, messages, std::move(name)};
}

Result<Memory::Archived> FileMemory::resume(const Conversation& conversation,
                                            const std::string& file) {
  const SessionPaths paths = session_paths(directory(conversation), conversation);
  const std::vector<PastSession> past = past_sessions_in(paths.archives);
  if (std::ranges::find(past, file, &PastSession::file) == past.end())
    return fail(Code::kNotFound, fmt::format("there is no session {}", cut_utf8(file, 64)));
  SKEP_TRY(Archived aside, archive(conversation));
  SKEP_TRY_VOID(session_of(conversation).take_up(paths.archives + "/" + file, clock_.now()));
  return aside;
}

Result<std::vector<std::string>> FileMemory::forget(const Conversation& conversation) {
  const fs::path peer = directory(conversation);
  std::vector<std::string> erased;
  SKEP_TRY_VOID(erase_in(peer, "", erased));
  for (const std::string& thread : names_in(peer / "threads")) {
    SKEP_TRY_VOID(erase_in(peer / "threads" / thread, "threads/" + thread + "/", erased));
  }
  if (forgotten_) forgotten_(conversation);
  return erased;
}

Result<SessionStats> FileMemory::stats(const Conversation& conversation) {
  SKEP_TRY(const Session* const session, fresh_session(conversation));
  SKEP_TRY(const Knowledge knowledge, Knowledge::load(knowledge_path(conversation)));
  const std::string peer = directory(conversation);
  const WorkspaceTexts found = read_workspace(config_.path, peer);
  SessionStats stats;
  stats.messages = session->messages();
  stats.archived = count_archives(session_paths(peer, conversation).archives);
  stats.knowledge = knowledge.size();
  stats.files = names_in(peer + "/files").size();
  stats.has_profile = !found.profile.empty();
  stats.has_memory = !found.memory.empty();
  stats.workspace_files = resolved_files(config_.path, peer);
  return stats;
}

}  // namespace

MemoryConfig MemoryConfig::read(ConfigSection root, const std::string& home) {
  MemoryConfig config;
  config.path = home + "/memory";
  ConfigSection memory = root.child("memory");
  memory.read("path", config.path);
  memory.read_choice("backend", {"jsonl", "markdown"}, config.backend);
  ConfigSection session = root.child("session");
  session.read_duration("idle_timeout_mins", std::chrono::minutes(1), config.idle_timeout);
  return config;
}

Result<std::unique_ptr<Memory>> Memory::open(MemoryConfig config, const Clock& clock) {
  if (config.path.empty()) return fail(Code::kInvalid, "[memory] path is empty");
  if (auto made = store::make_directories(config.path); !made) {
    return fail(std::move(made).error().in("opening the memory"));
  }
  return std::make_unique<FileMemory>(std::move(config), clock);
}

}  // namespace skep::memory
