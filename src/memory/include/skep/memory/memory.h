// What the agent remembers, as plain files that people read, edit and put under version control.
//
//   <root>/identity.md personality.md instructions.md          global texts, written by people
//   <root>/<peer>/user.md memory.md                            profile and notes (legacy:
//   context.md for user.md) <root>/<peer>/identity.md personality.md instructions.md   overrides
//   <root>/<peer>/knowledge.jsonl history.jsonl sessions/<stamp>.jsonl
//   threads/<hash>/{history.jsonl,sessions/}
//   <root>/<peer>/at/<entrypoint>/                              all of the above once more, of what
//   is said to that address of ours (Conversation::entrypoint)
//
// <peer> is the conversation's peer, escaped: characters outside [a-z0-9@._+-] as %XX, reserved
// names and leading dots escaped, over 128 bytes cut with a hash. Directories 0700, files 0600.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "skep/base/clock.h"
#include "skep/base/config.h"
#include "skep/base/json.h"
#include "skep/model/message.h"
#include "skep/store/append_file.h"

namespace skep::memory {

struct MemoryConfig {
  std::string path;               // [memory] path; default <home>/memory
  std::string backend = "jsonl";  // [memory] backend: "jsonl" or its old name "markdown"
  std::chrono::milliseconds idle_timeout{0};  // [session] idle_timeout_mins; 0 = never
  store::Sync sync = store::Sync::kProcess;

  static MemoryConfig read(ConfigSection root, const std::string& home);
};

// One line of a session file (JSONL, "type" tells the kind; version 2 writes, 1 and 2 are read;
// externally tagged summaries
// {"Summary":{…}} are read too). Unknown types are skipped.
struct Attachment {
  std::string filename;
  std::string media_type;
  std::string size;  // for people: "120 KB", "unknown"
  bool operator==(const Attachment&) const = default;
};
struct TranscriptMessage {
  enum class Role { kUser, kAssistant };
  Role role = Role::kUser;
  std::string content;
  std::string msg_id;  // Message::id for both roles
  std::string sender;  // bare address; empty for the assistant
  std::optional<WallTime> ts;
  std::string origin_id;  // the outside network's id
  std::string thread;
  std::string turn;   // id of the user message that started it
  std::string model;  // assistant only
  Usage usage;        // assistant only
  // Assistant only: where words in it may come from, beside the people of the conversation:
  // "external_network". Whoever reads it again has read them.
  std::string taint;
  std::vector<Attachment> attachments;
  bool retracted = false;  // its writer took it back: content and attachments are gone
  bool operator==(const TranscriptMessage&) const = default;
};
struct TranscriptSummary {
  std::int64_t compacted_count = 0;
  std::string content;
  std::optional<WallTime> ts;
  // msg_id of the newest message that it stands for: what lies between that and the summary is
  // read word by word. Empty: it stands for everything before it.
  std::string last_msg_id;
  std::string taint;  // of what it is made of
  bool operator==(const TranscriptSummary&) const = default;
};
struct TranscriptTool {  // for people and audit; not replayed to the model
  std::string turn;
  std::string call;  // its place in the turn, "0.1/toolu_x": round, number, the provider's id
  std::string name;
  std::string arguments;  // JSON, cut to 4 KB
  std::string result;     // cut to 4 KB
  bool is_error = false;
  std::string taint;  // where the result's words come from: "external_network"; empty: from us
  std::optional<WallTime> ts;
  bool operator==(const TranscriptTool&) const = default;
};
using TranscriptEntry = std::variant<TranscriptMessage, TranscriptSummary, TranscriptTool>;

std::string to_line(const TranscriptEntry& entry);
// nullopt: a header, an unknown type or a broken line.
std::optional<TranscriptEntry> parse_line(std::string_view line);

struct SessionStats {
  std::size_t messages = 0;  // user and assistant messages in the active session
  std::size_t archived = 0;  // sessions/*.jsonl and old *.md archives
  std::size_t knowledge = 0;
  std::size_t files = 0;
  bool has_profile = false;
  bool has_memory = false;
  std::vector<std::string>
      workspace_files;  // those that resolve to something, "instructions.md (override)"
};

// The texts of a prompt, each already resolved: override, then global; blank counts as absent.
struct WorkspaceTexts {
  std::string identity;
  std::string personality;
  std::string instructions;
  std::string profile;  // user.md, else context.md
  std::string memory;   // memory.md
  // Which of the first three are the conversation's own, and not those for all.
  bool own_identity = false, own_personality = false, own_instructions = false;
};

struct KnowledgeEntry {
  std::string key;
  std::string content;
  std::optional<WallTime> ts;
  std::string by;            // who asked for it
  std::int64_t version = 1;  // counted by remember()
  std::string taint;  // where the words come from, when not from the person: "external_network"
  bool operator==(const KnowledgeEntry&) const = default;
};
// What became of a note.
struct Remembered {
  std::int64_t version = 1;  // of the note that says it now; 1 for a new key
  // The key of a note that says the same: nothing was added, that one counts as said again.
  std::string same_as = {};
  std::vector<std::string> replaced = {};  // keys of notes that it says all of: they are gone
  bool operator==(const Remembered&) const = default;
};
inline constexpr std::size_t knowledge_key_bytes_max = 128;
inline constexpr std::size_t knowledge_content_bytes_max = 4096;
inline constexpr std::size_t knowledge_entries_max = 1000;  // for each peer

// Synchronous file work of microseconds; loop thread only. Files may be edited by people at any
// moment: texts are read when asked for, sessions are read once and re-read when the file's size or
// mtime is not what we left.
class Memory {
 public:
  static Result<std::unique_ptr<Memory>> open(MemoryConfig config,
                                              const Clock& clock = Clock::system());
  virtual ~Memory() = default;

