#include "gateway_status.h"

namespace skep::kernel {

json::array hives_of(const fabric::Gateway& gateway) {
  json::array all;
  for (const fabric::HiveStatus& one : gateway.hives()) {
    json::object rejects;
    for (const auto& [reason, count] : one.reject_reasons) rejects[reason] = count;
    all.push_back(json::object{{"hive", one.hive},
                               {"state", one.state},
                               {"address", one.address},
                               {"path", json::array(one.path.begin(), one.path.end())},
                               {"nodes", one.nodes},
                               {"left_out", one.left_out},
                               {"rejected", std::move(rejects)}});
  }
  return all;
}

json::object attachments_status(const attachments::AttachmentsStats& stats) {
  return {{"fetched", stats.fetched},         {"reused", stats.reused},
          {"too_large", stats.too_large},     {"forbidden", stats.forbidden},
          {"unreachable", stats.unreachable}, {"unreadable", stats.unreadable},
          {"false_hash", stats.false_hash}};
}

}  // namespace skep::kernel
