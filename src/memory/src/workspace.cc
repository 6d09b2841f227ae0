#include "workspace.h"

#include <unistd.h>

#include <array>
#include <cerrno>

#include "skep/base/log.h"
#include "skep/base/text.h"
#include "skep/store/append_file.h"

namespace skep::memory {
namespace {

// A longer text is not used at all: half an instruction can mean its opposite.
constexpr std::size_t kTextBytesMax = 256u << 10;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

struct Resolved {
  std::string text;
  bool is_override = false;
};

Resolved resolve(const std::string& root, const std::string& peer_directory,
                 const std::string& file) {
  if (std::string text = read_text(peer_directory + "/" + file); !text.empty()) {
    return {std::move(text), true};
  }
  return {read_text(root + "/" + file), false};
}

}  // namespace

std::string read_text(const std::string& path) {
  // Most of these files are not there: asked first, because an Error costs more than the question.
  if (::access(path.c_str(), F_OK) != 0 && errno == ENOENT) return {};
  auto content = store::read_file(path, kTextBytesMax);
  if (!content) {
    if (content.error().code != Code::kNotFound) {
      log::warn("memory", "{} is not used: {}", path, content.error().message);
    }
    return {};
  }
  std::string_view text = *content;
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  return to_valid_utf8(trim(text));
}

WorkspaceTexts read_workspace(const std::string& root, const std::string& peer_directory) {
  WorkspaceTexts texts;
  const auto take = [&](const char* file, std::string& text, bool& own) {
    Resolved found = resolve(root, peer_directory, file);
    text = std::move(found.text);
    own = found.is_override;
  };
  take("identity.md", texts.identity, texts.own_identity);
  take("personality.md", texts.personality, texts.own_personality);
  take("instructions.md", texts.instructions, texts.own_instructions);
  texts.profile = read_text(peer_directory + "/user.md");
  if (texts.profile.empty()) texts.profile = read_text(peer_directory + "/context.md");
  texts.memory = read_text(peer_directory + "/memory.md");
  return texts;
}

std::vector<std::string> resolved_files(const std::string& root,
                                        const std::string& peer_directory) {
  std::vector<std::string> names;
  for (const char* file : {"identity.md", "personality.md", "instructions.md"}) {
    const Resolved found = resolve(root, peer_directory, file);
    if (found.text.empty()) continue;
    names.push_back(found.is_override ? fmt::format("{} (override)", file) : file);
  }
  return names;
}

}  // namespace skep::memory
