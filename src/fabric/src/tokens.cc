// tokens.json: [{"sha256","pattern","label","system"}]; the token itself is nowhere.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "glob.h"
#include "skep/base/json.h"
#include "skep/base/secret.h"
#include "skep/base/text.h"
#include "skep/fabric/node_server.h"

namespace skep::fabric {
namespace {

constexpr std::size_t kTokensMax = 4'096;
constexpr std::size_t kFileBytesMax = 4u << 20;

std::string path_in(const std::string& directory) { return directory + "/tokens.json"; }

Result<std::string> read_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    if (errno == ENOENT) return std::string();
    return fail(errno_error("opening " + path, errno));
  }
  std::string text;
  char buffer[16'384];
  ssize_t got = 0;
  while ((got = ::read(fd, buffer, sizeof buffer)) > 0 && text.size() <= kFileBytesMax)
    text.append(buffer, static_cast<std::size_t>(got));
  const int error = errno;
  ::close(fd);
  if (got < 0) return fail(errno_error("reading " + path, error));
  if (text.size() > kFileBytesMax) return fail(Code::kTooLarge, path + " is larger than 4 MB");
  return text;
}

Result<json::array> read_tokens(const std::string& directory) {
  SKEP_TRY(const std::string text, read_file(path_in(directory)));
  if (text.empty()) return json::array();
  SKEP_TRY(json::value value, parse_json(text));
  if (!value.is_array()) return fail(Code::kCorrupt, path_in(directory) + " is no array of tokens");
  return std::move(value.as_array());
}

Result<void> write_tokens(const std::string& directory, const json::array& tokens) {
  const std::string path = path_in(directory), fresh = path + ".new";
  const int fd = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return fail(errno_error("writing " + fresh, errno));
  const std::string text = to_json(tokens) + "\n";
  const bool whole = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
                     ::fsync(fd) == 0;
  const int error = errno;
  ::close(fd);
  if (!whole) return fail(errno_error("writing " + fresh, error));
  if (::rename(fresh.c_str(), path.c_str()) != 0)
    return fail(errno_error("renaming " + fresh, errno));
  return {};
}

// One writer at a time, until it dies.
class WriterLock {
 public:
  explicit WriterLock(const std::string& directory)
      : fd_(::open((path_in(directory) + ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
    held_ = fd_ >= 0 && ::flock(fd_, LOCK_EX) == 0;
  }
  ~WriterLock() {
    if (fd_ >= 0) ::close(fd_);
  }
  WriterLock(const WriterLock&) = delete;
  WriterLock& operator=(const WriterLock&) = delete;
  [[nodiscard]] bool held() const { return held_; }

 private:
  int fd_;
  bool held_;
};

bool covers(std::string_view pattern, std::string_view name) {
  if (!pattern.contains('@')) name = name.substr(0, name.find('@'));
  return glob_matches(pattern, name);
}

}  // namespace

Result<std::string> issue_token(const std::string& directory, TokenGrant grant) {
  if (grant.pattern.empty() || grant.pattern.size() > 256)
    return fail(Code::kInvalid, "a token needs a name pattern of 1 to 256 characters");
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  const WriterLock lock(directory);
  if (!lock.held()) return fail(errno_error("locking " + path_in(directory), errno));
  SKEP_TRY(json::array tokens, read_tokens(directory));
  if (tokens.size() >= kTokensMax)
    return fail(Code::kExhausted, fmt::format("there are {} tokens already", kTokensMax));
  std::string token = hex_encode(random_bytes(32));
  tokens.push_back(json::object{{"sha256", hex_encode(sha256(token))},
                                {"pattern", grant.pattern},
                                {"label", grant.label},
                                {"system", grant.system}});
  SKEP_TRY_VOID(write_tokens(directory, tokens));
  return token;
}

Result<std::optional<TokenGrant>> check_token(const std::string& directory, std::string_view token,
                                              std::string_view name) {
  SKEP_TRY(const json::array tokens, read_tokens(directory));
  const std::string hash = hex_encode(sha256(token));
  std::optional<TokenGrant> known;
  for (const json::value& one : tokens) {
    if (!equal_in_constant_time(get_string(one, "sha256"), hash)) continue;
    known =
        TokenGrant{std::string(get_string(one, "pattern")), std::string(get_string(one, "label")),
                   get_bool(one, "system").value_or(false)};
  }
  if (known && !covers(known->pattern, name)) {
    return fail(Code::kDenied, fmt::format("the token is for \"{}\"", known->pattern));
  }
  return known;
}

}  // namespace skep::fabric
