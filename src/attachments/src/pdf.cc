#include "pdf.h"

#include "skep/base/log.h"
#include "skep/base/text.h"
#include "skep/sandbox/sandbox.h"

namespace skep::attachments {
namespace {

constexpr std::string_view kSeenAt = "/attachment/file.pdf";
constexpr std::string_view kPagesMax = "200";

sandbox::Limits limits(std::size_t bytes_max) {
  return {.wall = std::chrono::seconds(20),
          .grace = std::chrono::seconds(1),
          .cpu = std::chrono::seconds(15),
          .memory_bytes = 1ull << 30,
          .file_bytes = 1u << 20,
          .open_files = 32,
          .processes = 4,
          .scratch_bytes = 16u << 20,
          // Head and tail are kept; the head alone is used.
          .output_bytes = 2 * bytes_max + 4096};
}

}  // namespace

Task<Result<std::string>> pdf_text(Ctx ctx, std::string path, std::size_t bytes_max) {
  sandbox::Command command{.argv = {"pdftotext", "-q", "-enc", "UTF-8", "-nopgbrk", "-l",
                                    std::string(kPagesMax), std::string(kSeenAt), "-"},
                           .readable = {{.path = path, .at = std::string(kSeenAt)}}};
  auto outcome = co_await sandbox::run(ctx, std::move(command), limits(bytes_max));
  if (!outcome) {
    log::warn("attachments", "no text of a PDF: {}", outcome.error().to_string());
    if (outcome.error().code == Code::kNotFound)
      co_return fail(Code::kUnsupported, "PDF files cannot be read here (pdftotext is missing)");
    co_return fail(outcome.error().code, "its text could not be taken out");
  }
  const bool ended = outcome->end == sandbox::End::kExited && outcome->code == 0;
  std::string text = to_valid_utf8(outcome->out.head);
  if (outcome->out.left_out == 0) text += to_valid_utf8(outcome->out.tail);
  if (trim(text).empty()) {
    if (ended) co_return fail(Code::kUnsupported, "there is no text in it, perhaps only pictures");
    co_return fail(Code::kCorrupt, "it is damaged, locked or too large to be read");
  }
  co_return text;
}

}  // namespace skep::attachments
