// Files that people send: fetched, looked at, kept, and turned into what a model can be given.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "skep/async/pool.h"
#include "skep/async/task.h"
#include "skep/base/config.h"
#include "skep/memory/memory.h"
#include "skep/model/attached.h"
#include "skep/model/message.h"
#include "skep/net/http_client.h"

namespace skep::attachments {

// [attachments]
struct AttachmentsConfig {
  bool enabled = true;  // false: files are named to the model and not fetched
  // "host" or "host:port" of one's own upload service, which may have a private address and do
  // without TLS. Everything else must be https on a public address.
  std::vector<std::string> allowed_hosts;
  std::uint64_t file_bytes_max = 25u << 20;     // max_bytes: a larger file is not fetched
  std::uint64_t image_bytes_max = 5u << 20;     // a larger image is kept and not shown to the model
  std::size_t text_bytes_max = 40'000;          // of one file's text; the rest is left out
  std::size_t files_max = 8;                    // of one message; the others are named only
  std::uint64_t folder_bytes_max = 500u << 20;  // of one conversation; then nothing more is kept
  std::chrono::milliseconds timeout{30'000};    // of one file; all of a message: three times that
  std::string ca_file;                          // PEM; empty: the system's authorities

  // XEP-0363: the service that files of ours are sent by; empty: the server's own is looked for.
  std::string upload_service;

  static AttachmentsConfig read(ConfigSection section);
  // The guard that fetching and uploading go through.
  [[nodiscard]] net::EgressConfig egress() const;
  // https on a public address, or one of the operator's hosts. kDenied, kInvalid; the message is a
  // sentence for people. The address really connected to is looked at by the client.
  [[nodiscard]] Result<void> check_url(const std::string& url) const;
};

// What `bytes` are, by content and, among kinds of text, by name.
std::string media_type_of(std::string_view bytes, std::string_view name);

struct AttachmentsStats {
  std::uint64_t fetched = 0;
  std::uint64_t reused = 0;       // an earlier process had fetched it
  std::uint64_t too_large = 0;    // announced or found to be
  std::uint64_t forbidden = 0;    // addresses that may not be asked
  std::uint64_t unreachable = 0;  // no answer, or no success
  std::uint64_t unreadable = 0;   // fetched, and nothing a model can be given
  std::uint64_t false_hash = 0;   // not the content that was announced
};

struct AttachmentsDeps {
  Loop& loop;
  Pool& pool;
  const memory::Memory& memory;
  std::string user_agent = "skep";
};

// Loop thread only; close nothing while take() runs.
class Attachments {
 public:
  static Result<std::unique_ptr<Attachments>> open(AttachmentsConfig config, AttachmentsDeps deps);
  virtual ~Attachments() = default;
  // What became of each FilePart of `message`, in their order. Fetched files stand in the
  // conversation's folder under the message's id, so that the same message asked again (after a
  // kill) is not fetched twice. Ends with the Ctx: files without an answer then say so.
  virtual Task<std::vector<AttachedFile>> take(Ctx ctx, Message message) = 0;
  // What lies at `url`, by the same rules: at most `bytes_max`, and never more than [attachments]
  // allows. The message of a failure is a sentence without the URL.
  virtual Task<Result<std::string>> fetch(Ctx ctx, std::string url, std::uint64_t bytes_max) = 0;
  // The guarded client, for uploads.
  [[nodiscard]] virtual net::HttpClient& http() = 0;
  [[nodiscard]] virtual const AttachmentsConfig& config() const = 0;
  [[nodiscard]] virtual AttachmentsStats stats() const = 0;
};

}  // namespace skep::attachments
