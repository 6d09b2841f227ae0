#include "gateway_impl.h"

namespace skep::fabric {

GatewayConfig GatewayConfig::read(ConfigSection hive, const std::string& home) {
  const std::string credentials = home + "/credentials";
  GatewayConfig config{.certificate = credentials + "/hive.crt",
                       .key = credentials + "/hive.key",
                       .hives_directory = credentials + "/hives"};
  hive.read("listen", config.listen);
  hive.read("uplinks", config.uplinks);
  hive.read("authorized_hives", config.authorized_hives);
  hive.read("certificate", config.certificate);
  hive.read("key", config.key);
  if (!config.listen.empty()) {
    if (auto at = parse_host_port(config.listen); !at) hive.problem("listen", at.error().message);
  }
  for (const std::string& uplink : config.uplinks) {
    if (auto to = parse_host_port(uplink); !to) hive.problem("uplinks", to.error().message);
  }
  for (const std::string& id : config.authorized_hives) {
    if (!Name::parse("RT.x", id)) {
      hive.problem("authorized_hives", fmt::format("\"{}\" is no hive id", id));
    }
  }
  return config;
}

}  // namespace skep::fabric
