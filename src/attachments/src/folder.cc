#include "folder.h"

#include <filesystem>

#include "skep/base/text.h"
#include "skep/store/append_file.h"
#include "sniff.h"

namespace skep::attachments {

namespace fs = std::filesystem;

std::optional<std::string> Folder::find(const std::string& key) const {
  std::error_code error;
  const std::string begin = safe_name(key) + "_";
  for (fs::directory_iterator entry(directory_, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (name.starts_with(begin) && !name.contains(".tmp-")) return entry->path().string();
  }
  return std::nullopt;
}

std::uint64_t Folder::size() const {
  std::uint64_t bytes = 0;
  std::error_code error;
  for (fs::directory_iterator entry(directory_, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code unknown;
    const std::uintmax_t size = entry->file_size(unknown);
    if (!unknown) bytes += size;
  }
  return bytes;
}

Result<std::string> Folder::keep(const std::string& key, const std::string& name,
                                 std::string_view bytes) const {
  if (size() + bytes.size() > bytes_max_) {
    return fail(Code::kExhausted,
                fmt::format("the files of this conversation have reached {}; /forget erases them",
                            human_size(bytes_max_)));
  }
  std::string path = fmt::format("{}/{}_{}", directory_, safe_name(key), safe_name(name));
  SKEP_TRY_VOID(store::write_file(path, bytes));
  return path;
}

}  // namespace skep::attachments
