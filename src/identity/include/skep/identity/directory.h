// Who is who: every (channel, address) has one stable ILK.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "skep/async/ctx.h"
#include "skep/async/task.h"
#include "skep/base/clock.h"
#include "skep/model/name.h"
#include "skep/store/db.h"

namespace skep::identity {

struct Party {
  Ilk ilk;
  std::string channel;  // "xmpp", "cli"
  std::string address;  // canonical on that channel: a normalised bare JID
  WallTime first_seen{};
  bool operator==(const Party&) const = default;
};

// Loop thread only. All parties are kept in memory (about 200 bytes each) and in the database.
class Directory {
 public:
  static std::vector<store::Migration> migrations();
  // `db` must outlive the Directory and hold the migrations.
  static Task<Result<std::unique_ptr<Directory>>> open(Ctx ctx, store::Db& db,
                                                       const Clock& clock = Clock::system());
  virtual ~Directory() = default;

  // Limits of resolve(): kTooLarge, kTooLarge, kExhausted.
  static constexpr std::size_t channel_bytes_max = 64;
  static constexpr std::size_t address_bytes_max = 3071;  // a full JID, RFC 7622 3.1
  static constexpr std::size_t parties_max = 1'000'000;

  // The ILK of that address, minted and stored durably on first sight. The address is compared byte
  // for byte: the channel normalises it. Concurrent first sights give the same ILK.
  virtual Task<Result<Ilk>> resolve(Ctx ctx, std::string channel, std::string address) = 0;
  [[nodiscard]] virtual std::optional<Ilk> find(std::string_view channel,
                                                std::string_view address) const = 0;
  [[nodiscard]] virtual std::optional<Party> party(const Ilk& ilk) const = 0;
  [[nodiscard]] virtual std::size_t size() const = 0;
};

}  // namespace skep::identity