  [[nodiscard]] virtual WorkspaceTexts texts(const Conversation& conversation) const = 0;

  // Archives the session when its last entry is older than the idle timeout. Call before storing a
  // new message.
  virtual Result<bool> archive_if_idle(const Conversation& conversation) = 0;
  // Appends to the active session (writing its header first), all entries in one write or none. An
  // entry whose msg_id and role are already the session's last or second to last is not written
  // twice, nor is a tool entry of the same turn and call since the last message: recovery may
  // append again. kExhausted when the session has reached 16 MB.
  virtual Result<void> append_all(const Conversation& conversation,
                                  std::span<const TranscriptEntry> entries) = 0;
  Result<void> append(const Conversation& conversation, const TranscriptEntry& entry) {
    return append_all(conversation, {&entry, 1});
  }
  // The active session, oldest first, without tools. Shared snapshot, valid until the next append.
  virtual Result<std::vector<TranscriptEntry>> history(const Conversation& conversation) = 0;

  // Takes the words of a message of the active session away, its files too, and leaves that there
  // was one. `origin_id` and `sender` as in the transcript. kNotFound when there is no such
  // message.
  virtual Result<void> retract(const Conversation& conversation, std::string_view origin_id,
                               std::string_view sender) = 0;

  enum class ArchiveOutcome { kNoSession, kAlreadyEmpty, kArchived };
  struct Archived {
    ArchiveOutcome outcome = ArchiveOutcome::kNoSession;
    std::size_t messages = 0;
    std::string file;  // "20260302-080000.jsonl"; "-2", "-3" appended when taken
  };
  virtual Result<Archived> archive(const Conversation& conversation) = 0;  // /new
  // /forget: active history (all threads), user.md, context.md, memory.md, knowledge, files/,
  // results/; archives kept. Names of what was erased.
  virtual Result<std::vector<std::string>> forget(const Conversation& conversation) = 0;
  virtual Result<SessionStats> stats(const Conversation& conversation) = 0;
  // Sessions that were put aside, the newest first, at most sessions_listed_max.
  static constexpr std::size_t sessions_listed_max = 20;
  struct PastSession {
    std::string file;   // as in Archived
    std::string first;  // what the person said first; may be empty
    std::optional<WallTime> began;
    std::uint64_t bytes = 0;
  };
  [[nodiscard]] virtual std::vector<PastSession> past_sessions(
      const Conversation& conversation) const = 0;
  // Puts the active session aside and goes on with that one. kNotFound.
  virtual Result<Archived> resume(const Conversation& conversation, const std::string& file) = 0;

  // Same key replaces in place. A new key whose note says nearly what another one says is merged
  // with it. kTooLarge, kExhausted over the limits above.
  virtual Result<Remembered> remember(const Conversation& conversation, KnowledgeEntry entry) = 0;
  // Substring over key and content in any case (of any script); empty query: all.
  virtual Result<std::vector<KnowledgeEntry>> recall(const Conversation& conversation,
                                                     std::string_view query) = 0;
  // Takes the note of exactly that key away. False: there is none.
  virtual Result<bool> drop_note(const Conversation& conversation, std::string_view key) = 0;

  // Called after each /forget.
  virtual void on_forget(std::function<void(const Conversation&)> listener) { (void)listener; }

  [[nodiscard]] virtual std::string directory(const Conversation& conversation) const = 0;
};

// The escaped directory name of a peer.
std::string peer_directory_name(std::string_view peer);

}  // namespace skep::memory
