#include "audit_head.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>

#include "audit_lines.h"
#include "skep/base/id.h"
#include "skep/base/json.h"
#include "skep/base/log.h"
#include "skep/base/text.h"
#include "skep/store/append_file.h"

namespace skep::authority {
namespace {

constexpr std::size_t kKeyBytes = 32;
constexpr std::size_t kFileBytesMax = 4096;  // of head and key
constexpr std::chrono::seconds kPause{1};

std::string mac_of(const AuditHead& head, const Secret& key) {
  const std::string text =
      fmt::format("skep audit head 1\n{}\n{}\n{}", head.seq, head.offset, head.hash);
  const std::string_view secret = key.reveal();
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data(), &size);
  return hex_encode({reinterpret_cast<const char*>(digest.data()), size});
}

std::unexpected<Error> missing(const std::string& path) {
  return fail(Code::kCorrupt, fmt::format("{} is missing", path));
}

bool exists(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

bool holds_lines(const std::string& path) {
  std::error_code ignored;
  const auto size = std::filesystem::file_size(path, ignored);
  return !ignored && size > 0;
}

}  // namespace

Result<void> sync_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return fail(errno_error("opening " + path, errno));
  const int failed = ::fdatasync(fd) == 0 ? 0 : errno;
  ::close(fd);
  if (failed != 0) return fail(errno_error("syncing " + path, failed));
  return {};
}

std::string head_text(const AuditHead& head, const Secret& key) {
  return to_json(json::object{{"seq", head.seq},
                              {"offset", head.offset},
                              {"hash", head.hash},
                              {"mac", mac_of(head, key)}}) +
         "\n";
}

Result<AuditHead> parse_head(std::string_view text, const Secret& key) {
  const auto value = parse_json(trim(text), {.bytes_max = kFileBytesMax, .depth_max = 2});
  if (!value) return fail(Code::kCorrupt, "the head of the audit log cannot be read");
  AuditHead head{.seq = static_cast<std::uint64_t>(get_int(*value, "seq").value_or(-1)),
                 .offset = static_cast<std::uint64_t>(get_int(*value, "offset").value_or(-1)),
                 .hash = std::string(get_string(*value, "hash"))};
  if (!equal_in_constant_time(mac_of(head, key), get_string(*value, "mac")))
    return fail(Code::kCorrupt, "the head of the audit log was not written with its key");
  return head;
}

Result<Secret> read_key(const AuditPaths& paths) {
  SKEP_TRY(std::string text, store::read_file(paths.key, kFileBytesMax));
  auto bytes = hex_decode(trim(text));
  wipe(text);
  if (!bytes || bytes->size() != kKeyBytes)
    return fail(Code::kCorrupt, fmt::format("{} is no key of an audit log", paths.key));
  return Secret(*std::move(bytes));
}

Result<Secret> make_key(const AuditPaths& paths) {
  Secret key(random_bytes(kKeyBytes));
  SKEP_TRY_VOID(store::make_directories(std::filesystem::path(paths.key).parent_path()));
  std::string text = hex_encode(key.reveal()) + "\n";
  const auto written = store::write_file(paths.key, text, store::Sync::kDisk);
  wipe(text);
  if (!written) return fail(written.error());
  return key;
}

Result<std::optional<AuditHead>> read_head(const AuditPaths& paths) {
  const bool has_head = exists(paths.head);
  SKEP_TRY(const std::vector<std::string> files, audit_files(paths.log));
  if (!has_head && std::ranges::none_of(files, holds_lines)) return std::nullopt;
  if (!has_head) return missing(paths.head);
  if (!exists(paths.key)) return missing(paths.key);
  SKEP_TRY(const Secret key, read_key(paths));
  SKEP_TRY(const std::string text, store::read_file(paths.head, kFileBytesMax));
  SKEP_TRY(AuditHead head, parse_head(text, key));
  return head;
}

HeadKeeper::~HeadKeeper() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
}

void HeadKeeper::set(AuditHead head) {
  bool wake =
      false;  // a thread that pauses sees it by itself, and waking it costs each entry two switches
  {
    const std::scoped_lock lock(mutex_);
    newest_ = std::move(head);
    wake = std::exchange(idle_, false);
  }
  if (wake) changed_.notify_one();
  if (thread_.joinable()) return;
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void HeadKeeper::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (true) {
    idle_ = !newest_;
    changed_.wait(lock, stop, [this] { return newest_.has_value(); });
    idle_ = false;
    if (!newest_) return;  // asked to stop, and nothing is left
    const AuditHead head = *std::exchange(newest_, std::nullopt);
    lock.unlock();
    write(head);
    lock.lock();
    changed_.wait_for(lock, stop, kPause, [] { return false; });
  }
}

void HeadKeeper::write(const AuditHead& head) {
  Result<void> written = sync_file(paths_.log);
  if (written) written = store::write_file(paths_.head, head_text(head, key_));
  if (!written && !failing_)
    log::error("audit", "the head of the log cannot be written: {}", written.error().to_string());
  failing_ = !written;
}

}  // namespace skep::authority
