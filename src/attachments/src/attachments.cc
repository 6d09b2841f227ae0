#include "skep/attachments/attachments.h"

#include "fetch.h"
#include "folder.h"
#include "pdf.h"
#include "skep/base/log.h"
#include "skep/base/text.h"
#include "skep/store/append_file.h"
#include "sniff.h"

namespace skep::attachments {
namespace {

constexpr int kTimesOneFile = 3;      // the deadline of all of a message's files together
constexpr std::size_t kTextsMax = 3;  // texts of full length in one message

// What a pool thread found out about a file.
struct Looked {
  Sniffed what;
  std::string sha256;
  std::string path;  // where it is kept; empty: it is not
  Error not_kept;
  std::string bytes;
};

struct Job {
  FilePart file;
  std::string key;
  Folder folder;
};

Looked look(const Job& job, Fetched fetched, bool keep) {
  Looked out{.what = sniff(fetched.bytes, job.file.filename,
                           job.file.media_type.empty() ? fetched.media_type : job.file.media_type),
             .sha256 = hex_encode(sha256(fetched.bytes))};
  const bool as_announced = job.file.sha256.empty() || job.file.sha256 == out.sha256;
  if (keep && as_announced) {
    auto path = job.folder.keep(job.key, job.file.filename, fetched.bytes);
    if (path) {
      out.path = *std::move(path);
    } else {
      out.not_kept = path.error();
    }
  }
  out.bytes = std::move(fetched.bytes);
  return out;
}

std::string cut(std::string text, std::size_t bytes_max, std::string& note) {
  if (text.size() <= bytes_max) return text;
  const std::string_view kept = cut_utf8(text, bytes_max);
  note = fmt::format("only its first {} are shown", human_size(kept.size()));
  return std::string(kept);
}

class AttachmentsImpl final : public Attachments {
 public:
  AttachmentsImpl(AttachmentsConfig config, AttachmentsDeps deps,
                  std::unique_ptr<net::HttpClient> http)
      : config_(std::move(config)), deps_(std::move(deps)), http_(std::move(http)) {}

  Task<std::vector<AttachedFile>> take(Ctx ctx, Message message) override {
    const Ctx bounded = ctx.within(config_.timeout * kTimesOneFile);
    const std::string directory = deps_.memory.directory(message.conversation) + "/files";
    std::size_t text_left = config_.text_bytes_max * kTextsMax;
    std::vector<AttachedFile> out;
    for (const Part& part : message.parts) {
      const auto* file = std::get_if<FilePart>(&part);
      if (file == nullptr) continue;
      Job job{.file = *file,
              .key = fmt::format("{}.{}", message.id.str(), out.size()),
              .folder = Folder(directory, config_.folder_bytes_max)};
      AttachedFile one{.file = *file};
      if (!config_.enabled) {
        one.note = "files are not fetched here ([attachments] enabled)";
      } else if (out.size() >= config_.files_max) {
        one.note = fmt::format("only {} files of one message are read", config_.files_max);
      } else {
        one = co_await take_one(bounded, std::move(job), text_left);
      }
      text_left -= std::min(text_left, one.text.size());
      out.push_back(std::move(one));
    }
    co_return out;
  }

  Task<Result<std::string>> fetch(Ctx ctx, std::string url, std::uint64_t bytes_max) override {
    AttachmentsConfig config = config_;
    config.file_bytes_max = std::min(config.file_bytes_max, bytes_max);
    auto fetched = co_await attachments::fetch(std::move(ctx), *http_, config, std::move(url));
    if (!fetched) {
      count(fetched.error().code);
      co_return fail(fetched.error());
    }
    ++stats_.fetched;
    co_return std::move(fetched->bytes);
  }

  net::HttpClient& http() override { return *http_; }
  const AttachmentsConfig& config() const override { return config_; }
  AttachmentsStats stats() const override { return stats_; }

