#include "skep/authority/approvals.h"

#include <fmt/format.h>

#include <algorithm>
#include <list>

#include "approval_record.h"
#include "skep/async/wait.h"
#include "skep/base/id.h"
#include "skep/base/log.h"
#include "skep/base/text.h"

namespace skep::authority {
namespace {

constexpr std::size_t kIdLetters = 4;
constexpr std::size_t kSummaryBytesMax = 1000;

// Without those that look or sound alike.
std::string short_id() {
  static constexpr std::string_view kLetters = "abcdefghjkmnpqrstuvwxyz23456789";
  std::string id = random_bytes(kIdLetters);
  for (char& c : id) c = kLetters[static_cast<unsigned char>(c) % kLetters.size()];
  return id;
}

class ApprovalsImpl final : public Approvals {
 public:
  ApprovalsImpl(ApprovalsConfig config, store::Journal& journal, AuditLog& audit,
                const Clock& clock)
      : config_(config), journal_(journal), audit_(audit), clock_(clock) {}

  // What a previous process left. Questions whose turn has ended are nobody's any more.
  Result<void> restore() {
    for (const store::JournalEntry& entry : journal_.unfinished(kApprovalKind)) {
      auto record = read_record(entry);
      if (!record) {
        log::error("authority", "{} is left alone: {}", entry.id.str(), record.error().to_string());
        continue;
      }
      if (record->choice) choices_.push_back(*std::move(record->choice));
      if (record->approval) {
        auto item = std::make_shared<Item>();
        item->approval = *std::move(record->approval);
        item->answer = std::move(record->answer);
        items_.push_back(std::move(item));
      }
    }
    sweep();
    return {};
  }

  Task<Result<Answer>> ask(Ctx ctx, Approval approval) override {
    if (stopping_) co_return stopped();
    if (const Choice* choice = remembered(approval.question)) {
      note(approval, choice->answer, "remembered");
      co_return choice->answer;
    }
    auto begun = begin(std::move(approval));
    if (!begun) co_return fail(std::move(begun).error());
    const ItemPtr item = *std::move(begun);
    if (!item->answer) tell(item->approval);
    co_return co_await wait_for(std::move(ctx), item);
  }

  void stop() override {
    stopping_ = true;
    for (const ItemPtr& item : items_) item->changed.notify_all();
  }

  Result<Approval> answer(std::string_view id, const Conversation& from, const Principal& by,
                          Verdict verdict, Remember remember) override {
    SKEP_TRY(const ItemPtr item, find(id, from));
    const Approval& approval = item->approval;
    if (by.id != approval.question.principal.id && !by.admin) {
      return fail(Code::kDenied, fmt::format("{} is for {} to answer", approval.id,
                                             approval.question.principal.id));
    }
    const Answer given{verdict, by.id};
    SKEP_TRY_VOID(journal_.step(entry_of(approval.id), answer_record(given)));
    item->answer = given;
    note(approval, given, remember == Remember::kAlways ? "always" : "");
    if (remember == Remember::kAlways) keep(approval.question, given);
    item->changed.notify_all();
    return approval;
  }

  [[nodiscard]] std::vector<Approval> pending() const override {
    std::vector<Approval> open;
    for (const ItemPtr& item : items_) {
      if (is_open(*item)) open.push_back(item->approval);
    }
    return open;
  }

  Result<std::size_t> forget(const Principal& principal) override {
    std::size_t gone = 0;
    for (auto at = choices_.begin(); at != choices_.end();) {
      if (at->principal != principal.id) {
        ++at;
        continue;
      }
      SKEP_TRY_VOID(journal_.end(entry_of(at->id)));
      at = choices_.erase(at);
      ++gone;
    }
    return gone;
  }

  std::function<void()> on_asked(std::function<void(const Approval&)> listener) override {
    const std::size_t number = ++listener_;
    listeners_.emplace_back(number, std::move(listener));
    return [this, number] {
      std::erase_if(listeners_, [number](const auto& one) { return one.first == number; });
    };
  }

 private:
  struct Item {
    Approval approval;
    std::optional<Answer> answer;  // kept until its turn has ended, for one that comes back
    std::size_t waiting = 0;       // that ask() now
    Signal changed;
  };
  using ItemPtr = std::shared_ptr<Item>;

  static std::unexpected<Error> stopped() {
    return fail(Code::kUnavailable, "the process is stopping; it will be asked again");
  }

  [[nodiscard]] bool is_open(const Item& item) const {
    return !item.answer && clock_.now() < item.approval.expires;
  }

  const Choice* remembered(const Question& question) const {
    const auto at =
        std::ranges::find_if(choices_, [&](const Choice& choice) { return choice.fits(question); });
    return at == choices_.end() ? nullptr : &*at;
  }

  // The same question of the same turn and call goes on where it was.
  Result<ItemPtr> begin(Approval approval) {
    const auto same = std::ranges::find_if(items_, [&](const ItemPtr& item) {
      return !approval.turn.empty() && item->approval.turn == approval.turn &&
             item->approval.call == approval.call;
    });
    if (same != items_.end()) return *same;
    sweep();
    const auto here = std::ranges::count_if(items_, [&](const ItemPtr& item) {
      return is_open(*item) && item->approval.conversation == approval.conversation;
    });
    if (static_cast<std::size_t>(here) >= config_.pending_max) {
      return fail(Code::kExhausted,
                  fmt::format("{} questions wait for an answer here already", here));
    }
    approval.id = new_id();
    approval.asked = clock_.now();
    approval.expires = approval.asked + config_.expiry;
    approval.summary = std::string(cut_utf8(approval.summary, kSummaryBytesMax));
    SKEP_TRY_VOID(journal_.begin(kApprovalKind, entry_of(approval.id), question_record(approval)));
    auto item = std::make_shared<Item>();
    item->approval = std::move(approval);
    items_.push_back(item);
    return item;
  }

