#include "node_id_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>

#include "skep/base/text.h"

namespace skep::fabric {
namespace {

std::uint64_t fnv1a(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

Result<void> write_whole(const std::string& path, const std::string& text) {
  const std::string fresh = fmt::format("{}.{}.new", path, ::getpid());
  const int fd = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return fail(errno_error("writing " + fresh, errno));
  const bool whole = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
                     ::fsync(fd) == 0;
  const int error = errno;
  ::close(fd);
  if (!whole) return fail(errno_error("writing " + fresh, error));
  if (::rename(fresh.c_str(), path.c_str()) == 0) return {};
  return fail(errno_error("renaming " + fresh, errno));
}

}  // namespace

Result<NodeId> kept_node_id(const std::string& directory, std::string_view base_name) {
  const std::string ids = directory + "/ids";
  std::error_code error;
  std::filesystem::create_directories(ids, error);
  if (error) return fail(errno_error("making " + ids, error.value()));
  const std::string path = fmt::format("{}/{}.uuid", ids, base_name);
  std::ifstream file(path);
  std::string line;
  if (file && std::getline(file, line)) {
    auto id = Uuid::parse(trim(line));
    if (id) return NodeId{*id};
    return fail(Code::kCorrupt, fmt::format("{} holds no UUID; remove it to get a new id", path));
  }
  const NodeId fresh{Uuid::random()};
  SKEP_TRY_VOID(write_whole(path, fresh.uuid.str() + "\n"));
  return fresh;
}

std::vector<std::string> router_sockets(const std::string& directory, std::string_view base_name) {
  std::vector<std::string> paths;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    const std::string name = entry.path().filename().string();
    if (name.ends_with(".sock") && !name.starts_with("peer-"))
      paths.push_back(entry.path().string());
  }
  std::ranges::sort(paths);
  if (paths.size() > 1) {
    const auto first = static_cast<std::ptrdiff_t>(fnv1a(base_name) % paths.size());
    std::ranges::rotate(paths, paths.begin() + first);
  }
  return paths;
}

}  // namespace skep::fabric
