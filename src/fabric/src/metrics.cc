#include "skep/fabric/view.h"

namespace skep::fabric {

namespace {

class Metrics {
 public:
  void family(std::string_view name, std::string_view type, std::string_view help) {
    name_ = name;
    text_ +=
        fmt::format("# HELP skep_fabric_{} {}\n# TYPE skep_fabric_{} {}\n", name, help, name, type);
  }
  // Label values are names and reasons of ours: nothing in them needs escaping.
  void sample(std::string_view labels, std::uint64_t value) {
    text_ += fmt::format("skep_fabric_{}{{{}}} {}\n", name_, labels, value);
  }
  [[nodiscard]] std::string take() && { return std::move(text_); }

 private:
  std::string name_, text_;
};

std::string router_label(const View::RouterSeen& router) {
  return fmt::format(R"(router="{}")", router.region.router_name.str());
}

}  // namespace

std::string metrics_of(const View& view) {
  Metrics metrics;
  metrics.family("nodes", "gauge", "Nodes connected to a router");
  for (const auto& router : view.routers) {
    metrics.sample(router_label(router), router.region.nodes.size());
  }
  metrics.family("dropped_total", "counter", "Messages that did not arrive, by reason");
  for (const auto& router : view.routers) {
    for (const auto& [name, value] : router.region.counters) {
      if (!name.starts_with("drop.")) continue;
      metrics.sample(fmt::format(R"({},reason="{}")", router_label(router), name.substr(5)), value);
    }
  }
  metrics.family("counter", "untyped", "Other counters of a router, by name");
  for (const auto& router : view.routers) {
    for (const auto& [name, value] : router.region.counters) {
      if (name.starts_with("drop.")) continue;
      metrics.sample(fmt::format(R"({},name="{}")", router_label(router), name), value);
    }
  }
  metrics.family("hive_nodes", "gauge", "Nodes that another hive advertises");
  for (const auto& hive : view.hives.hives) {
    metrics.sample(fmt::format(R"(hive="{}")", hive.hive), hive.nodes.size());
  }
  metrics.family("hive_up", "gauge", "1 when the link to another hive stands");
  for (const auto& hive : view.hives.hives) {
    metrics.sample(fmt::format(R"(hive="{}")", hive.hive), hive.up ? 1 : 0);
  }
  metrics.family("routers_dead", "gauge", "Routers that died and left their region");
  metrics.sample("", view.dead.size());
  return std::move(metrics).take();
}

}  // namespace skep::fabric
