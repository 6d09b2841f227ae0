// Words of a message into blobs and back.
#include "skep/base/json.h"
#include "skep/base/text.h"
#include "skep/fabric/blobs.h"
#include "skep/fabric/envelope.h"

namespace skep::fabric {
namespace {

bool one_text(const Message& message) {
  return message.parts.size() == 1 && std::holds_alternative<TextPart>(message.parts.front());
}

// The payload's JSON as the wire has it, without the parts.
std::size_t text_payload_bytes(std::string_view content) {
  std::string out = R"({"type":"text","content":,"attachments":[]})";
  append_json_string(out, content);
  return out.size();
}

Result<json::object> references(const std::string& content, const std::string& parts,
                                const BlobStore& store) {
  json::object payload{{"type", "text"}, {"attachments", json::array()}};
  SKEP_TRY(BlobRef words, store.put(content, "content.txt", "text/plain"));
  payload["content_ref"] = to_json_value(words);
  if (parts.empty()) return payload;
  SKEP_TRY(BlobRef all, store.put(parts, "parts.json", "application/json"));
  payload["parts_ref"] = to_json_value(all);
  return payload;
}

}  // namespace

bool is_short(const Message& message) {
  constexpr std::size_t kEscaped = 6;         // a byte as \u00xx
  constexpr std::size_t kPartOverhead = 256;  // names of members, quotes
  std::size_t bytes = 0;
  for (const Part& part : message.parts) {
    const auto* text = std::get_if<TextPart>(&part);
    if (text == nullptr) return false;
    bytes += text->text.size() + kPartOverhead;
  }
  // Several parts stand in the payload twice, as text and as parts.
  return bytes * kEscaped * 2 + kOffloadOverheadBytes < kOffloadBytes;
}

Result<bool> offload_text(Message& message, const BlobStore& store) {
  if (!message.payload.empty() || message.parts.empty() || is_short(message)) return false;
  const std::string content = text_of(message.parts);
  const std::string parts =
      one_text(message) ? std::string() : to_json(to_json_value(message.parts));
  constexpr std::size_t kPartsMember = std::string_view(R"(,"parts":)").size();
  const std::size_t bytes =
      text_payload_bytes(content) + (parts.empty() ? 0 : kPartsMember + parts.size());
  if (bytes + kOffloadOverheadBytes <= kOffloadBytes) return false;
  if (!is_valid_utf8(content)) return fail(Code::kInvalid, "the message's text is not UTF-8");
  SKEP_TRY(json::object payload, references(content, parts, store));
  message.payload = to_json(payload);
  message.parts.clear();
  return true;
}

bool is_offloaded(const Message& message) {
  if (!message.payload.contains("\"content_ref\"")) return false;
  Result<json::value> payload = parse_json(message.payload);
  return payload && get_string(*payload, "type") == "text" &&
         get_member(*payload, "content_ref") != nullptr;
}

Task<Result<Message>> put_text_back(Ctx ctx, Message message, BlobStore store) {
  SKEP_CO_TRY(json::value payload, parse_json(message.payload));
  // The words are within the parts, where there are parts.
  const json::value* parts_ref = get_member(payload, "parts_ref");
  const json::value* content_ref = get_member(payload, "content_ref");
  if (content_ref == nullptr) co_return fail(Code::kInvalid, "no text in a blob to put back");
  SKEP_CO_TRY(BlobRef ref, blob_ref_from_json(parts_ref != nullptr ? *parts_ref : *content_ref));
  const bool is_parts = parts_ref != nullptr;
  Result<std::string> bytes = co_await store.get_when_there(std::move(ctx), std::move(ref));
  if (!bytes) co_return fail(std::move(bytes).error().in("the text of a message"));
  if (!is_valid_utf8(*bytes)) co_return fail(Code::kCorrupt, "a text in a blob is not UTF-8");
  std::vector<Part> parts;
  if (is_parts) {
    SKEP_CO_TRY(json::value all, parse_json(*bytes, JsonLimits{.bytes_max = bytes->size()}));
    SKEP_CO_TRY(parts, parts_from_json(all));
  } else {
    parts.emplace_back(TextPart{*std::move(bytes)});
  }
  message.parts = std::move(parts);
  message.payload.clear();
  co_return message;
}

}  // namespace skep::fabric
