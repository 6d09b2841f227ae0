// A configuration file of any bytes, read as the rooms do.
#include <cstddef>
#include <cstdint>

#include "skep/base/config.h"

namespace {

void read_everything(skep::ConfigFile& file) {
  skep::ConfigSection root = file.root();
  skep::ConfigSection server = root.child("server");
  std::string text;
  std::int64_t number = 0;
  double factor = 0;
  bool flag = false;
  std::vector<std::string> list;
  std::chrono::milliseconds time{};
  server.read("host", text);
  server.read("port", number, {.min = 1, .max = 65535});
  server.read("factor", factor);
  server.read("tls", flag);
  server.read("admins", list);
  server.read_duration("idle", std::chrono::minutes(1), time);
  server.read_choice("mode", {"client", "component"}, text);
  for (skep::ConfigSection& room : root.list("rooms")) room.read("jid", text);
  skep::ConfigSection agents = root.child("agents");
  for (const std::string& name : agents.child_names()) agents.child(name).read("model", text);
}

std::optional<std::string> no_variables(std::string_view name) {
  if (name == "A") return "1";
  return std::nullopt;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto file = skep::ConfigFile::parse({reinterpret_cast<const char*>(data), size}, "fuzz.toml",
                                      no_variables);
  if (!file) return 0;
  read_everything(*file);
  (void)file->problems();
  return 0;
}
