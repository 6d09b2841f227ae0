#include "subscribers.h"

#include "skep/base/json.h"
#include "skep/store/append_file.h"

namespace skep::channels {

using xmpp::Jid;

// Version 1 knew subscribers only, and so says nothing about what we see.
Result<Subscribers> load_subscribers(const std::string& file) {
  SKEP_TRY(const std::string text, store::read_file(file));
  SKEP_TRY(const json::value value, parse_json(text));
  Subscribers subscribers;
  const json::array* list = get_array(value, "subscribers");
  if (list == nullptr) return fail(Code::kCorrupt, "no list of subscribers in it");
  for (const json::value& entry : *list) {
    SKEP_TRY(const Jid address, Jid::parse(get_string(entry, "address")));
    SKEP_TRY(const Jid who, Jid::parse(get_string(entry, "jid")));
    subscribers[{address.bare(), who.bare()}] = {.from = get_bool(entry, "from").value_or(true),
                                                 .to = get_bool(entry, "to").value_or(false),
                                                 .asked = get_bool(entry, "asked").value_or(false)};
  }
  return subscribers;
}

Result<void> save_subscribers(const std::string& file, const Subscribers& subscribers) {
  json::array list;
  for (const auto& [one, how] : subscribers) {
    json::object entry{{"address", one.address.str()}, {"jid", one.who.str()}};
    if (!how.from) entry["from"] = false;
    if (how.to) entry["to"] = true;
    if (how.asked) entry["asked"] = true;
    list.push_back(std::move(entry));
  }
  return store::write_file(file,
                           to_json(json::object{{"version", 1}, {"subscribers", std::move(list)}}));
}

}  // namespace skep::channels
