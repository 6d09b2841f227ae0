// What the readers and writers of the agent protocol share.
#pragma once

#include <charconv>
#include <optional>

#include "skep/base/text.h"
#include "skep/xmpp/agent_protocol.h"

namespace skep::xmpp::agent {

inline Element element(std::string_view name, std::string_view ns) {
  return Element(std::string(name), std::string(ns));
}

inline Element text_element(std::string_view name, std::string_view ns, std::string text) {
  Element child = element(name, ns);
  child.text(std::move(text));
  return child;
}

inline void set_unless_empty(Element& element, std::string key, std::string_view value) {
  if (!value.empty()) element.set(std::move(key), std::string(value));
}

inline std::optional<std::int64_t> number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// An attribute that is a number of at least `min`; 0 when it is absent.
inline Result<std::int64_t> number_of(const Element& from, std::string_view key,
                                      std::int64_t min = 0) {
  if (!from.has_attribute(key)) return 0;
  const auto value = number(from.attribute(key));
  if (!value || *value < min)
    return fail(Code::kInvalid, fmt::format("{} is no number it can be", key));
  return *value;
}

// Attributes that name something.
inline Result<std::string> id_of(const Element& from, std::string_view key) {
  const std::string_view id = from.attribute(key);
  if (id.size() > AgentLimits::kIdBytesMax)
    return fail(Code::kTooLarge,
                fmt::format("{} is longer than {} bytes", key, AgentLimits::kIdBytesMax));
  return std::string(id);
}
inline Result<std::string> required_id(const Element& from, std::string_view key) {
  SKEP_TRY(std::string id, id_of(from, key));
  if (id.empty()) return fail(Code::kInvalid, fmt::format("{} is missing", key));
  return id;
}

// A sum of money that is more than nothing; 0 when it is absent.
inline Result<PicoUsd> usd_of(const Element& from, std::string_view key) {
  if (!from.has_attribute(key)) return 0;
  const auto amount = parse_usd(from.attribute(key));
  if (!amount || *amount <= 0) return fail(Code::kInvalid, fmt::format("{} is no sum", key));
  return *amount;
}

inline std::string note(std::string_view text) {
  return std::string(cut_utf8(text, AgentLimits::kNoteBytesMax));
}

inline Result<std::optional<WallTime>> time_of(std::string_view text) {
  if (trim(text).empty()) return std::nullopt;
  const auto time = parse_rfc3339(trim(text));
  constexpr WallTime kYear10000{std::chrono::milliseconds(253'402'300'800'000)};
  if (!time || *time < WallTime{} || *time >= kYear10000)
    return fail(Code::kInvalid, "a time is not written as RFC 3339 wants it");
  return time;
}

// <budget/> in the namespace of its parent; nothing when it limits nothing.
void add_budget(Element& parent, const ExecBudget& budget);
Result<ExecBudget> read_budget(const Element& parent);

}  // namespace skep::xmpp::agent
