// A memory that can be looked at and not changed, with a history of its own.
#pragma once

#include "skep/memory/memory.h"

namespace skep::agent {

// What would be noted in the transcript is passed over; what would change anything else is
// kUnsupported.
class ReadOnlyMemory : public memory::Memory {
 public:
  ReadOnlyMemory(memory::Memory& real, std::vector<memory::TranscriptEntry> before)
      : real_(real), before_(std::move(before)) {}
  [[nodiscard]] memory::WorkspaceTexts texts(const Conversation& c) const override {
    return real_.texts(c);
  }
  Result<bool> archive_if_idle(const Conversation&) override { return false; }
  Result<void> append_all(const Conversation&, std::span<const memory::TranscriptEntry>) override {
    return {};
  }
  Result<std::vector<memory::TranscriptEntry>> history(const Conversation&) override {
    return before_;
  }
  Result<void> retract(const Conversation&, std::string_view, std::string_view) override {
    return read_only();
  }
  Result<Archived> archive(const Conversation&) override { return read_only(); }
  Result<std::vector<std::string>> forget(const Conversation&) override { return read_only(); }
  Result<memory::SessionStats> stats(const Conversation& c) override { return real_.stats(c); }
  [[nodiscard]] std::vector<PastSession> past_sessions(const Conversation& c) const override {
    return real_.past_sessions(c);
  }
  Result<Archived> resume(const Conversation&, const std::string&) override { return read_only(); }
  Result<memory::Remembered> remember(const Conversation&, memory::KnowledgeEntry) override {
    return read_only();
  }
  Result<bool> drop_note(const Conversation&, std::string_view) override { return read_only(); }
  Result<std::vector<memory::KnowledgeEntry>> recall(const Conversation& c,
                                                     std::string_view query) override {
    return real_.recall(c, query);
  }
  [[nodiscard]] std::string directory(const Conversation& c) const override {
    return real_.directory(c);
  }

 private:
  static std::unexpected<Error> read_only() {
    return fail(Code::kUnsupported, "this memory is only looked at");
  }
  memory::Memory& real_;
  std::vector<memory::TranscriptEntry> before_;
};

}  // namespace skep::agent
