#include "file_tree.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <climits>
#include <cstdlib>

#include "landlock.h"
#include "skep/base/text.h"

namespace skep::sandbox {
namespace {

constexpr std::string_view kSystemFolders[] = {"/usr",   "/bin",   "/sbin",  "/lib",
                                               "/lib32", "/lib64", "/libx32"};
constexpr std::string_view kSystemFiles[] = {
    "/etc/alternatives", "/etc/ca-certificates", "/etc/ld.so.cache", "/etc/ld.so.conf",
    "/etc/ld.so.conf.d", "/etc/localtime",       "/etc/magic",       "/etc/mime.types",
    "/etc/ssl/certs",    "/etc/ssl/openssl.cnf", "/etc/timezone"};
constexpr std::string_view kNetworkFiles[] = {"/etc/gai.conf",    "/etc/host.conf",
                                              "/etc/hosts",       "/etc/protocols",
                                              "/etc/resolv.conf", "/etc/services"};
constexpr std::string_view kDevices[] = {"/dev/full", "/dev/null", "/dev/random", "/dev/urandom",
                                         "/dev/zero"};
constexpr std::string_view kOwn[] = {"/usr",    "/bin", "/sbin", "/lib", "/lib32", "/lib64",
                                     "/libx32", "/etc", "/proc", "/dev", "/sys",   "/oldroot"};

// Absolute, no "." or "..", no doubled or trailing slash, printable.
bool is_plain(std::string_view path) {
  if (!path.starts_with('/') || path.size() < 2 || path.size() >= PATH_MAX) return false;
  for (const std::string_view step : split(path.substr(1), '/')) {
    if (step.empty() || step == "." || step == "..") return false;
  }
  return path.find('\0') == std::string_view::npos;
}

bool is_within(std::string_view path, std::string_view folder) {
  return path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/');
}

class FileTree {
 public:
  FileTree(Plan& plan, int abi) : plan_(plan), abi_(abi) {}

  void folder(std::string_view at) {
    for (std::size_t slash = 1; (slash = at.find('/', slash)) != std::string_view::npos; ++slash)
      step({FileStep::kFolder, "", std::string(at.substr(0, slash)), ""});
    step({FileStep::kFolder, "", std::string(at), ""});
  }

  // `from` may be a link (as /bin is today, or /etc/localtime): a link to within the system stays
  // one.
  void system(std::string_view path) {
    const std::string from(path);
    struct stat info{};
    if (lstat(from.c_str(), &info) != 0) return;
    char target[PATH_MAX];
    if (S_ISLNK(info.st_mode)) {
      const ssize_t size = readlink(from.c_str(), target, sizeof target);
      std::string to = size > 0 ? std::string(target, static_cast<std::size_t>(size)) : "";
      const bool stays = is_within(to, "/usr") || to.starts_with("usr/");
      if (stays) return step({FileStep::kSymlink, "", from, std::move(to)});
    }
    std::ignore = bind({from, from}, false);
  }

  Result<void> bind(const Place& place, bool writable) {
    char real[PATH_MAX];
    if (realpath(place.path.c_str(), real) == nullptr)
      return fail(Code::kInvalid, errno_error(place.path, errno).message);
    struct stat info{};
    if (stat(real, &info) != 0) return fail(Code::kInvalid, errno_error(real, errno).message);
    const bool is_folder = S_ISDIR(info.st_mode);
    if (!is_folder && !S_ISREG(info.st_mode))
      return fail(Code::kInvalid, place.path + " is neither a folder nor a file");
    if (const auto slash = place.at.rfind('/'); slash != 0) folder(place.at.substr(0, slash));
    step({writable ? FileStep::kBindWritable : FileStep::kBindReadOnly, real, place.at, "",
          is_folder});
    const std::uint64_t access =
        is_folder ? (writable ? landlock::write_folder(abi_) : landlock::read_folder(abi_))
                  : (writable ? landlock::write_file(abi_) : landlock::read_file(abi_));
    rule(place.at, access);
    return {};
  }

