// The people of [[users]]: which role somebody has, by the address they speak from.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "skep/base/config.h"
#include "skep/model/role.h"

namespace skep::identity {

// One of [[users]].
struct Person {
  std::string name;
  Role role = Role::kViewer;
  // Normalised: "ann@example.org", "@example.org" (everybody there), "ann@cli", "hive:lab"
  // (everybody of that hive). A room's address stands for speakers of whom nothing better is known.
  std::vector<std::string> addresses;
  bool operator==(const Person&) const = default;
};

// A value; some hundred nanoseconds a look-up.
class People {
 public:
  static constexpr std::size_t people_max = 10'000;
  static constexpr std::size_t addresses_max = 100;  // of one person

  // `normal` gives an XMPP address ("ann@example.org") its canonical form, or says what is wrong.
  // Problems of the configuration: a role that is none, a person without a name or an address, a
  // name or an address that is there twice, a whole domain or hive with more rights than a user.
  using Normal = std::function<Result<std::string>(std::string_view)>;
  static People read(ConfigSection root, const Normal& normal);

  People() = default;
  explicit People(std::vector<Person> all);

  // False: roles are off, and who may write decides everything ([agent] allowed_jids, admin_jids).
  [[nodiscard]] bool any() const { return !all_.empty(); }
  // Of a peer as conversations name it: an address of its own before its domain's or hive's; kNone
  // for who is not named.
  [[nodiscard]] Role role_of(std::string_view peer) const;
  // Whether that very address is named, and not only its domain.
  [[nodiscard]] bool names(std::string_view address) const { return by_address_.contains(address); }
  [[nodiscard]] const std::vector<Person>& all() const { return all_; }
  bool operator==(const People& other) const { return all_ == other.all_; }

 private:
  std::vector<Person> all_;
  std::map<std::string, Role, std::less<>> by_address_;
};

// Somebody who speaks through `skep chat` or the token of daemon.json.
bool is_of_terminal(std::string_view peer);

}  // namespace skep::identity
