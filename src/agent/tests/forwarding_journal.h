// A journal that hands everything on to a real one: tests override what they want to go wrong.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "skep/store/journal.h"

namespace skep::agent::testing {

class ForwardingJournal : public store::Journal {
 public:
  explicit ForwardingJournal(std::unique_ptr<store::Journal> real) : real_(std::move(real)) {}

  [[nodiscard]] std::vector<store::JournalEntry> unfinished(std::string_view kind) const override {
    return real_->unfinished(kind);
  }
  [[nodiscard]] std::vector<std::string> kinds() const override { return real_->kinds(); }
  Result<void> begin(std::string_view kind, const store::EntryId& id,
                     std::string_view what) override {
    return real_->begin(kind, id, what);
  }
  Result<void> step(const store::EntryId& id, std::string_view what) override {
    return real_->step(id, what);
  }
  Result<void> end(const store::EntryId& id) override { return real_->end(id); }
  [[nodiscard]] bool contains(const store::EntryId& id) const override {
    return real_->contains(id);
  }
  [[nodiscard]] std::size_t size() const override { return real_->size(); }
  Result<void> remember(std::string_view set, std::string_view key) override {
    return real_->remember(set, key);
  }
  [[nodiscard]] std::vector<std::string> remembered(std::string_view set) const override {
    return real_->remembered(set);
  }
  [[nodiscard]] bool remembers(std::string_view set, std::string_view key) const override {
    return real_->remembers(set, key);
  }

 private:
  std::unique_ptr<store::Journal> real_;
};

}  // namespace skep::agent::testing
