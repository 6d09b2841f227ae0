#include "journal_move.h"

#include <filesystem>

#include "conversation_rules.h"
#include "skep/base/json.h"
#include "skep/base/log.h"
#include "skep/store/append_file.h"

namespace skep::kernel {
namespace {

// Kinds of entries, and sets of remembered keys, as the rooms name them (docs/journal.md).
struct Belongings {
  std::vector<std::string> kinds, sets;
};

constexpr std::string_view kApprovals = "approval";

std::string node_of_agent(const KernelConfig& config) {
  return std::string(Name::from_label(NodeType::kAgent, config.agent.name, config.hive).base());
}

Belongings belongings_of(const KernelConfig& config, NodeKind kind) {
  if (kind == NodeKind::kAgent) {
    const std::string name = node_of_agent(config);
    return {{"turn", std::string(kApprovals), "link:" + name}, {"link:" + name}};
  }
  Belongings all;
  std::vector<channels::XmppChannelConfig> channels = config.xmpp_accounts;
  channels.emplace_back();  // that of [server] has no label
  for (const channels::XmppChannelConfig& one : channels) {
    const std::string suffix = one.label.empty() ? "" : "@" + one.label;  // store::NamedJournal
    const std::string link = "link:" + xmpp_node_name(one);
    for (const char* of : {"out", "room-out", "deferred", "awaited", "long-reply"})
      all.kinds.push_back(of + suffix);
    for (const char* of : {"seen", "seen-rooms", "seen-pubsub", "pubsub-begun", "sent", "drafts"})
      all.sets.push_back(of + suffix);
    all.kinds.push_back(link);
    all.sets.push_back(link);
  }
  return all;
}

// Questions of other agents stay with those.
bool is_of_another(const KernelConfig& config, const store::JournalEntry& entry) {
  if (entry.kind != kApprovals) return false;
  const auto record = parse_json(entry.steps.at(0));
  if (!record) return false;
  for (const char* what : {"question", "choice"}) {
    if (const json::value* found = get_member(*record, what))
      return get_string(*found, "agent") != node_of_agent(config);
  }
  return false;
}

// Whole in `to` before it ends in `from`; a piece that a killed predecessor left there is replaced.
Result<void> move_entry(store::Journal& from, store::Journal& to,
                        const store::JournalEntry& entry) {
  if (to.contains(entry.id)) SKEP_TRY_VOID(to.end(entry.id));
  for (std::size_t i = 0; i < entry.steps.size(); ++i) {
    SKEP_TRY_VOID(i == 0 ? to.begin(entry.kind, entry.id, entry.steps[0])
                         : to.step(entry.id, entry.steps[i]));
  }
  return from.end(entry.id);
}

Result<void> move_entries(const KernelConfig& config, store::Journal& from, store::Journal& to,
                          const Belongings& what) {
  std::size_t moved = 0;
  for (const std::string& kind : what.kinds) {
    for (const store::JournalEntry& entry : from.unfinished(kind)) {
      if (is_of_another(config, entry)) continue;
      SKEP_TRY_VOID(move_entry(from, to, entry));
      ++moved;
    }
  }
  if (moved > 0) log::info("nodes", "{} unfinished messages have moved with their node", moved);
  return {};
}

Result<void> copy_keys(store::Journal& from, store::Journal& to, const Belongings& what) {
  for (const std::string& set : what.sets) {
    for (const std::string& key : from.remembered(set)) SKEP_TRY_VOID(to.remember(set, key));
  }
  return {};
}

}  // namespace

Result<void> hand_journal_over(const KernelConfig& config, NodeKind kind, store::Journal& ours) {
  auto theirs =
      store::Journal::open({.directory = node_journal(config.home, kind), .sync = config.sync});
  if (!theirs && theirs.error().code == Code::kConflict) return {};
  if (!theirs) return fail(std::move(theirs).error());
  const Belongings what = belongings_of(config, kind);
  // Keys once: later it is the node that knows which are old.
  const std::string done = node_directory(config.home, kind) + "/moved";
  if (!std::filesystem::exists(done)) {
    SKEP_TRY_VOID(copy_keys(ours, **theirs, what));
    SKEP_TRY_VOID(store::write_file(done, "its keys are in its own journal\n"));
  }
  return move_entries(config, ours, **theirs, what);
}

Result<void> take_journal_back(const KernelConfig& config, NodeKind kind, store::Journal& ours) {
  const std::string directory = node_directory(config.home, kind);
  if (!std::filesystem::exists(directory)) return {};
  SKEP_TRY(const HomeLock lock, HomeLock::take(directory));
  {
    SKEP_TRY(auto theirs, store::Journal::open(
                              {.directory = node_journal(config.home, kind), .sync = config.sync}));
    const Belongings what = belongings_of(config, kind);
    SKEP_TRY_VOID(copy_keys(*theirs, ours, what));
    SKEP_TRY_VOID(move_entries(config, *theirs, ours, what));
  }
  std::error_code error;
  std::filesystem::remove_all(directory, error);
  if (error) return fail(errno_error("removing " + directory, error.value()));
  return {};
}

}  // namespace skep::kernel
