// Who was written to for the first time with whose consent: nobody is asked twice.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "skep/base/clock.h"
#include "skep/base/result.h"

namespace skep::identity {

// `person` had the agent write to `contact`; both are normalised bare JIDs.
struct FirstContact {
  std::string person, contact;
  std::string by;  // who said yes
  WallTime at{};
  bool operator==(const FirstContact&) const = default;
};

// Loop thread only. What a call changes holds at once and is in the file when it returns: a change
// that cannot be written, or that `noted` refuses, fails and changes nothing.
class Contacts {
 public:
  static constexpr std::size_t kEntriesMax =
      10'000;  // the oldest is forgotten, and asked about anew

  // Told of each change before it is made: for the audit log.
  using Noted = std::function<Result<void>(const FirstContact&, bool known, std::string_view by)>;
  // `file`: <home>/contacts.json, 0600; empty: in memory only. A damaged file is kCorrupt.
  static Result<std::unique_ptr<Contacts>> open(std::string file, const Clock& clock,
                                                Noted noted = {});

  [[nodiscard]] bool knows(std::string_view person, std::string_view contact) const;
  [[nodiscard]] const std::vector<FirstContact>& entries() const {
    return entries_;
  }  // oldest first
  Result<void> add(std::string person, std::string contact,
                   std::string by);  // again: nothing happens
  // Of everybody when `person` is empty. How many there were; kNotFound: none.
  Result<std::size_t> forget(std::string_view contact, std::string_view person,
                             std::string_view by);

 private:
  Contacts(std::string file, const Clock& clock, Noted noted)
      : file_(std::move(file)), clock_(clock), noted_(std::move(noted)) {}
  Result<void> load();
  Result<void> change(std::vector<FirstContact> entries);

  std::string file_;
  const Clock& clock_;
  Noted noted_;
  std::vector<FirstContact> entries_;
};

}  // namespace skep::identity
