#include "subscribers.h"

#include "skep/base/json.h"

namespace skep::channels {
namespace {

using xmpp::Jid;

std::string line_of(const Subscriber& one, const Subscription& how) {
  json::object entry{{"address", one.address.str()}, {"jid", one.who.str()}};
  if (!how.from) entry["from"] = false;
  if (how.to) entry["to"] = true;
  if (how.asked) entry["asked"] = true;
  return to_json(entry);
}

// `from` is the rule, and so is not written.
Result<void> read_entry(const json::value& entry, Subscribers& subscribers) {
  SKEP_TRY(const Jid address, Jid::parse(get_string(entry, "address")));
  SKEP_TRY(const Jid who, Jid::parse(get_string(entry, "jid")));
  const Subscriber one{address.bare(), who.bare()};
  const Subscription how{.from = get_bool(entry, "from").value_or(true),
                         .to = get_bool(entry, "to").value_or(false),
                         .asked = get_bool(entry, "asked").value_or(false)};
  if (how.none()) {
    subscribers.erase(one);
  } else {
    subscribers[one] = how;
  }
  return {};
}

// COMPAT(homes made before the log): the whole list as one line.
Result<void> read_line(std::string_view line, Subscribers& subscribers) {
  SKEP_TRY(const json::value value, parse_json(line));
  const json::array* list = get_array(value, "subscribers");
  if (list == nullptr) return read_entry(value, subscribers);
  for (const json::value& entry : *list) SKEP_TRY_VOID(read_entry(entry, subscribers));
  return {};
}

}  // namespace

Result<Subscribers> SubscriberFile::load() {
  Subscribers subscribers;
  if (path_.empty()) return subscribers;
  const auto text = store::read_file(path_);
  if (!text) {
    if (text.error().code == Code::kNotFound) return subscribers;
    return std::unexpected(text.error());
  }
  for (std::string_view rest = *text; !rest.empty();) {
    const auto end = rest.find('\n');
    if (!read_line(rest.substr(0, end), subscribers)) ++unreadable_;
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  }
  SKEP_TRY_VOID(rewrite(subscribers));
  return subscribers;
}

Result<void> SubscriberFile::note(const Subscriber& one, const Subscription& how,
                                  const Subscribers& all) {
  if (path_.empty()) return {};
  if (lines_ > 2 * all.size() + kOldLinesMax) return rewrite(all);
  if (!log_) {
    SKEP_TRY(log_, store::AppendFile::open(path_));
  }
  SKEP_TRY_VOID(log_->append(line_of(one, how)));
  ++lines_;
  return {};
}

Result<void> SubscriberFile::rewrite(const Subscribers& all) {
  std::string text;
  for (const auto& [one, how] : all) text += line_of(one, how) + '\n';
  SKEP_TRY_VOID(store::write_file(path_, text));
  lines_ = all.size();
  SKEP_TRY(log_, store::AppendFile::open(path_));  // the old file is gone
  return {};
}

}  // namespace skep::channels
