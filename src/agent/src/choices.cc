#include "choices.h"

#include <unistd.h>

#include <cerrno>

#include "skep/base/text.h"
#include "skep/store/append_file.h"

namespace skep::agent {
namespace {

constexpr std::size_t kFileBytesMax = 256;

std::string path_of(const memory::Memory& memory, const Conversation& conversation,
                    std::string_view file) {
  return fmt::format("{}/{}", memory.directory(conversation), file);
}

}  // namespace

std::string chosen(const memory::Memory& memory, const Conversation& conversation,
                   std::string_view file) {
  const std::string path = path_of(memory, conversation, file);
  // Mostly there is none: asked first, because an Error costs more than the question.
  if (::access(path.c_str(), F_OK) != 0) return {};
  const auto text = store::read_file(path, kFileBytesMax);
  return text ? std::string(trim(*text)) : std::string();
}

Result<void> choose(const memory::Memory& memory, const Conversation& conversation,
                    std::string_view file, std::string_view word) {
  const std::string path = path_of(memory, conversation, file);
  if (word.empty()) {
    if (::unlink(path.c_str()) != 0 && errno != ENOENT)
      return fail(errno_error("erasing " + path, errno));
    return {};
  }
  SKEP_TRY_VOID(store::make_directories(memory.directory(conversation)));
  return store::write_file(path, fmt::format("{}\n", word));
}

}  // namespace skep::agent