 private:
  Task<AttachedFile> take_one(Ctx ctx, Job job, std::size_t text_left) {
    AttachedFile out{.file = job.file};
    if (job.file.size_bytes > config_.file_bytes_max) {
      ++stats_.too_large;
      out.note = fmt::format("it is larger than {}", human_size(config_.file_bytes_max));
      co_return out;
    }
    bool reused = false;
    auto bytes = co_await bytes_of(ctx, job, reused);
    if (!bytes) {
      count(bytes.error().code);
      log::info("attachments", "a file is not read: {}", bytes.error().to_string());
      out.note = bytes.error().message;
      co_return out;
    }
    Fetched fetched = std::move(*bytes);
    auto looked =
        co_await deps_.pool.run(ctx, [job, fetched = std::move(fetched), reused]() mutable {
          return look(job, std::move(fetched), !reused);
        });
    if (!looked) {
      ++stats_.unreadable;
      out.note = "there is too much to do to read it now";
      co_return out;
    }
    Looked found = std::move(*looked);
    if (reused) {
      auto path = job.folder.find(job.key);
      found.path = path.value_or("");
    }
    ++(reused ? stats_.reused : stats_.fetched);
    co_await give(ctx, std::move(found), text_left, out);
    if (!out.image && out.text.empty()) ++stats_.unreadable;
    co_return out;
  }

  // From the folder, where a process before this one may have put it, else from the network.
  Task<Result<Fetched>> bytes_of(Ctx ctx, Job job, bool& reused) {
    const std::size_t bytes_max = config_.file_bytes_max;
    auto kept = co_await deps_.pool.run(ctx, [job, bytes_max]() -> std::optional<std::string> {
      const auto path = job.folder.find(job.key);
      auto bytes = path ? store::read_file(*path, bytes_max)
                        : Result<std::string>(fail(Code::kNotFound, "none"));
      return bytes ? std::optional(*std::move(bytes)) : std::nullopt;
    });
    if (kept && *kept) {
      reused = true;
      co_return Fetched{.bytes = **std::move(kept), .media_type = {}};
    }
    co_return co_await attachments::fetch(std::move(ctx), *http_, config_, job.file.url);
  }

  Task<void> give(Ctx ctx, Looked found, std::size_t text_left, AttachedFile& out) {
    if (!out.file.sha256.empty() && out.file.sha256 != found.sha256) {
      ++stats_.false_hash;
      out.note = "its content is not what was announced";
      co_return;
    }
    out.file.media_type = found.what.media_type;
    out.file.size_bytes = found.bytes.size();
    out.file.sha256 = found.sha256;
    const std::size_t text_max = std::min(config_.text_bytes_max, text_left);
    if (found.bytes.empty()) {
      out.note = "it is empty";
    } else if (found.what.sort == Sort::kImage) {
      give_image(std::move(found), out);
    } else if (found.what.sort == Sort::kText) {
      out.text = cut(std::move(found.bytes), text_max, out.note);
    } else if (found.what.sort == Sort::kPdf) {
      co_await give_pdf(std::move(ctx), std::move(found), text_max, out);
    } else {
      out.note = fmt::format("files of the type {} cannot be read", found.what.media_type);
    }
  }

  void give_image(Looked found, AttachedFile& out) const {
    if (found.bytes.size() > config_.image_bytes_max) {
      out.note = fmt::format("images over {} are not shown", human_size(config_.image_bytes_max));
      return;
    }
    out.image = ImagePart{found.what.media_type, std::move(found.bytes)};
  }

  static Task<void> give_pdf(Ctx ctx, Looked found, std::size_t text_max, AttachedFile& out) {
    if (found.path.empty()) {
      out.note = found.not_kept.message;
      co_return;
    }
    auto text = co_await pdf_text(std::move(ctx), found.path, text_max);
    if (!text) {
      out.note = text.error().message;
      co_return;
    }
    out.text = cut(*std::move(text), text_max, out.note);
  }

  void count(Code code) {
    if (code == Code::kTooLarge) {
      ++stats_.too_large;
    } else if (code == Code::kDenied) {
      ++stats_.forbidden;
    } else {
      ++stats_.unreachable;
    }
  }

  AttachmentsConfig config_;
  AttachmentsDeps deps_;
  std::unique_ptr<net::HttpClient> http_;
  AttachmentsStats stats_;
};

}  // namespace

Result<std::unique_ptr<Attachments>> Attachments::open(AttachmentsConfig config,
                                                       AttachmentsDeps deps) {
  net::HttpClient::Deps http{
      .loop = deps.loop, .guard = net::EgressGuard(config.egress()), .user_agent = deps.user_agent};
  SKEP_TRY(auto client, net::HttpClient::open(std::move(http)));
  return std::make_unique<AttachmentsImpl>(std::move(config), std::move(deps), std::move(client));
}

}  // namespace skep::attachments
