#include "skep/base/text.h"
#include "skep/channels/xmpp_channel.h"

namespace skep::channels {
namespace {

constexpr std::size_t kUrlsMax = 16;          // attachments taken from one message
constexpr std::size_t kThreadBytesMax = 255;  // a longer thread id is as good as none

// "https://up.example/abc/report.pdf?x=1" -> "report.pdf"
std::string filename_of(std::string_view url) {
  url = url.substr(0, url.find_first_of("?#"));
  const std::size_t slash = url.rfind('/');
  const std::string_view name = slash == std::string_view::npos ? url : url.substr(slash + 1);
  return std::string(name.empty() ? std::string_view("attachment") : name);
}

std::vector<Part> parts_of(const xmpp::ChatMessage& chat) {
  std::vector<Part> parts;
  if (!trim(chat.body).empty()) parts.emplace_back(TextPart{chat.body});
  for (const std::string& url : chat.urls) {
    if (parts.size() > kUrlsMax) break;
    parts.emplace_back(FilePart{.filename = filename_of(url), .url = url});
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
