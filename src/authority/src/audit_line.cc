#include "audit_line.h"

#include <fmt/format.h>

#include "skep/base/json.h"
#include "skep/base/json_text.h"
#include "skep/base/secret.h"
#include "skep/base/text.h"

namespace skep::authority {
namespace {

constexpr std::size_t kNameBytesMax = 256;  // of principal, agent, resource
constexpr std::size_t kWordBytesMax = 64;   // of action, outcome, trace
constexpr std::size_t kDetailBytesMax = 200;
constexpr std::size_t kLineBytesUsual = 512;

std::string when(const AuditEntry& entry) { return format_rfc3339(entry.time, true); }

std::string tidied(std::string_view text, std::size_t bytes_max) {
  return std::string(cut_utf8(to_valid_utf8(text), bytes_max));
}

std::unexpected<Error> bad(std::string why) { return fail(Code::kCorrupt, std::move(why)); }

}  // namespace

const std::string& first_prev() {
  static const std::string kZeros(64, '0');
  return kZeros;
}

void tidy(AuditEntry& entry) {
  for (std::string* name : {&entry.principal, &entry.agent, &entry.resource})
    *name = tidied(*name, kNameBytesMax);
  for (std::string* word : {&entry.action, &entry.outcome, &entry.trace})
    *word = tidied(*word, kWordBytesMax);
  entry.resource = redact(entry.resource, kNameBytesMax);
  entry.detail = redact(to_valid_utf8(entry.detail), kDetailBytesMax);
}

std::string chain_hash(const AuditEntry& entry) {
  const std::string seq = std::to_string(entry.seq);
  const std::string time = when(entry);
  std::string all;
  for (std::string_view field : {std::string_view(entry.prev), std::string_view(seq),
                                 std::string_view(time), std::string_view(entry.principal),
                                 std::string_view(entry.agent), std::string_view(entry.action),
                                 std::string_view(entry.resource), std::string_view(entry.outcome),
                                 std::string_view(entry.detail), std::string_view(entry.trace)}) {
    fmt::format_int size(field.size());
    all.append(size.data(), size.size()).append(":").append(field);
  }
  return hex_encode(sha256(all));
}

std::string audit_line(const AuditEntry& entry) {
  std::string line;
  line.reserve(kLineBytesUsual);
  JsonObjectText object(line);
  object.number("seq", entry.seq).text("time", when(entry)).text("principal", entry.principal);
  object.text("agent", entry.agent).text("action", entry.action).text("resource", entry.resource);
  object.text("outcome", entry.outcome).text("detail", entry.detail).text("trace", entry.trace);
  object.text("prev", entry.prev).text("hash", entry.hash).end();
  return line;
}

Result<AuditEntry> parse_audit_line(std::string_view line) {
  auto value = parse_json(line, {.bytes_max = audit_line_bytes_max, .depth_max = 2});
  if (!value) return bad("it is no line of an audit log");
  const auto seq = get_int(*value, "seq");
  const auto time = parse_rfc3339(get_string(*value, "time"));
  if (!seq || *seq < 1 || !time) return bad("it has no number or no time");
  const auto text = [&value](std::string_view key) { return std::string(get_string(*value, key)); };
  AuditEntry entry{.seq = static_cast<std::uint64_t>(*seq),
                   .time = *time,
                   .principal = text("principal"),
                   .agent = text("agent"),
                   .action = text("action"),
                   .resource = text("resource"),
                   .outcome = text("outcome"),
                   .detail = text("detail"),
                   .trace = text("trace"),
                   .prev = text("prev"),
                   .hash = text("hash")};
  // Nothing may stand in a line that its hash does not cover: another order, a second member of the
  // same name, an unknown one.
  if (audit_line(entry) != line) return bad("it is not as it was written");
  if (chain_hash(entry) != entry.hash) return bad("its hash is not that of its fields");
  return entry;
}

}  // namespace skep::authority
