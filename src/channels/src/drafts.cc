#include "drafts.h"

#include "skep/async/wait.h"
#include "skep/base/log.h"
#include "skep/base/text.h"
#include "skep/xmpp/references.h"
#include "styling.h"

namespace skep::channels {
namespace {

// The same before and after a death of the process, so that the whole answer can replace what an
// earlier one showed.
std::string id_of(const std::string& question) { return question + "-draft"; }

}  // namespace

void Drafts::progress(const Message& message, const Asked* asked) {
  if (!deps_.enabled || !message.progress || asked == nullptr) return;
  const std::string& question = message.in_reply_to.str();
  const auto phase = message.progress->phase;
  auto draft = drafts_.find(question);
  if (phase == Progress::Phase::kReset && draft != drafts_.end()) draft->second.text.clear();
  if (phase != Progress::Phase::kText) return;
  if (draft == drafts_.end()) {
    if (!begin(message, *asked)) return;
    draft = drafts_.find(question);
  }
  if (draft->second.text.size() <= deps_.bytes_max) draft->second.text += message.progress->text;
}

bool Drafts::begin(const Message& message, const Asked& asked) {
  const auto to = xmpp::Jid::parse(message.reply_address.to);
  const bool wanted = to && asked.type == "chat" && asked.occupant.empty() &&
                      drafts_.size() < kDraftsMax && deps_.takes_corrections(to->str());
  if (!wanted) return false;
  const std::string& question = message.in_reply_to.str();
  Draft draft{.with = {.to = *to, .thread = message.conversation.thread},
              .parent_thread = asked.parent_thread};
  if (deps_.with_from)
    draft.with.from = xmpp::Jid::parse(message.reply_address.from).value_or(xmpp::Jid());
  if (!deps_.gate.spawn("xmpp draft", run(deps_.gate.ctx(), question))) return false;
  drafts_.emplace(question, std::move(draft));
  return true;
}

Task<void> Drafts::run(Ctx ctx, std::string question) {
  for (;;) {
    const Result<void> slept = co_await sleep_for(ctx, deps_.pause);
    const auto draft = drafts_.find(question);
    if (!slept || draft == drafts_.end()) co_return;
    show(question, draft->second);
  }
}

void Drafts::show(const std::string& question, Draft& draft) {
  const std::string_view text = trim(draft.text);
  const bool fits = !text.empty() && draft.text.size() <= deps_.bytes_max;
  if (!fits || text == draft.shown) return;
  if (draft.count == 0) {
    if (auto kept = deps_.journal.remember(kSet, question); !kept) return;
  }
  draft.shown = text;
  const std::string first = id_of(question);
  const std::string id = draft.count == 0 ? first : fmt::format("{}-{}", first, draft.count + 1);
  xmpp::Element stanza =
      make_draft(draft.with, id, deps_.styling ? to_styling(draft.shown) : draft.shown,
                 draft.parent_thread, draft.count == 0 ? std::string() : first);
  ++draft.count;
  deps_.say(stanza);
}

std::string Drafts::ended(const MessageId& question) {
  drafts_.erase(question.str());
  const bool shown = deps_.journal.remembers(kSet, question.str());
  return shown ? id_of(question.str()) : std::string();
}

bool Drafts::is_draft(const std::string& stanza_id) const {
  const std::size_t dash = stanza_id.find("-draft");
  return dash != std::string::npos && deps_.journal.remembers(kSet, stanza_id.substr(0, dash));
}

}  // namespace skep::channels
