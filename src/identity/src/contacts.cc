#include "skep/identity/contacts.h"

#include <algorithm>

#include "skep/base/json.h"
#include "skep/base/text.h"
#include "skep/store/append_file.h"

namespace skep::identity {

Result<std::unique_ptr<Contacts>> Contacts::open(std::string file, const Clock& clock,
                                                 Noted noted) {
  std::unique_ptr<Contacts> contacts(new Contacts(std::move(file), clock, std::move(noted)));
  if (contacts->file_.empty()) return contacts;
  if (auto loaded = contacts->load(); !loaded) {
    return fail(
        loaded.error().code,
        fmt::format("{}: who was written to before cannot be read: {}. Mend the file, or put "
                    "it aside: then people are asked again",
                    contacts->file_, loaded.error().message));
  }
  return contacts;
}

Result<void> Contacts::load() {
  auto text = store::read_file(file_);
  if (!text && text.error().code == Code::kNotFound) return {};
  if (!text) return fail(text.error());
  SKEP_TRY(const json::value value, parse_json(*text));
  const json::array* entries = get_array(value, "entries");
  if (entries == nullptr) return fail(Code::kCorrupt, "no list in it");
  for (const json::value& one : *entries) {
    FirstContact entry{.person = std::string(get_string(one, "person")),
                       .contact = std::string(get_string(one, "contact")),
                       .by = std::string(get_string(one, "by")),
                       .at = parse_rfc3339(get_string(one, "at")).value_or(WallTime{})};
    if (entry.person.empty() || entry.contact.empty())
      return fail(Code::kCorrupt, "an entry without its people");
    entries_.push_back(std::move(entry));
  }
  return {};
}

Result<void> Contacts::change(std::vector<FirstContact> entries) {
  json::array all;
  for (const FirstContact& one : entries) {
    all.push_back(json::object{{"person", one.person},
                               {"contact", one.contact},
                               {"by", one.by},
                               {"at", format_rfc3339(one.at)}});
  }
  if (!file_.empty()) {
    const json::object whole{{"version", 1}, {"entries", std::move(all)}};
    SKEP_TRY_VOID(store::write_file(file_, to_json(whole)));
  }
  entries_ = std::move(entries);
  return {};
}

bool Contacts::knows(std::string_view person, std::string_view contact) const {
  return std::ranges::any_of(entries_, [&](const FirstContact& one) {
    return one.person == person && one.contact == contact;
  });
}

Result<void> Contacts::add(std::string person, std::string contact, std::string by) {
  if (knows(person, contact)) return {};
  FirstContact entry{std::move(person), std::move(contact), std::move(by), clock_.now()};
  if (noted_) SKEP_TRY_VOID(noted_(entry, true, entry.by));
  std::vector<FirstContact> entries = entries_;
  if (entries.size() >= kEntriesMax) entries.erase(entries.begin());
  entries.push_back(std::move(entry));
  return change(std::move(entries));
}

Result<std::size_t> Contacts::forget(std::string_view contact, std::string_view person,
                                     std::string_view by) {
  std::vector<FirstContact> kept;
  std::size_t gone = 0;
  for (const FirstContact& one : entries_) {
    if (one.contact != contact || (!person.empty() && one.person != person)) {
      kept.push_back(one);
      continue;
    }
    ++gone;
    if (noted_) SKEP_TRY_VOID(noted_(one, false, by));
  }
  if (gone == 0) return fail(Code::kNotFound, "nobody has had me write to them");
  SKEP_TRY_VOID(change(std::move(kept)));
  return gone;
}

}  // namespace skep::identity
