#include <unistd.h>

#include "skep/api/api.h"
#include "skep/base/json.h"
#include "skep/store/append_file.h"

namespace skep::api {

namespace {
std::string path_in(const std::string& home) { return home + "/run/daemon.json"; }
}  // namespace

Result<DaemonFile> DaemonFile::read(const std::string& home) {
  SKEP_TRY(const std::string text, store::read_file(path_in(home), 64u << 10));
  SKEP_TRY(const json::value value, parse_json(text));
  DaemonFile file{.pid = static_cast<int>(get_int(value, "pid").value_or(0)),
                  .address = std::string(get_string(value, "address")),
                  .token = std::string(get_string(value, "token")),
                  .started_at = std::string(get_string(value, "started_at")),
                  .version = std::string(get_string(value, "version"))};
  if (file.pid <= 0 || file.address.empty() || file.token.empty()) {
    return fail(Code::kCorrupt,
                path_in(home) + " is incomplete; it is safe to delete when no skep runs");
  }
  return file;
}

Result<void> DaemonFile::write(const std::string& home) const {
  const json::object value{{"pid", pid},
                           {"address", address},
                           {"token", token},
                           {"started_at", started_at},
                           {"version", version}};
  return store::write_file(path_in(home), to_json(value) + "\n");
}

void DaemonFile::remove(const std::string& home) { unlink(path_in(home).c_str()); }

}  // namespace skep::api
