#include "extras.h"

#include <algorithm>

#include "skep/base/text.h"

namespace skep::channels {
namespace {

// Something to look at, not words: no letters, digits only within a keycap, no white space.
bool is_emoji(std::string_view text) {
  if (text.empty() || text.size() > xmpp::kReactionBytesMax || !is_valid_utf8(text)) return false;
  const bool beyond_ascii = std::ranges::any_of(text, [](unsigned char c) { return c >= 0x80; });
  return beyond_ascii && std::ranges::none_of(text, [](unsigned char c) {
           return c < 0x80 && c != '#' && c != '*' && (c < '0' || c > '9');
         });
}

}  // namespace

Result<void> ExtrasSender::post(const std::string& turn, std::string text, Extras extras) {
  const Asked* asked = deps_.turns.find(turn);
  if (asked == nullptr)
    return fail(Code::kNotFound, "the message that is answered is not known any more");
  Message message;
  message.id = MessageId(mint_ulid());
  message.kind = Kind::kReply;
  message.conversation = asked->conversation;
  message.reply_address = asked->address;
  if (!text.empty()) message.parts.emplace_back(TextPart{std::move(text)});
  if (deps_.rooms.is_for_room(message) || asked->type == "groupchat")
    return deps_.rooms.reply(std::move(message), *asked, std::move(extras));
  return deps_.post({.message = std::move(message),
                     .type = asked->type,
                     .parent_thread = asked->parent_thread,
                     .chat_state = false,
                     .with_from = deps_.with_from,
                     .styling = deps_.config.styling,
                     .extras = std::move(extras),
                     .bytes_max = deps_.config.reply_bytes_max});
}

Result<void> ExtrasSender::react(const std::string& turn, std::vector<std::string> emojis) {
  const Asked* asked = deps_.turns.find(turn);
  if (asked == nullptr)
    return fail(Code::kNotFound, "the message that is answered is not known any more");
  if (emojis.size() > kReactionsMax || !std::ranges::all_of(emojis, is_emoji))
    return fail(Code::kInvalid, "a reaction is an emoji, and at most five of them");
  const std::string& target = asked->type == "groupchat" ? asked->reply_id : asked->reference;
  if (target.empty())
    return fail(Code::kUnsupported, asked->type == "groupchat"
                                        ? "this room gives its messages no ids to react to"
                                        : "that message has no id to react to");
  return post(turn, {}, {.reacts_to = target, .reactions = std::move(emojis)});
}

Task<Result<void>> ExtrasSender::share(Ctx ctx, std::string turn, OutgoingFile file) {
  if (deps_.turns.find(turn) == nullptr)
    co_return fail(Code::kNotFound, "the message that is answered is not known any more");
  xmpp::SharedFile shared{.name = file.name, .media_type = file.media_type};
  SKEP_CO_TRY(shared,
              co_await deps_.uploads.put(std::move(ctx), std::move(shared), std::move(file.bytes)));
  Extras extras;
  extras.files.push_back(std::move(shared));
  co_return post(turn, std::move(file.caption), std::move(extras));
}

}  // namespace skep::channels
