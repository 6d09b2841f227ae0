#include "skep/tools/toolbox.h"

#include <algorithm>
#include <stop_token>

#include "schema.h"
#include "skep/base/log.h"
#include "skep/base/text.h"
#include "skep/tools/result_store.h"
#include "told.h"

namespace skep::tools {
namespace {

constexpr std::size_t kNameBytesMax = 64;
constexpr std::size_t kNameShownMax = 64;
constexpr std::size_t kResultBytesMin = 2000;

bool is_tool_name(std::string_view name) {
  auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  };
  return !name.empty() && name.size() <= kNameBytesMax && std::ranges::all_of(name, allowed);
}

ToolOutput error_output(std::string text) { return {std::move(text), true}; }

// The head and the tail, which say most; a note in between.
std::string cut_in_the_middle(std::string_view all, std::size_t bytes_max,
                              std::string_view where_the_rest_is) {
  constexpr std::size_t kNoteBytes = 200;
  const std::size_t tail_bytes = bytes_max / 5;
  const std::string_view head = cut_utf8(all, bytes_max - tail_bytes - kNoteBytes);
  std::size_t tail = all.size() - tail_bytes;
  while (tail < all.size() && (static_cast<unsigned char>(all[tail]) & 0xc0) == 0x80) ++tail;
  return fmt::format("{}\n[… {} of {} bytes left out here{} …]\n{}", head, tail - head.size(),
                     all.size(), where_the_rest_is, all.substr(tail));
}

}  // namespace

std::string Tool::describe(const json::value& arguments) const {
  constexpr std::size_t kShownBytes = 400;
  return fmt::format("use {} with {}", spec().name, cut_utf8(to_json(arguments), kShownBytes));
}

struct Toolbox::Entry {
  std::unique_ptr<Tool> tool;
  Schema schema;
};

Toolbox::Toolbox() = default;
Toolbox::Toolbox(Toolbox&&) noexcept = default;
Toolbox& Toolbox::operator=(Toolbox&&) noexcept = default;
Toolbox::~Toolbox() = default;

Result<void> Toolbox::add(std::unique_ptr<Tool> tool) {
  const llm::ToolSpec& spec = tool->spec();
  if (!is_tool_name(spec.name)) {
    return fail(Code::kInvalid,
                fmt::format("\"{}\" is no tool name: 1 to 64 of a-z 0-9 _", spec.name));
  }
  if (find(spec.name) != nullptr)
    return fail(Code::kExists, fmt::format("there is a tool \"{}\" already", spec.name));
  auto schema = Schema::compile(spec.input_schema);
  if (!schema) return fail(std::move(schema).error().in(fmt::format("tool \"{}\"", spec.name)));
  auto place = std::ranges::find_if(
      entries_, [&](const Entry& e) { return e.tool->spec().name > spec.name; });
  entries_.insert(place, Entry{std::move(tool), std::move(*schema)});
  std::vector<llm::ToolSpec> specs, blind;
  for (const Entry& entry : entries_) {
    specs.push_back(told(entry.tool->spec()));
    if (!entry.tool->only_shows()) blind.push_back(specs.back());
  }
  specs_ = std::move(specs);
  blind_specs_ = std::move(blind);
  return {};
}

const Toolbox::Entry* Toolbox::entry(std::string_view name) const {
  auto at =
      std::ranges::find_if(entries_, [&](const Entry& e) { return e.tool->spec().name == name; });
  return at == entries_.end() ? nullptr : &*at;
}

const Tool* Toolbox::find(std::string_view name) const {
  const Entry* found = entry(name);
  return found == nullptr ? nullptr : found->tool.get();
}

ToolOutput Toolbox::unknown(std::string_view name) const {
  std::vector<std::string> names;
  for (const Entry& entry : entries_) names.push_back(entry.tool->spec().name);
  std::string known = names.empty() ? "there are no tools" : "the tools are: " + join(names, ", ");
  return error_output(fmt::format("There is no tool \"{}\"; {}.",
                                  cut_utf8(to_valid_utf8(name), kNameShownMax), known));
}

bool Toolbox::too_many_calls() const {
  if (calls_per_minute_ == 0) return false;
  const auto now = std::chrono::steady_clock::now();
  while (!recent_.empty() && now - recent_.front() > std::chrono::minutes(1)) recent_.pop_front();
  if (recent_.size() >= calls_per_minute_) return true;
  recent_.push_back(now);
  return false;
}

std::optional<ToolOutput> Toolbox::refusal(const ToolCall& call) const {
  const Entry* found = entry(call.name);
  if (found == nullptr) return unknown(call.name);
  if (!call.arguments_error.empty()) {
    return error_output(fmt::format(
        "The arguments were no valid JSON ({}). Send the call again with a JSON object.",
        call.arguments_error));
  }
  if (!call.arguments.is_object()) return error_output("The arguments must be a JSON object.");
  Result<void> fits = found->schema.check(call.arguments);
  if (!fits)
    return error_output("The arguments do not fit the tool's schema:\n" + fits.error().message);
  return std::nullopt;
}

Task<ToolOutput> Toolbox::call(ToolContext context, const ToolCall& call) const {
  if (auto refused = refusal(call)) co_return *std::move(refused);
  if (too_many_calls()) {
    co_return error_output(fmt::format(
        "Not run: {} calls a minute are allowed. Answer with what you have.", calls_per_minute_));
  }
  Tool& tool = *entry(call.name)->tool;
  Ctx outer = context.ctx;
  context.ctx = outer.within(tool.timeout());
  const Ctx limited = context.ctx;
  const Conversation conversation = context.conversation;
  const bool whole = context.whole;
  log::info("tools", "run {} turn={} call={}", call.name, context.turn, context.call_id);
  json::object arguments = call.arguments.as_object();
  ToolOutput output = co_await tool.call(std::move(context), std::move(arguments));
  if (outer.stop.stop_requested())
    co_return error_output("Cancelled before it had finished; it may or may not have happened.");
  Result<void> in_time = limited.check();
  if (output.is_error && !in_time) {
    co_return error_output(fmt::format(
        "No result within {} s; it may or may not have happened. {}",
        std::chrono::duration_cast<std::chrono::seconds>(tool.timeout()).count(), output.text));
  }
  output.text = to_valid_utf8(output.text);
  if (!whole) output.text = fitted(conversation, std::move(output.text));
  co_return output;
}

void Toolbox::keep_long_results(const ResultStore& store, std::size_t bytes_max) {
  results_ = &store;
  result_bytes_max_ = std::clamp(bytes_max, kResultBytesMin, result_bytes_max);
}

std::string Toolbox::fitted(const Conversation& conversation, std::string text) const {
  if (text.size() <= result_bytes_max_) return text;
  std::string rest;
  if (results_ != nullptr) {
    auto handle = results_->keep(conversation, text);
    if (handle) {
      rest = fmt::format("; result_read {{\"handle\":\"{}\"}} reads them", *handle);
    } else {
      log::warn("tools", "a long result was not kept: {}", handle.error().to_string());
    }
  }
  return cut_in_the_middle(text, result_bytes_max_, rest);
}

}  // namespace skep::tools
