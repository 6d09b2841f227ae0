#include "approval_record.h"

#include "skep/base/json.h"

namespace skep::authority {
namespace {

constexpr std::string_view kPrefix = "approval/";

std::unexpected<Error> bad(std::string what) {
  return fail(Code::kCorrupt, "approval record: " + std::move(what));
}

std::int64_t millis(WallTime time) { return time.time_since_epoch().count(); }
WallTime time_in(const json::value& value, std::string_view key) {
  return WallTime(Millis(get_int(value, key).value_or(0)));
}
std::string text_in(const json::value& value, std::string_view key) {
  return std::string(get_string(value, key));
}
Labels labels_in(const json::value& value) {
  return {static_cast<std::uint8_t>(get_int(value, "labels").value_or(0))};
}

json::object to_object(const Answer& answer) {
  return {{"verdict", answer.verdict == Verdict::kYes ? "yes" : "no"}, {"by", answer.by}};
}
Result<Answer> answer_in(const json::value& value) {
  const std::string verdict = text_in(value, "verdict");
  if (verdict != "yes" && verdict != "no") return bad("no verdict");
  return Answer{verdict == "yes" ? Verdict::kYes : Verdict::kNo, text_in(value, "by")};
}

Result<Approval> approval_in(const json::value& value) {
  const auto action = action_from(text_in(value, "action"));
  if (!action) return bad("an unknown action");
  Approval approval;
  approval.id = text_in(value, "id");
  approval.question = {
      .principal = {text_in(value, "principal"), get_bool(value, "admin").value_or(false)},
      .agent = text_in(value, "agent"),
      .action = *action,
      .resource = text_in(value, "resource"),
      .sends = get_bool(value, "sends").value_or(false),
      .labels = labels_in(value),
      .trace = text_in(value, "trace"),
      .detail = text_in(value, "detail")};
  approval.conversation = {text_in(value, "channel"), text_in(value, "peer"),
                           text_in(value, "thread")};
  approval.turn = text_in(value, "turn");
  approval.call = text_in(value, "call");
  approval.summary = text_in(value, "summary");
  approval.asked = time_in(value, "asked");
  approval.expires = time_in(value, "expires");
  return approval;
}

Result<Choice> choice_in(const json::value& value) {
  const auto action = action_from(text_in(value, "action"));
  if (!action) return bad("an unknown action");
  SKEP_TRY(Answer answer, answer_in(value));
  return Choice{.id = {},
                .agent = text_in(value, "agent"),
                .resource = text_in(value, "resource"),
                .principal = text_in(value, "principal"),
                .action = *action,
                .labels = labels_in(value),
                .answer = std::move(answer)};
}

}  // namespace

store::EntryId entry_of(std::string_view id) {
  return store::EntryId(std::string(kPrefix) + std::string(id));
}

bool Choice::fits(const Question& question) const {
  const bool same = agent == question.agent && action == question.action &&
                    resource == question.resource && principal == question.principal.id;
  // A yes holds for nothing more suspicious, a no for nothing less so.
  const bool yes = answer.verdict == Verdict::kYes;
  const Labels more = yes ? question.labels : labels;
  const Labels most = yes ? labels : question.labels;
  return same && (more.bits & ~most.bits) == 0;
}

std::string question_record(const Approval& approval) {
  const Question& question = approval.question;
  json::object value{{"id", approval.id},
                     {"principal", question.principal.id},
                     {"admin", question.principal.admin},
                     {"agent", question.agent},
                     {"action", action_name(question.action)},
                     {"resource", question.resource},
                     {"sends", question.sends},
                     {"labels", question.labels.bits},
                     {"trace", question.trace},
                     {"detail", question.detail},
                     {"channel", approval.conversation.channel},
                     {"peer", approval.conversation.peer},
                     {"thread", approval.conversation.thread},
                     {"turn", approval.turn},
                     {"call", approval.call},
                     {"summary", approval.summary},
                     {"asked", millis(approval.asked)},
                     {"expires", millis(approval.expires)}};
  return to_json(json::object{{"question", std::move(value)}});
}

std::string answer_record(const Answer& answer) { return to_json(to_object(answer)); }

std::string choice_record(const Choice& choice) {
  json::object value = to_object(choice.answer);
  value["agent"] = choice.agent;
  value["action"] = action_name(choice.action);
  value["resource"] = choice.resource;
  value["principal"] = choice.principal;
  value["labels"] = choice.labels.bits;
  return to_json(json::object{{"choice", std::move(value)}});
}

Result<ApprovalRecord> read_record(const store::JournalEntry& entry) {
  if (entry.steps.empty() || !entry.id.str().starts_with(kPrefix)) return bad("no begin");
  SKEP_TRY(const json::value begin, parse_json(entry.steps.front()));
  ApprovalRecord record;
  if (const json::value* choice = get_member(begin, "choice")) {
    SKEP_TRY(record.choice, choice_in(*choice));
    record.choice->id = entry.id.str().substr(kPrefix.size());
    return record;
  }
  const json::value* question = get_member(begin, "question");
  if (question == nullptr) return bad("neither a question nor a choice");
  SKEP_TRY(record.approval, approval_in(*question));
  if (entry.steps.size() > 1) {
    SKEP_TRY(const json::value step, parse_json(entry.steps.back()));
    SKEP_TRY(record.answer, answer_in(step));
  }
  return record;
}

}  // namespace skep::authority
