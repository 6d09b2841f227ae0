// Questions and choices as the journal keeps them. Kind "approval", entry "approval/<id>":
//   begin {"question":{…}} then, once answered, {"verdict","by"}
//   begin {"choice":{agent, action, resource, principal, labels, verdict, by}}
#pragma once

#include <string>

#include "skep/authority/approvals.h"

namespace skep::authority {

inline constexpr std::string_view kApprovalKind = "approval";
store::EntryId entry_of(std::string_view id);

// An answer that holds for later questions, too.
struct Choice {
  std::string id;
  std::string agent, resource, principal;
  Action action = Action::kToolInvoke;
  Labels labels;  // of the question that was answered
  Answer answer;
  bool operator==(const Choice&) const = default;

  [[nodiscard]] bool fits(const Question& question) const;
};

struct ApprovalRecord {
  std::optional<Approval> approval;
  std::optional<Answer> answer;  // of it
  std::optional<Choice> choice;
};
std::string question_record(const Approval& approval);
std::string answer_record(const Answer& answer);
std::string choice_record(const Choice& choice);
// kCorrupt when the records make no sense.
Result<ApprovalRecord> read_record(const store::JournalEntry& entry);

}  // namespace skep::authority
