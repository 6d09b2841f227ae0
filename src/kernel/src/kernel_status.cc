#include <unistd.h>

#include "kernel_impl.h"
#include "status_json.h"

namespace skep::kernel {

// What /status says.
std::vector<std::string> KernelImpl::status_lines(bool admin) const {
  const ModelSetPtr set = models_->now();
  std::vector<std::string> lines{"Model: " + set->model->driver().describe()};
  for (const llm::Way& way : set->model->ways()) {
    if (way.resting.count() > 0)
      lines.push_back(fmt::format("{} failed and rests for {} s", way.name, way.resting.count()));
  }
  for (std::string& line : memory_side_->status_lines()) lines.push_back(std::move(line));
  if (!xmpp_) return lines;
  for (std::string& line : xmpp_->status_lines(admin)) lines.push_back(std::move(line));
  if (federation_ && admin)
    std::ranges::move(federation_->status_lines(), std::back_inserter(lines));
  return lines;
}

json::object KernelImpl::status() const {
  json::object status{
      {"version", version()}, {"pid", ::getpid()},    {"started_at", format_rfc3339(started_)},
      {"home", config_.home}, {"hive", config_.hive}, {"journal_unfinished", journal_->size()}};
  if (models_) {
    const ModelSetPtr set = models_->now();
    status["model"] =
        json::object{{"name", set->model->driver().describe()}, {"why", set->choice.why}};
  }
  if (agent_) status["agent"] = agent_json(agent_->stats(), config_.agent.name);
  if (xmpp_) status["xmpp"] = xmpp_->status();
  if (attachments_) status["attachments"] = attachments_status(attachments_->stats());
  if (is_main()) {
    add_rooms(status);
  } else if (auto link = agent_ ? agent_out_.status() : xmpp_->link_status()) {
    status["link"] = *std::move(link);
  }
  return status;
}

// What only `skep up` has.
void KernelImpl::add_rooms(json::object& status) const {
  add_processes(status);
  status["agents"] = agents_->status();
  status["jobs"] = jobs_->status();
  status["routes"] = routes_json(*router_);
  if (federation_) status["federation"] = federation_->status();
  if (gateway_) {
    status["hives"] = hives_of(*gateway_);
    status["gateway"] = gateway_json(*gateway_);
  }
  if (fabric_) status["fabric"] = fabric_->status();
  if (!books_) return;
  status["rules"] = books_->config_status();
  if (json::object streams = books_->streams_status(); !streams.empty())
    status["streams"] = std::move(streams);
}

// What a node's process says of agent and channel stands where it would if they were here.
void KernelImpl::add_processes(json::object& status) const {
  json::array processes;
  for (const NodeKind kind : kNodeKinds) {
    if (there_is(kind) && !hosts(kind))
      processes.push_back(process_json(config_.home, kind, supervisor_.status(kind), status));
  }
  if (!processes.empty()) status["processes"] = std::move(processes);
}

json::object KernelImpl::usage() const {
  json::object sums = usage_json(*ledger_);
  if (!is_main() || agent_) return sums;
  if (auto more = read_node_file(config_.home, NodeKind::kAgent, kUsageFile))
    add_usage(sums, json::value(*std::move(more)));
  return sums;
}

}  // namespace skep::kernel