  void device(std::string_view path) {
    step({FileStep::kBindDevice, std::string(path), std::string(path), "", false});
    rule(path, landlock::write_file(abi_));
  }

  void scratch(std::string_view at, std::uint64_t bytes) {
    folder(at);
    // Files in memory cost inodes too, which `size` does not count.
    constexpr std::uint64_t kBytesPerInode = 4096;
    step({FileStep::kScratch, "", std::string(at),
          fmt::format("mode=1777,size={},nr_inodes={}", bytes, bytes / kBytesPerInode + 16)});
    rule(at, landlock::write_folder(abi_));
  }

  void step(FileStep step) { plan_.files.push_back(std::move(step)); }
  void rule(std::string_view at, std::uint64_t access) {
    plan_.rules.push_back({std::string(at), access});
  }

 private:
  Plan& plan_;
  int abi_;
};

Result<Place> checked(Place place) {
  if (place.at.empty()) place.at = place.path;
  for (const std::string& path : {place.path, place.at}) {
    if (!is_plain(path))
      return fail(Code::kInvalid, fmt::format("\"{}\" is no plain absolute path", path));
  }
  for (const std::string_view own : kOwn) {
    if (is_within(place.at, own))
      return fail(Code::kInvalid,
                  fmt::format("{} is the sandbox's own; show the place elsewhere", place.at));
  }
  return place;
}

void add_system(FileTree& tree, Network network) {
  for (const std::string_view path : kSystemFolders) tree.system(path);
  tree.folder("/etc");
  for (const std::string_view path : kSystemFiles) tree.system(path);
  tree.step({FileStep::kText, "", "/etc/passwd", "sandbox:x:1000:1000:sandbox:/tmp:/bin/sh\n"});
  tree.step({FileStep::kText, "", "/etc/group", "sandbox:x:1000:\n"});
  tree.step({FileStep::kText, "", "/etc/nsswitch.conf",
             "passwd: files\ngroup: files\nhosts: files dns\n"});
  if (network == Network::kHost) {
    for (const std::string_view path : kNetworkFiles) tree.system(path);
  }
}

void add_devices(FileTree& tree, std::uint64_t scratch_bytes) {
  tree.folder("/dev");
  for (const std::string_view path : kDevices) tree.device(path);
  tree.step({FileStep::kSymlink, "", "/dev/fd", "/proc/self/fd"});
  tree.step({FileStep::kSymlink, "", "/dev/stdin", "/proc/self/fd/0"});
  tree.step({FileStep::kSymlink, "", "/dev/stdout", "/proc/self/fd/1"});
  tree.step({FileStep::kSymlink, "", "/dev/stderr", "/proc/self/fd/2"});
  tree.scratch("/dev/shm", scratch_bytes / 2);
}

}  // namespace

Result<void> plan_files(const Command& command, const Limits& limits, Plan& plan) {
  FileTree tree(plan, plan.landlock_abi);
  add_system(tree, command.network);
  add_devices(tree, limits.scratch_bytes);
  tree.folder("/proc");
  tree.step({FileStep::kProc, "", "/proc", ""});
  tree.rule("/proc", landlock::read_folder(plan.landlock_abi));
  for (const std::string_view path : {"/etc/passwd", "/etc/group", "/etc/nsswitch.conf"})
    tree.rule(path, landlock::read_file(plan.landlock_abi));
  tree.scratch("/tmp", limits.scratch_bytes / 2);
  for (const Place& asked : command.readable) {
    SKEP_TRY(const Place place, checked(asked));
    SKEP_TRY_VOID(tree.bind(place, false));
  }
  for (const Place& asked : command.writable) {
    SKEP_TRY(const Place place, checked(asked));
    SKEP_TRY_VOID(tree.bind(place, true));
  }
  return {};
}

}  // namespace skep::sandbox