  Task<Result<Answer>> wait_for(Ctx ctx, ItemPtr item) {
    ++item->waiting;
    const Ctx bounded = ctx.within(item->approval.expires - clock_.now());
    Result<void> woken;
    while (woken && !item->answer && !stopping_) woken = co_await item->changed.wait(bounded);
    --item->waiting;
    if (item->answer) co_return *item->answer;
    if (stopping_) co_return stopped();
    Result<void> alive = ctx.check();
    const Answer expired{Verdict::kExpired, ""};
    note(item->approval, expired, alive ? "nobody answered" : "withdrawn");
    if (item->waiting == 0) drop(item);
    if (!alive) co_return fail(std::move(alive).error());
    co_return expired;
  }

  void drop(const ItemPtr& item) {
    if (auto ended = journal_.end(entry_of(item->approval.id)); !ended)
      log::warn("authority", "the question {} stays in the journal: {}", item->approval.id,
                ended.error().to_string());
    std::erase(items_, item);
  }

  // Nobody comes back for a question whose turn is not in the journal any more.
  void sweep() {
    const std::vector<ItemPtr> all(items_.begin(), items_.end());
    for (const ItemPtr& item : all) {
      const bool needed =
          item->waiting > 0 ||
          (!item->approval.turn.empty() && journal_.contains(store::EntryId(item->approval.turn)));
      if (!needed) drop(item);
    }
  }

  Result<ItemPtr> find(std::string_view id, const Conversation& from) const {
    std::vector<ItemPtr> here;
    for (const ItemPtr& item : items_) {
      const bool wanted = id.empty() || equals_ignoring_ascii_case(item->approval.id, id);
      if (wanted && is_open(*item) && item->approval.conversation == from) here.push_back(item);
    }
    if (here.size() == 1) return here.front();
    if (here.empty()) return fail(Code::kNotFound, "no such question is open here");
    return fail(Code::kConflict, "several questions are open here");
  }

  std::string new_id() const {
    while (true) {
      std::string id = short_id();
      if (!journal_.contains(entry_of(id))) return id;
    }
  }

  void keep(const Question& question, const Answer& answer) {
    Choice choice{.id = new_id(),
                  .agent = question.agent,
                  .resource = question.resource,
                  .principal = question.principal.id,
                  .action = question.action,
                  .labels = question.labels,
                  .answer = answer};
    const auto kept = journal_.begin(kApprovalKind, entry_of(choice.id), choice_record(choice));
    if (!kept) {
      log::warn("authority", "a choice is not remembered: {}", kept.error().to_string());
      return;
    }
    choices_.push_back(std::move(choice));
    if (choices_.size() <= config_.remembered_max) return;
    (void)journal_.end(entry_of(choices_.front().id));
    choices_.pop_front();
  }

  void note(const Approval& approval, const Answer& answer, std::string_view how) {
    const Question& question = approval.question;
    const std::string_view outcome = answer.verdict == Verdict::kYes ? "allow" : "deny";
    AuditEntry entry{
        .principal = answer.by.empty() ? question.principal.id : answer.by,
        .agent = question.agent,
        .action = "approval",
        .resource = fmt::format("{}:{}", action_name(question.action), question.resource),
        .outcome = std::string(outcome),
        .detail =
            fmt::format("{}{}{}: {}", approval.id, how.empty() ? "" : " ", how, approval.summary),
        .trace = question.trace};
    if (auto written = audit_.append(std::move(entry)); !written)
      log::error("authority", "an answer is not in the audit log: {}", written.error().to_string());
  }

  void tell(const Approval& approval) {
    const auto listeners = listeners_;  // one may go while it is called
    for (const auto& [number, listener] : listeners) listener(approval);
  }

  const ApprovalsConfig config_;
  store::Journal& journal_;
  AuditLog& audit_;
  const Clock& clock_;
  std::list<ItemPtr> items_;   // oldest first
  std::list<Choice> choices_;  // likewise
  std::vector<std::pair<std::size_t, std::function<void(const Approval&)>>> listeners_;
  std::size_t listener_ = 0;
  bool stopping_ = false;
};

}  // namespace

ApprovalsConfig ApprovalsConfig::read(ConfigSection section) {
  ApprovalsConfig config;
  section.read_duration("approval_secs", std::chrono::seconds(1), config.expiry);
  section.read("pending_max", config.pending_max, {.min = 1, .max = 100});
  section.read("remembered_max", config.remembered_max, {.min = 0, .max = 100'000});
  if (config.expiry < std::chrono::seconds(10) || config.expiry > std::chrono::hours(24))
    section.problem("approval_secs", "must be from 10 to 86400");
  return config;
}

Result<std::unique_ptr<Approvals>> Approvals::open(ApprovalsConfig config, store::Journal& journal,
                                                   AuditLog& audit, const Clock& clock) {
  auto approvals = std::make_unique<ApprovalsImpl>(config, journal, audit, clock);
  SKEP_TRY_VOID(approvals->restore());
  return approvals;
}

}  // namespace skep::authority
