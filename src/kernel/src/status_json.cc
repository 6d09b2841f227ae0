#include "status_json.h"

#include <algorithm>

#include "node_status.h"

namespace skep::kernel {
namespace {

json::object spend_json(const memory::Spend& spend) {
  return {{"calls", spend.calls},
          {"failed", spend.failed},
          {"input_tokens", spend.usage.input},
          {"output_tokens", spend.usage.output},
          {"cache_read_tokens", spend.usage.cache_read},
          {"cache_write_tokens", spend.usage.cache_write},
          {"cost_pico_usd", spend.cost},
          {"cost", format_usd(spend.cost)}};
}

json::object row_json(const memory::NamedSpend& spend) {
  return {{"name", spend.name},
          {"hour", spend_json(spend.hour)},
          {"day", spend_json(spend.day)},
          {"month", spend_json(spend.month)}};
}

json::array rows_of(memory::Ledger& ledger, memory::Ledger::Scope scope) {
  json::array out;
  for (const memory::NamedSpend& one : ledger.all(scope)) out.push_back(row_json(one));
  return out;
}

// Numbers are added, what they add up to in money is said anew.
void add_spend(json::object& into, const json::object& more) {
  const auto number = [](const json::value* value) {
    return value != nullptr && value->is_number() ? value->to_number<std::int64_t>() : 0;
  };
  for (const auto& [key, value] : more) {
    if (value.is_number()) into[key] = number(into.if_contains(key)) + number(&value);
  }
  into["cost"] = format_usd(number(into.if_contains("cost_pico_usd")));
}

void add_row(json::object& into, const json::value& more) {
  for (const char* period : {"hour", "day", "month"}) {
    json::value* ours = into.if_contains(period);
    const json::object* theirs = get_object(more, period);
    if (ours != nullptr && ours->is_object() && theirs != nullptr)
      add_spend(ours->get_object(), *theirs);
  }
}

}  // namespace

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

json::object gateway_json(const fabric::Gateway& gateway) {
  const fabric::GatewayStats stats = gateway.stats();
  return {{"port", gateway.port()},
          {"sessions", stats.sessions},
          {"refused", stats.refused},
          {"last_refusal", stats.last_refusal}};
}

json::array routes_json(const fabric::Router& router) {
  json::array routes;
  for (const fabric::RouteEntry& route : router.snapshot()->routes) {
    routes.push_back(
        json::object{{"name", route.name}, {"node", route.node.uuid.str()}, {"why", route.why}});
  }
  return routes;
}

json::object attachments_status(const attachments::AttachmentsStats& stats) {
  return {{"fetched", stats.fetched},         {"reused", stats.reused},
          {"too_large", stats.too_large},     {"forbidden", stats.forbidden},
          {"unreachable", stats.unreachable}, {"unreadable", stats.unreadable},
          {"false_hash", stats.false_hash}};
}

json::object agent_json(const agent::AgentStats& stats, const std::string& name) {
  return {{"name", name},
          {"running", stats.running},
          {"waiting", stats.waiting},
          {"accepted", stats.accepted},
          {"refused", stats.refused},
          {"replied", stats.replied},
          {"failed", stats.failed},
          {"resumed", stats.resumed},
          {"input_tokens", stats.usage.input},
          {"output_tokens", stats.usage.output}};
}

json::object process_json(const std::string& home, NodeKind kind,
                          const std::optional<NodeSupervisor::Status>& watched,
                          json::object& status) {
  const auto said = read_node_status(home, kind);
  json::object process{{"kind", kind_name(kind)}, {"state", said ? "running" : "absent"}};
  if (said) process["pid"] = said->at("pid");
  if (watched) {
    if (!said) process["state"] = watched->state == "running" ? "starting" : watched->state;
    process["restarts"] = watched->restarts;
    if (!watched->last_end.empty()) process["last_end"] = watched->last_end;
  }
  if (!said) return process;
  for (const char* key : {"started_at", "link", "journal_unfinished"}) {
    if (said->contains(key)) process[key] = said->at(key);
  }
  if (const auto key = kind_name(kind); said->contains(key)) status[key] = said->at(key);
  return process;
}

json::object usage_json(memory::Ledger& ledger) {
  using Scope = memory::Ledger::Scope;
  return {{"total", row_json(ledger.spent(Scope::kTotal, ""))},
          {"agents", rows_of(ledger, Scope::kAgent)},
          {"people", rows_of(ledger, Scope::kPerson)},
          {"models", rows_of(ledger, Scope::kModel)}};
}

void add_usage(json::object& sums, const json::value& more) {
  if (const json::value* total = get_member(more, "total"))
    add_row(sums["total"].as_object(), *total);
  for (const char* list : {"agents", "people", "models"}) {
    json::array& ours = sums[list].as_array();
    const json::array* theirs = get_array(more, list);
    for (const json::value& row : theirs == nullptr ? json::array() : *theirs) {
      if (!row.is_object()) continue;
      const auto same = std::ranges::find_if(ours, [&row](const json::value& one) {
        return get_string(one, "name") == get_string(row, "name");
      });
      if (same == ours.end()) {
        ours.push_back(row);
      } else {
        add_row(same->as_object(), row);
      }
    }
  }
}

}  // namespace skep::kernel
