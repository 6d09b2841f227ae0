// One-tool turns of a bare Agent, with all its books or with none: authority, audit log, budget,
// journal and turn log as in the kernel, or stand-ins that allow everything and keep nothing.
// Memory, prompt, loop, model client and tool are the same.
//
//   bench_agent_books HOME PORT on|off     PORT: of bench_model_server
#include <fmt/format.h>

#include <cstring>
#include <memory>
#include <set>

#include "people.h"
#include "skep/agent/agent.h"
#include "skep/base/log.h"
#include "skep/net/http_client.h"
#include "skep/tools/builtin.h"

namespace skep::bench {
namespace {

struct NoJournal final : store::Journal {
  std::set<std::string> open;
  [[nodiscard]] std::vector<store::JournalEntry> unfinished(std::string_view) const override {
    return {};
  }
  [[nodiscard]] std::vector<std::string> kinds() const override { return {}; }
  Result<void> begin(std::string_view, const store::EntryId& id, std::string_view) override {
    open.insert(id.str());
    return {};
  }
  Result<void> step(const store::EntryId&, std::string_view) override { return {}; }
  Result<void> end(const store::EntryId& id) override {
    open.erase(id.str());
    return {};
  }
  [[nodiscard]] bool contains(const store::EntryId& id) const override {
    return open.contains(id.str());
  }
  [[nodiscard]] std::size_t size() const override { return open.size(); }
  Result<void> remember(std::string_view, std::string_view) override { return {}; }
  [[nodiscard]] bool remembers(std::string_view, std::string_view) const override { return false; }
  [[nodiscard]] std::vector<std::string> remembered(std::string_view) const override { return {}; }
};

struct NoAudit final : authority::AuditLog {
  Result<void> append(authority::AuditEntry) override { return {}; }
  [[nodiscard]] std::uint64_t size() const override { return 0; }
};

struct AllowAll final : authority::Authority {
  Result<void> set_rules(const authority::AuthorityConfig&) override { return {}; }
  authority::Decision authorize(const authority::Question&) override {
    return {authority::Decision::Outcome::kAllow, ""};
  }
};

struct NoLedger final : memory::Ledger {
  memory::QuotaConfig none;
  Result<Hold> reserve(const memory::Payer&, std::int64_t, PicoUsd) override { return Hold(); }
  Result<void> settle(Hold, memory::ModelCall) override { return {}; }
  memory::NamedSpend spent(Scope, std::string_view) override { return {}; }
  std::vector<memory::NamedSpend> all(Scope) override { return {}; }
  [[nodiscard]] const memory::QuotaConfig& quota() const override { return none; }
  void set_quota(const memory::QuotaConfig&) override {}
  void limit_agent(std::string_view, const memory::SpendLimits&) override {}
  [[nodiscard]] bool limited() const override { return false; }
  Millis until_tomorrow() override { return {}; }
  void give_back(const Hold&) override {}
};

template <class T>
T opened(Result<T> result) {
  if (!result) die(result.error().to_string());
  return *std::move(result);
}

struct Books {
  std::unique_ptr<store::Journal> journal;
  std::unique_ptr<authority::AuditLog> audit;
  std::unique_ptr<authority::Authority> authority;
  std::unique_ptr<memory::Ledger> ledger;
  std::unique_ptr<agent::TurnLog> turn_log;  // may be none
  authority::Grants grants = authority::Grants::everything();
};

std::unique_ptr<Books> open_books(const std::string& home, bool on) {
  auto books = std::make_unique<Books>();
  const Clock& clock = Clock::system();
  if (!on) {
    books->journal = std::make_unique<NoJournal>();
    books->audit = std::make_unique<NoAudit>();
    books->authority = std::make_unique<AllowAll>();
    books->ledger = std::make_unique<NoLedger>();
    return books;
  }
  constexpr std::int64_t kPlenty = std::int64_t{1} << 60;
  books->journal = opened(store::Journal::open({.directory = home + "/journal"}));
  books->audit = opened(authority::AuditLog::open(home, clock));
  books->authority = opened(authority::Authority::open(
      {}, *books->audit, [raw = books.get()](std::string_view) { return &raw->grants; }));
  memory::LedgerConfig ledger{.directory = home + "/usage", .time_zone = "UTC"};
  ledger.quota.person.daily_tokens = ledger.quota.agent.monthly_tokens = kPlenty;
  books->ledger = opened(memory::Ledger::open(std::move(ledger), clock));
  books->turn_log = opened(agent::TurnLog::open({.directory = home + "/turns"}, clock));
  return books;
}

llm::LlmConfig model_at(const std::string& port) {
  return {.provider = "anthropic",
          .model = "bench-model",
          .api_key = Secret("bench-key"),
          .base_url = "http://127.0.0.1:" + port};
}

void serve(const std::string& home, const std::string& port, bool on) {
  Loop loop;
  const Clock& clock = Clock::system();
  const std::unique_ptr<Books> books = open_books(home, on);
  auto http = opened(net::HttpClient::open({.loop = loop}));
  auto thinking = opened(llm::Model::open(model_at(port), {.loop = loop, .http = *http}));
  auto kept = opened(memory::Memory::open({.path = home + "/memory"}, clock));
  auto approvals = opened(authority::Approvals::open({}, *books->journal, *books->audit, clock));
  tools::Toolbox toolbox;
  if (auto added = toolbox.add(tools::make_system_time(clock)); !added)
    die(added.error().to_string());
  People people(loop);
  agent::AgentDeps deps{.loop = loop,
                        .model = *thinking,
                        .toolbox = toolbox,
                        .memory = *kept,
                        .ledger = *books->ledger,
                        .journal = *books->journal,
                        .authority = *books->authority,
                        .approvals = *approvals,
                        .audit = *books->audit,
                        .out = people,
                        .clock = clock,
                        .turn_log = books->turn_log.get()};
  auto helper = opened(agent::Agent::open({}, std::move(deps)));
  people.send_through([&helper](Message message) { return helper->deliver(std::move(message)); });
  print_line(fmt::format("ready {}", kTurnsPerConversation));
  while (const auto order = read_order()) loop.run(people.run(*order, "What time is it, please?"));
  approvals->stop();
  loop.run(helper->close(Ctx{}.within(std::chrono::seconds(5))));
}

}  // namespace
}  // namespace skep::bench

// NOLINTNEXTLINE(bugprone-exception-escape): an exception out of a benchmark ends it, as it should
int main(int argc, char** argv) {
  using namespace skep;
  if (argc != 4) bench::die("usage: bench_agent_books HOME PORT on|off");
  log::configure({.level = log::Level::kWarn});
  bench::serve(argv[1], argv[2], std::strcmp(argv[3], "on") == 0);
}
