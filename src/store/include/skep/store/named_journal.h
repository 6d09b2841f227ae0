// A part of a journal for one of several owners of the same kind: two XMPP accounts in one process.
#pragma once

#include <string>

#include "skep/store/journal.h"

namespace skep::store {

// Kinds and sets get "@name" behind them; entries' ids are the caller's and must differ by
// themselves. The journal outlives this.
class NamedJournal final : public Journal {
 public:
  NamedJournal(Journal& journal, std::string_view name)
      : journal_(journal), suffix_("@" + std::string(name)) {}

  [[nodiscard]] std::vector<JournalEntry> unfinished(std::string_view kind) const override {
    std::vector<JournalEntry> entries = journal_.unfinished(named(kind));
    for (JournalEntry& entry : entries) entry.kind = std::string(kind);
    return entries;
  }
  [[nodiscard]] std::vector<std::string> kinds() const override {
    std::vector<std::string> own;
    for (std::string& kind : journal_.kinds()) {
      if (!kind.ends_with(suffix_)) continue;
      kind.resize(kind.size() - suffix_.size());
      own.push_back(std::move(kind));
    }
    return own;
  }
  Result<void> begin(std::string_view kind, const EntryId& id, std::string_view what) override {
    return journal_.begin(named(kind), id, what);
  }
  Result<void> step(const EntryId& id, std::string_view what) override {
    return journal_.step(id, what);
  }
  Result<void> end(const EntryId& id) override { return journal_.end(id); }
  [[nodiscard]] bool contains(const EntryId& id) const override { return journal_.contains(id); }
  [[nodiscard]] std::size_t size() const override { return journal_.size(); }
  Result<void> remember(std::string_view set, std::string_view key) override {
    return journal_.remember(named(set), key);
  }
  Result<void> remember_with_next(std::string_view set, std::string_view key) override {
    return journal_.remember_with_next(named(set), key);
  }
  [[nodiscard]] bool remembers(std::string_view set, std::string_view key) const override {
    return journal_.remembers(named(set), key);
  }

 private:
  [[nodiscard]] std::string named(std::string_view what) const {
    return std::string(what) + suffix_;
  }
  Journal& journal_;
  std::string suffix_;
};

}  // namespace skep::store
