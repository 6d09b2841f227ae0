#include "ledger_sums.h"

#include <fmt/format.h>

#include "skep/base/json.h"
#include "skep/base/text.h"

namespace skep::memory {
namespace {

constexpr std::size_t kFigures = 7;

json::array figures(const Spend& spend) {
  return {spend.calls,        spend.failed,           spend.usage.input,
          spend.usage.output, spend.usage.cache_read, spend.usage.cache_write,
          spend.cost};
}

Result<Spend> spend_from(const json::value* value) {
  const json::array* list = value == nullptr ? nullptr : value->if_array();
  if (list == nullptr || list->size() != kFigures)
    return fail(Code::kCorrupt, "a sum without its figures");
  std::array<std::int64_t, kFigures> n{};
  for (std::size_t i = 0; i < kFigures; ++i) {
    boost::system::error_code error;
    n[i] = (*list)[i].to_number<std::int64_t>(error);
    if (error) return fail(Code::kCorrupt, "a sum whose figure is no number");
  }
  return Spend{.calls = static_cast<std::uint64_t>(n[0]),
               .failed = static_cast<std::uint64_t>(n[1]),
               .usage = {.input = n[2], .output = n[3], .cache_read = n[4], .cache_write = n[5]},
               .cost = n[6]};
}

void text_member(std::string& line, std::string_view key, std::string_view value) {
  line.append(",\"").append(key) += "\":";
  is_valid_utf8(value) ? append_json_string(line, value)
                       : append_json_string(line, to_valid_utf8(value));
}

}  // namespace

template <class Put>
void Sums::for_each_of(const ModelCall& call, const Put& put) {
  const Spend one{
      .calls = 1, .failed = call.failed ? 1u : 0u, .usage = call.usage, .cost = call.cost};
  put(account(Ledger::Scope::kTotal, ""), one);
  put(account(Ledger::Scope::kAgent, call.agent), one);
  put(account(Ledger::Scope::kPerson, call.person), one);
  put(account(Ledger::Scope::kModel, call.provider + " " + call.model), one);
}

void Sums::add(const ModelCall& call, bool today) {
  for_each_of(call, [today](Account& into, const Spend& one) {
    into.month += one;
    if (today) into.day += one;
  });
}

void Sums::add_to_hour(const ModelCall& call) {
  for_each_of(call, [&call](Account& into, const Spend& one) { into.hour.add(call.at, one); });
}

void Sums::forget_day() {
  for (Accounts& accounts : scopes_) {
    for (auto& [name, account] : accounts) account.day = {};
  }
}

void Sums::forget_all() {
  for (Accounts& accounts : scopes_) {
    std::erase_if(accounts, [](const auto& one) {
      return one.second.held_tokens == 0 && one.second.held_cost == 0;
    });
    for (auto& [name, account] : accounts) {
      account.day = account.month = {};
      account.hour.clear();
    }
  }
}

Account& Sums::account(Ledger::Scope scope, std::string_view name) {
  Accounts& accounts = scopes_[static_cast<std::size_t>(scope)];
  auto at = accounts.find(name);
  if (at == accounts.end()) at = accounts.emplace(std::string(name), Account{}).first;
  return at->second;
}

json::value Sums::to_json() const {
  json::array scopes;
  for (const Accounts& accounts : scopes_) {
    json::object out;
    for (const auto& [name, account] : accounts)
      out[name] = json::array{figures(account.day), figures(account.month)};
    scopes.push_back(std::move(out));
  }
  return scopes;
}

Result<Sums> Sums::from_json(const json::value& value) {
  const json::array* scopes = value.if_array();
  Sums sums;
  if (scopes == nullptr || scopes->size() != sums.scopes_.size())
    return fail(Code::kCorrupt, "no sums of four scopes");
  for (std::size_t i = 0; i < scopes->size(); ++i) {
    const json::object* accounts = (*scopes)[i].if_object();
    if (accounts == nullptr) return fail(Code::kCorrupt, "sums that are no object");
    for (const auto& [name, pair] : *accounts) {
      const json::array* both = pair.if_array();
      if (both == nullptr || both->size() != 2)
        return fail(Code::kCorrupt, "a sum without day and month");
      Account account;
      SKEP_TRY(account.day, spend_from(&(*both)[0]));
      SKEP_TRY(account.month, spend_from(&(*both)[1]));
      sums.scopes_[i].emplace(std::string(name), account);
    }
  }
  return sums;
}

std::string to_line(const ModelCall& call) {
  std::string line = fmt::format(R"({{"v":1,"at":"{}")", format_rfc3339(call.at, true));
  text_member(line, "agent", call.agent);
  text_member(line, "person", call.person);
  text_member(line, "conversation", call.conversation);
  text_member(line, "turn", call.turn);
  text_member(line, "provider", call.provider);
  text_member(line, "model", call.model);
  text_member(line, "purpose", call.purpose);
  line += fmt::format(R"(,"in":{},"out":{},"cache_read":{},"cache_write":{},"cost_pico":{})",
                      call.usage.input, call.usage.output, call.usage.cache_read,
                      call.usage.cache_write, call.cost);
  if (call.failed) line += R"(,"failed":true)";
  return line + "}";
}

Result<ModelCall> call_from_line(std::string_view line) {
  SKEP_TRY(const json::value value, parse_json(line));
  const auto at = parse_rfc3339(get_string(value, "at"));
  if (!at) return fail(Code::kCorrupt, "a call without its time");
  const json::value* failed = get_member(value, "failed");
  return ModelCall{.at = *at,
                   .agent = std::string(get_string(value, "agent")),
                   .person = std::string(get_string(value, "person")),
                   .conversation = std::string(get_string(value, "conversation")),
                   .turn = std::string(get_string(value, "turn")),
                   .provider = std::string(get_string(value, "provider")),
                   .model = std::string(get_string(value, "model")),
                   .purpose = std::string(get_string(value, "purpose")),
                   .usage = {.input = get_int(value, "in").value_or(0),
                             .output = get_int(value, "out").value_or(0),
                             .cache_read = get_int(value, "cache_read").value_or(0),
                             .cache_write = get_int(value, "cache_write").value_or(0)},
                   .cost = get_int(value, "cost_pico").value_or(0),
                   .failed = failed != nullptr && failed->is_bool() && failed->get_bool()};
}

}  // namespace skep::memory
