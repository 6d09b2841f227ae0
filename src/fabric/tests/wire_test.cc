// The wire files (tests/wire), which the clients in other languages are checked against too.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "skep/base/json.h"
#include "skep/fabric/envelope.h"

namespace skep::fabric {
namespace {

std::string content(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

json::object envelope_of(const EnvelopeView& view) {
  constexpr std::string_view kTo[] = {"null", "node", "name", "broadcast"};
  json::object out{{"src", view.src.uuid.str()},
                   {"src_name", view.src_name},
                   {"to", kTo[static_cast<std::size_t>(view.to)]},
                   {"ttl", view.ttl},
                   {"trace", view.trace},
                   {"vpn", view.vpn},
                   {"type", view.type},
                   {"msg", view.msg},
                   {"target", view.target},
                   {"scope", view.scope},
                   {"thread_id", view.thread_id},
                   {"id", view.id},
                   {"ack", view.ack},
                   {"has_thread_seq", view.has_thread_seq},
                   {"has_action_class", view.has_action_class}};
  out["dst"] =
      view.to == EnvelopeView::To::kNull ? json::value(nullptr) : json::value(view.dst_text);
  return out;
}

json::value progress_of(const Message& m) {
  if (!m.progress) return nullptr;
  constexpr std::string_view kPhases[] = {"",         "started", "text", "tool_start",
                                          "tool_end", "paused",  "reset"};
  return {{"phase", kPhases[static_cast<std::size_t>(m.progress->phase)]},
          {"text", m.progress->text}};
}

json::object conversation_of(const Message& m) {
  json::object out{{"channel", m.conversation.channel},
                   {"peer", m.conversation.peer},
                   {"thread", m.conversation.thread}};
  if (!m.conversation.entrypoint.empty()) out["entrypoint"] = m.conversation.entrypoint;
  return out;
}

json::object message_of(const Message& m) {
  constexpr std::string_view kKinds[] = {"", "user", "reply", "progress", "system", "control"};
  return {{"kind", kKinds[static_cast<std::size_t>(m.kind)]},
          {"action", m.action},
          {"id", m.id.str()},
          {"in_reply_to", m.in_reply_to.str()},
          {"sent_at", m.sent_at == WallTime() ? "" : format_rfc3339(m.sent_at, true)},
          {"from", m.from.is_nil() ? "" : m.from.str()},
          {"conversation", conversation_of(m)},
          {"reply_address", {{"from", m.reply_address.from}, {"to", m.reply_address.to}}},
          {"foreign_id", m.foreign_id},
          {"wants_progress", m.wants_progress},
          {"progress", progress_of(m)},
          {"parts", to_json_value(m.parts)},
          {"payload", m.payload},
          {"meta", m.meta}};
}

void expect_reading(const std::string& bytes, const json::value& reading) {
  Result<EnvelopeView> view = read_envelope(bytes);
  if (std::string_view error = get_string(reading, "error"); !error.empty()) {
    ASSERT_FALSE(view.has_value());
    EXPECT_EQ(code_name(view.error().code), error) << view.error().message;
    EXPECT_TRUE(view.error().message.contains(get_string(reading, "field")))
        << view.error().message;
    return;
  }
  ASSERT_TRUE(view.has_value()) << view.error().message;
  EXPECT_EQ(to_canonical_json(envelope_of(*view)), to_canonical_json(reading.at("envelope")));
  Result<Message> message = message_from_envelope(*view);
  ASSERT_TRUE(message.has_value()) << message.error().message;
  EXPECT_EQ(to_canonical_json(message_of(*message)), to_canonical_json(reading.at("message")));
}

TEST(WireFiles, ReadAsWritten) {
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(SKEP_WIRE_FILES)) {
    const std::string name = entry.path().filename().string();
    if (!name.ends_with(".reading.json")) continue;
    SCOPED_TRACE(name);
    Result<json::value> reading = parse_json(content(entry.path()));
    ASSERT_TRUE(reading.has_value());
    const std::string stem = name.substr(0, name.find('.'));
    expect_reading(content(entry.path().parent_path() / (stem + ".json")), *reading);
    ++files;
  }
  EXPECT_GE(files, 45);
}

}  // namespace
}  // namespace skep::fabric
