#include "skep/identity/directory.h"

#include "skep/base/log.h"

namespace skep::identity {
namespace {

// Parties are read in pages, so that open() never holds two copies of a large directory.
constexpr std::int64_t kPageRows = 10'000;

std::string key_of(std::string_view channel, std::string_view address) {
  std::string key;
  key.reserve(channel.size() + 1 + address.size());
  key.append(channel).push_back('\0');  // in no channel's name
  return key.append(address);
}

std::int64_t to_ms(WallTime time) { return time.time_since_epoch().count(); }

// Columns: ilk, channel, address, first_seen_ms.
Result<Party> party_from(const store::Row& row) {
  auto ilk = Ilk::parse(row.text(0));
  if (!ilk) return fail(Code::kCorrupt, fmt::format("bad ILK in the directory: {}", row.text(0)));
  return Party{*ilk, row.text(1), row.text(2), WallTime(Millis(row.integer(3)))};
}

// The stored party of that address: the one that was there, else `fresh`. Runs on the database
// thread, where first sights of one address come one after another, so all of them see the first
// one's ILK.
Result<Party> insert_or_get(store::Connection& c, const Party& fresh) {
  SKEP_TRY_VOID(c.execute(
      "INSERT INTO identity_party (ilk, channel, address, first_seen_ms) VALUES (?1, ?2, ?3, ?4) "
      "ON CONFLICT (channel, address) DO NOTHING",
      {fresh.ilk.str(), fresh.channel, fresh.address, to_ms(fresh.first_seen)}));
  SKEP_TRY(const auto rows,
           c.query("SELECT ilk, channel, address, first_seen_ms FROM identity_party "
                   "WHERE channel = ?1 AND address = ?2",
                   {fresh.channel, fresh.address}));
  if (rows.empty()) return fail(Code::kInternal, "a party vanished while it was stored");
  return party_from(rows[0]);
}

class DbDirectory final : public Directory {
 public:
  DbDirectory(store::Db& db, const Clock& clock) : db_(db), clock_(clock) {}

  Task<Result<void>> load(Ctx ctx) {
    std::int64_t last = 0;
    for (bool more = true; more;) {
      std::vector<store::Value> args = {last, kPageRows};
      SKEP_CO_TRY(const auto rows,
                  co_await db_.query(ctx,
                                     "SELECT ilk, channel, address, first_seen_ms, id FROM "
                                     "identity_party WHERE id > ?1 ORDER BY id LIMIT ?2",
                                     std::move(args)));
      for (const store::Row& row : rows) {
        SKEP_CO_TRY(Party party, party_from(row));
        keep(std::move(party));
        last = row.integer(4);
      }
      more = std::cmp_equal(rows.size(), kPageRows);
    }
    co_return Result<void>{};
  }

  Task<Result<Ilk>> resolve(Ctx ctx, std::string channel, std::string address) override {
    if (const auto known = find(channel, address)) co_return *known;
    SKEP_CO_TRY_VOID(check(channel, address));
    Party fresh{Ilk{Uuid::random()}, std::move(channel), std::move(address), clock_.now()};
    std::function<Result<Party>(store::Connection&)> work =
        [fresh = std::move(fresh)](store::Connection& c) { return insert_or_get(c, fresh); };
    auto stored = co_await db_.transact<Party>(std::move(ctx), std::move(work));
    if (!stored) co_return fail(std::move(stored).error().in("storing an identity"));
    const Ilk ilk = stored->ilk;
    keep(*std::move(stored));
    co_return ilk;
  }
  [[nodiscard]] std::optional<Ilk> find(std::string_view channel,
                                        std::string_view address) const override {
    const auto found = by_address_.find(key_of(channel, address));
    if (found == by_address_.end()) return std::nullopt;
    return found->second;
  }
  [[nodiscard]] std::optional<Party> party(const Ilk& ilk) const override {
    const auto found = parties_.find(ilk);
    if (found == parties_.end()) return std::nullopt;
    return found->second;
  }
  [[nodiscard]] std::size_t size() const override { return parties_.size(); }

 private:
  Result<void> check(std::string_view channel, std::string_view address) const {
    if (channel.empty() || address.empty() || channel.find('\0') != channel.npos) {
      return fail(Code::kInvalid, "an identity needs a channel and an address");
    }
    if (channel.size() > channel_bytes_max || address.size() > address_bytes_max) {
      return fail(Code::kTooLarge,
                  fmt::format("an address of {} bytes is too long", address.size()));
    }
    if (parties_.size() >= parties_max) {
      return fail(Code::kExhausted, fmt::format("the directory holds {} identities", parties_max));
    }
    return {};
  }
  void keep(Party party) {
    by_address_.emplace(key_of(party.channel, party.address), party.ilk);
    const Ilk ilk = party.ilk;
    parties_.emplace(ilk, std::move(party));
  }

  store::Db& db_;
  const Clock& clock_;
  std::unordered_map<std::string, Ilk> by_address_;
  std::unordered_map<Ilk, Party> parties_;
};

}  // namespace

std::vector<store::Migration> Directory::migrations() {
  return {{"identity", 1,
           "CREATE TABLE identity_party ("
           "  id INTEGER PRIMARY KEY,"
           "  ilk TEXT NOT NULL UNIQUE,"
           "  channel TEXT NOT NULL,"
           "  address TEXT NOT NULL,"
           "  first_seen_ms INTEGER NOT NULL,"
           "  UNIQUE (channel, address));"}};
}

Task<Result<std::unique_ptr<Directory>>> Directory::open(Ctx ctx, store::Db& db,
                                                         const Clock& clock) {
  auto directory = std::make_unique<DbDirectory>(db, clock);
  auto loaded = co_await directory->load(std::move(ctx));
  if (!loaded) co_return fail(std::move(loaded).error().in("reading the directory"));
  co_return std::unique_ptr<Directory>(std::move(directory));
}

}  // namespace skep::identity
