#include "config_state.h"

#include <fmt/format.h>

#include <tuple>

#include "skep/base/text.h"

namespace skep::fabric {

namespace {

constexpr std::size_t kSumDigits = 16;
constexpr std::size_t kOriginBytesMax = 64, kAskedBytesMax = 256;

std::string sum_of(std::string_view text) { return hex_encode(sha256(text)).substr(0, kSumDigits); }

Result<std::uint64_t> number(const json::value& value, std::string_view key) {
  const auto number = get_int(value, key);
  if (!number || *number < 0)
    return fail(Code::kInvalid, fmt::format("\"{}\" must be a whole number from 0 on", key));
  return static_cast<std::uint64_t>(*number);
}

}  // namespace

std::string_view section_name(Section section) {
  return section == Section::kRoutes ? "routes" : "zones";
}

std::optional<Section> section_of(std::string_view subsystem) {
  if (subsystem == "routes") return Section::kRoutes;
  if (subsystem == "zones" || subsystem == "vpn" || subsystem == "vpns") return Section::kZones;
  return std::nullopt;
}

bool is_newer(const ConfigVersion& a, const ConfigVersion& than) {
  return std::tie(a.epoch, a.version, a.origin) > std::tie(than.epoch, than.version, than.origin);
}

json::value to_json_value(const ConfigVersion& version) {
  return json::object{
      {"version", version.version}, {"origin", version.origin}, {"epoch", version.epoch}};
}

Result<ConfigVersion> version_from_json(const json::value& value) {
  ConfigVersion version;
  SKEP_TRY(version.version, number(value, "version"));
  SKEP_TRY(version.epoch, number(value, "epoch"));
  version.origin = get_string(value, "origin");
  if (version.origin.size() > kOriginBytesMax)
    return fail(Code::kInvalid, "\"origin\" is too long");
  return version;
}

json::value ConfigState::content() const {
  return section == Section::kRoutes ? to_json_value(routes) : to_json_value(zones);
}

Result<void> ConfigState::read_content(const json::value& value) {
  if (section == Section::kRoutes) {
    SKEP_TRY(routes, routes_from_json(value));
  } else {
    SKEP_TRY(zones, zones_from_json(value));
  }
  const std::size_t bytes = to_json(content()).size();
  if (bytes <= kSectionBytesMax) return {};
  return fail(Code::kTooLarge, fmt::format("{} bytes of {} are more than the {} that fit a message",
                                           bytes, section_name(section), kSectionBytesMax));
}

json::value to_json_value(const ConfigState& state) {
  json::value value = to_json_value(state.version);
  json::object& object = value.as_object();
  object["section"] = section_name(state.section);
  object["config"] = state.content();
  if (!state.asked_by.empty()) {
    object["asked_by"] = state.asked_by;
    object["asked_trace"] = state.asked_trace;
  }
  return value;
}

Result<ConfigState> state_from_json(const json::value& value) {
  ConfigState state;
  const auto section = section_of(get_string(value, "section"));
  if (!section) return fail(Code::kInvalid, "\"section\" must be routes or zones");
  state.section = *section;
  SKEP_TRY(state.version, version_from_json(value));
  if (state.version.version == 0) return fail(Code::kInvalid, "version 0 is no version");
  state.asked_by = get_string(value, "asked_by");
  state.asked_trace = get_string(value, "asked_trace");
  if (state.asked_by.size() > kAskedBytesMax || state.asked_trace.size() > kAskedBytesMax)
    return fail(Code::kInvalid, "\"asked_by\" or \"asked_trace\" is too long");
  const json::value* content = get_member(value, "config");
  if (content == nullptr) return fail(Code::kInvalid, "\"config\" is missing");
  SKEP_TRY_VOID(state.read_content(*content));
  return state;
}

std::string config_line(const ConfigState& state) {
  const std::string text = to_json(to_json_value(state));
  return sum_of(text) + " " + text;
}

Result<ConfigState> read_config_line(std::string_view line) {
  if (line.size() <= kSumDigits || line[kSumDigits] != ' ')
    return fail(Code::kCorrupt, "no line of a configuration log");
  const std::string_view text = line.substr(kSumDigits + 1);
  if (sum_of(text) != line.substr(0, kSumDigits))
    return fail(Code::kCorrupt, "the line's checksum is wrong");
  SKEP_TRY(const json::value value, parse_json(text));
  return state_from_json(value);
}

}  // namespace skep::fabric
