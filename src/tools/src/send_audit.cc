#include "send_audit.h"

#include <filesystem>

#include "skep/base/log.h"
#include "skep/base/text.h"

namespace skep::tools {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPreviewBytesMax = 50;
constexpr std::string_view kSuffix = ".jsonl";

std::string stem_of(const std::string& path) {
  return path.ends_with(kSuffix) ? path.substr(0, path.size() - kSuffix.size()) : path;
}

std::string month_of(WallTime at) { return format_rfc3339(at).substr(0, 7); }

}  // namespace

// A month is gone when its last day is too old: names sort as times do.
void SendAudit::remove_old(WallTime now) const {
  const fs::path stem = stem_of(config_.audit_path);
  const std::string first = month_of(now - std::chrono::hours(24) * config_.retention_days);
  std::error_code ignored;
  for (const auto& file : fs::directory_iterator(stem.parent_path(), ignored)) {
    const std::string name = file.path().filename().string();
    const std::string prefix = stem.filename().string() + "-";
    if (!name.starts_with(prefix) || !name.ends_with(kSuffix)) continue;
    const std::string month =
        name.substr(prefix.size(), name.size() - prefix.size() - kSuffix.size());
    if (month.size() == first.size() && month < first) fs::remove(file.path(), ignored);
  }
}

Result<void> SendAudit::open_month(const std::string& month) {
  if (month == month_ && file_) return {};
  file_.reset();
  SKEP_TRY(store::AppendFile opened, store::AppendFile::open(fmt::format(
                                         "{}-{}{}", stem_of(config_.audit_path), month, kSuffix)));
  file_.emplace(std::move(opened));
  month_ = month;
  return {};
}

Result<void> SendAudit::append(const Entry& entry) {
  if (!config_.audit) return {};
  const std::string month = month_of(entry.at);
  const bool begins = month != month_;
  SKEP_TRY_VOID(open_month(month));
  if (begins) remove_old(entry.at);
  const Conversation& from = entry.conversation;
  const json::object line{
      {"timestamp", format_rfc3339(entry.at)},
      {"skill", "xmpp_send"},
      {"action", "send"},
      {"to", entry.to},
      {"body_hash", "sha256:" + hex_encode(sha256(entry.body))},
      {"body_preview", cut_utf8(entry.body, kPreviewBytesMax)},
      {"triggered_by", "user_request"},
      {"conversation_id", fmt::format("{}:{}{}{}", from.channel, from.peer,
                                      from.thread.empty() ? "" : "#", from.thread)},
      {"message_id", entry.message_id},
      {"result", entry.result}};
  return file_->append(to_json(line));
}

}  // namespace skep::tools
