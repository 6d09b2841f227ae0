#include "skep/base/text.h"
#include "skep/channels/xmpp_channel.h"

namespace skep::channels {
namespace {

constexpr std::size_t kThreadBytesMax = 255;  // a longer thread id is as good as none

// The body without the addresses of files: they stand there for clients that know nothing better.
std::string words_of(const xmpp::ChatMessage& chat) {
  std::string text = chat.body;
  bool changed = false;
  for (const xmpp::SharedFile& file : chat.files) {
    if (file.url.empty() || !text.contains(file.url)) continue;
    text = replace_all(std::move(text), file.url, "");
    changed = true;
  }
  while (changed && text.contains("\n\n\n")) text = replace_all(std::move(text), "\n\n\n", "\n\n");
  return changed ? std::string(trim(text)) : text;
}

std::vector<Part> parts_of(const xmpp::ChatMessage& chat) {
  std::vector<Part> parts;
  std::string words = words_of(chat);
  if (!trim(words).empty()) parts.emplace_back(TextPart{std::move(words)});
  for (const xmpp::SharedFile& file : chat.files) {
    parts.emplace_back(FilePart{.filename = file.name,
                                .media_type = file.media_type,
                                .size_bytes = file.size,
                                .url = file.url,
                                .sha256 = file.sha256});
  }
  return parts;
}

}  // namespace

Message to_message(const xmpp::ChatMessage& chat, const Ilk& from, const Destination& agent,
                   WallTime now) {
  Message message;
  message.id = MessageId(mint_ulid());
  message.trace = message.id.str();
  message.dst = agent;
  message.kind = Kind::kUser;
  message.sent_at = std::min(chat.delay.value_or(now), now);
  message.from = from;
  message.conversation = {.channel = "xmpp",
                          .peer = chat.from.bare().str(),
                          .thread = chat.thread.size() <= kThreadBytesMax ? chat.thread : ""};
  message.reply_address = {.from = chat.to.empty() ? std::string() : chat.to.str(),
                           .to = chat.from.str()};
  message.foreign_id = chat.id;
  message.wants_progress = true;
  message.parts = parts_of(chat);
  if (!chat.lang.empty()) message.meta["lang"] = chat.lang;
  return message;
}

}  // namespace skep::channels
