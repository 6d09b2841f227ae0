#include "skep/tools/result_store.h"

#include <algorithm>
#include <filesystem>

#include "skep/base/text.h"
#include "skep/store/append_file.h"
#include "spec.h"

namespace skep::tools {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kHandleBytes = 8;  // 16 hex digits
constexpr std::int64_t kPieceBytes = 20'000;
constexpr std::int64_t kPieceBytesMax = 40'000;
constexpr std::int64_t kBeforeMatch = 500;  // bytes shown in front of what was looked for

bool is_handle(std::string_view text) {
  return text.size() == 2 * kHandleBytes && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

// The oldest files go until `wanted` more bytes fit.
void make_room(const fs::path& folder, std::uintmax_t wanted) {
  struct File {
    fs::path path;
    fs::file_time_type written;
    std::uintmax_t bytes = 0;
  };
  std::vector<File> files;
  std::uintmax_t held = 0;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    std::error_code gone;
    const File file{entry.path(), entry.last_write_time(gone), entry.file_size(gone)};
    if (gone) continue;
    held += file.bytes;
    files.push_back(file);
  }
  std::ranges::sort(files, {}, &File::written);
  for (const File& file : files) {
    if (held + wanted <= ResultStore::folder_bytes_max) return;
    fs::remove(file.path, error);
    held -= file.bytes;
  }
}

class ResultRead final : public Tool {
 public:
  explicit ResultRead(const ResultStore& store)
      : spec_(make_spec("result_read", "Read on in a cut tool result, by the handle in its note.",
                        R"({"handle":{"type":"string"},"offset":{"type":"integer","minimum":0},)"
                        R"("bytes":{"type":"integer","minimum":1,"maximum":40000},)"
                        R"("find":{"type":"string","description":"text to begin at"}})",
                        {"handle"})),
        store_(store) {}
  [[nodiscard]] const llm::ToolSpec& spec() const override { return spec_; }
  [[nodiscard]] bool repeatable() const override { return true; }
  [[nodiscard]] bool side_by_side() const override { return true; }
  // Any tool's text may be in there.
  [[nodiscard]] authority::Labels taint() const override {
    authority::Labels labels;
    return labels |= authority::Label::kExternalNetwork;
  }

  Task<ToolOutput> call(ToolContext context, json::object arguments) override {
    const json::value given(std::move(arguments));
    auto text = store_.read(context.conversation, get_string(given, "handle"));
    if (!text) co_return ToolOutput{fmt::format("Not read: {}.", text.error().message), true};
    co_return piece(*text, given);
  }

 private:
  static ToolOutput piece(std::string_view text, const json::value& arguments) {
    std::size_t at = static_cast<std::size_t>(get_int(arguments, "offset").value_or(0));
    if (at >= text.size()) return {fmt::format("The text ends at {} bytes.", text.size()), true};
    if (const std::string_view find = get_string(arguments, "find"); !find.empty()) {
      const std::size_t found = text.find(find, at);
      if (found == std::string_view::npos)
        return {fmt::format("\"{}\" does not occur after byte {}.", cut_utf8(find, 100), at), true};
      at = std::max(at, found - std::min<std::size_t>(found, kBeforeMatch));
    }
    while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80) ++at;
    const std::int64_t wanted =
        std::min(get_int(arguments, "bytes").value_or(kPieceBytes), kPieceBytesMax);
    const std::string_view shown = cut_utf8(text.substr(at), static_cast<std::size_t>(wanted));
    return {fmt::format("[bytes {} to {} of {}]\n{}", at, at + shown.size(), text.size(), shown),
            false};
  }

  llm::ToolSpec spec_;
  const ResultStore& store_;
};

}  // namespace

Result<std::string> ResultStore::keep(const Conversation& conversation,
                                      std::string_view text) const {
  text = cut_utf8(text, text_bytes_max);
  const std::string handle = hex_encode(sha256(text).substr(0, kHandleBytes));
  const fs::path folder = fs::path(folder_(conversation)) / "results";
  const fs::path path = folder / (handle + ".txt");
  std::error_code error;
  if (fs::exists(path, error)) return handle;
  SKEP_TRY_VOID(store::make_directories(folder.string()));
  make_room(folder, text.size());
  SKEP_TRY_VOID(store::write_file(path.string(), text));
  return handle;
}

Result<std::string> ResultStore::read(const Conversation& conversation,
                                      std::string_view handle) const {
  if (!is_handle(handle)) return fail(Code::kInvalid, "that is no handle of a result");
  const std::string path =
      fmt::format("{}/results/{}.txt", folder_(conversation), std::string(handle));
  auto text = store::read_file(path, text_bytes_max);
  if (!text && text.error().code == Code::kNotFound)
    return fail(Code::kNotFound, "there is no such result (any more)");
  return text;
}

std::unique_ptr<Tool> make_result_read(const ResultStore& store) {
  return std::make_unique<ResultRead>(store);
}

}  // namespace skep::tools
