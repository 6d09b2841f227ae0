#include "skep/identity/people.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "skep/base/text.h"

namespace skep::identity {
namespace {

constexpr std::size_t kNameBytesMax = 64;
constexpr std::string_view kHive = "hive:";

// "hive:lab/cli/ann" -> "hive:lab"; "ann@example.org" -> "@example.org"
std::string group_of(std::string_view peer) {
  if (peer.starts_with(kHive)) return std::string(peer.substr(0, peer.find('/')));
  const std::size_t at = peer.find('@');
  return at == std::string_view::npos ? std::string() : std::string(peer.substr(at));
}

bool is_group(std::string_view address) {
  return address.starts_with('@') || address.starts_with(kHive);
}

Result<std::string> normal_address(std::string_view text, const People::Normal& normal) {
  if (text.starts_with(kHive)) {
    if (text.size() == kHive.size() || text.contains('/'))
      return fail(Code::kInvalid, "another hive is written \"hive:lab\"");
    return std::string(text);
  }
  if (is_of_terminal(text)) {
    if (text.size() == std::string_view("@cli").size())
      return fail(Code::kInvalid, "who speaks in the terminal is written \"ann@cli\"");
    return std::string(text);
  }
  return normal(text);
}

struct Reader {
  const People::Normal& normal;
  std::set<std::string> names, addresses;

  // `spoke`: they named an address, good or bad.
  void check(ConfigSection& section, const Person& person, bool spoke) {
    if (trim(person.name).empty() || person.name.size() > kNameBytesMax)
      section.problem("name", fmt::format("must be 1 to {} bytes", kNameBytesMax));
    else if (!names.insert(to_lower_ascii(person.name)).second)
      section.problem("name", fmt::format("\"{}\" is there twice", person.name));
    if (!spoke)
      section.problem("addresses", "say where they speak from: [\"ann@example.org\", \"ann@cli\"]");
    if (person.addresses.size() > People::addresses_max)
      section.problem("addresses", fmt::format("at most {}", People::addresses_max));
  }

  void take_address(ConfigSection& section, const std::string& text, Person& person) {
    auto address = normal_address(trim(text), normal);
    if (!address) {
      section.problem("addresses", fmt::format("\"{}\": {}", text, address.error().message));
      return;
    }
    if (!addresses.insert(*address).second)
      section.problem("addresses", fmt::format("\"{}\" is somebody's already", text));
    if (is_group(*address) && person.role > Role::kUser) {
      section.problem("addresses",
                      fmt::format("\"{}\" is everybody there: at most the role user", text));
    }
    person.addresses.push_back(*std::move(address));
  }

  Person read(ConfigSection& section) {
    Person person;
    section.read("name", person.name);
    std::string role;
    if (!section.has("role")) section.problem("role", "which is it: viewer, user, admin or owner?");
    section.read_choice("role", {"viewer", "user", "admin", "owner"}, role);
    person.role = role_from(role).value_or(Role::kNone);
    std::vector<std::string> texts;
    section.read("addresses", texts);
    for (const std::string& text : texts) take_address(section, text, person);
    check(section, person, !texts.empty());
    return person;
  }
};

}  // namespace

bool is_of_terminal(std::string_view peer) { return peer.ends_with("@cli"); }

People People::read(ConfigSection root, const Normal& normal) {
  Reader reader{.normal = normal, .names = {}, .addresses = {}};
  std::vector<Person> all;
  for (ConfigSection& section : root.list("users")) {
    if (all.size() == people_max) {
      section.problem("name", fmt::format("at most {} users", people_max));
      break;
    }
    all.push_back(reader.read(section));
  }
  return People(std::move(all));
}

People::People(std::vector<Person> all) : all_(std::move(all)) {
  for (const Person& person : all_) {
    for (const std::string& address : person.addresses) by_address_.emplace(address, person.role);
  }
}

Role People::role_of(std::string_view peer) const {
  auto found = by_address_.find(peer);
  if (found == by_address_.end()) found = by_address_.find(group_of(peer));
  return found == by_address_.end() ? Role::kNone : found->second;
}

}  // namespace skep::identity
