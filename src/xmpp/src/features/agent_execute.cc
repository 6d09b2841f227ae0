// urn:fluux:agent:0#execute: asking for a skill, and what comes of it.
#include "features/agent_codec.h"
#include "skep/xmpp/shared_files.h"

namespace skep::xmpp {
namespace {

using namespace agent;

constexpr std::array<std::string_view, 7> kStatusNames = {
    "accepted", "running", "needs-confirmation", "completed", "failed", "cancelled", "expired"};
constexpr std::array<std::string_view, 3> kReplyNames = {"auto", "sync", "async"};
constexpr std::size_t kLangBytesMax = 35;
constexpr std::int64_t kTimeoutSecsMax = 24 * 3600;
constexpr std::size_t kSha256Bytes = 32;

template <std::size_t N>
std::optional<std::size_t> index_of(const std::array<std::string_view, N>& names,
                                    std::string_view name) {
  const auto at = std::ranges::find(names, name);
  if (at == names.end()) return std::nullopt;
  return static_cast<std::size_t>(at - names.begin());
}

Result<void> read_options(const Element& from, ExecuteRequest& into) {
  SKEP_TRY(into.exec_id, id_of(from, "exec-id"));
  if (from.has_attribute("exec-id") && into.exec_id.empty())
    return fail(Code::kInvalid, "exec-id is empty");
  SKEP_TRY(const std::int64_t timeout, number_of(from, "timeout", 1));
  into.timeout_secs = static_cast<int>(std::min(timeout, kTimeoutSecsMax));
  into.lang = cut_utf8(from.attribute("lang"), kLangBytesMax);
  const std::string_view reply = from.attribute("reply");
  if (reply.empty()) return {};
  const auto mode = index_of(kReplyNames, reply);
  if (!mode) return fail(Code::kInvalid, "reply is neither auto nor sync nor async");
  into.reply = static_cast<ReplyMode>(*mode);
  return {};
}

void write_options(const ExecuteRequest& request, Element& out) {
  set_unless_empty(out, "exec-id", request.exec_id);
  if (request.timeout_secs > 0) out.set("timeout", std::to_string(request.timeout_secs));
  set_unless_empty(out, "lang", request.lang);
  if (request.reply != ReplyMode::kAuto)
    out.set("reply", std::string(kReplyNames.at(static_cast<std::size_t>(request.reply))));
}

// A form's text as what the schema wants there; text that is no such value stays text, and the
// schema refuses it.
json::value typed(const std::string& text, const json::value& schema, std::string_view name) {
  const json::object* properties = get_object(schema, "properties");
  const json::value* property = properties ? properties->if_contains(name) : nullptr;
  const std::string_view type = property ? get_string(*property, "type") : std::string_view();
  if (type.empty() || type == "string") return json::value(text);
  auto parsed = parse_json(text);
  return parsed ? *std::move(parsed) : json::value(text);
}

// XEP-0300; other algorithms are passed over.
std::string sha256_in(const Element& output) {
  for (const Element* child : output.children()) {
    if (child->name != "hash" || child->ns != kNsHashes || child->attribute("algo") != "sha-256")
      continue;
    const auto bytes = base64_decode(trim(child->text()));
    if (bytes && bytes->size() == kSha256Bytes) return hex_encode(*bytes);
  }
  return {};
}

Element output_element(const ExecOutput& one) {
  Element output = element("output", kNsAgentExecute);
  output.set("type", one.type);
  set_unless_empty(output, "href", one.href);
  if (one.size > 0) output.set("size", std::to_string(one.size));
  if (!one.text.empty()) output.text(one.text);
  const auto bytes = hex_decode(one.sha256);
  if (!bytes || bytes->empty()) return output;
  Element hash = text_element("hash", kNsHashes, base64_encode(*bytes));
  return std::move(output.add(std::move(hash.set("algo", "sha-256"))));
}

}  // namespace

void agent::add_budget(Element& parent, const ExecBudget& budget) {
  if (budget == ExecBudget()) return;
  Element limits = element("budget", parent.ns);
  if (budget.tokens > 0) limits.set("tokens", std::to_string(budget.tokens));
  if (budget.usd > 0) limits.set("usd", usd_number(budget.usd));
  if (budget.deadline) limits.set("deadline", format_rfc3339(*budget.deadline, true));
  parent.add(std::move(limits));
}

Result<ExecBudget> agent::read_budget(const Element& parent) {
  ExecBudget budget;
  const Element* limits = parent.child("budget", parent.ns);
  if (limits == nullptr) return budget;
  SKEP_TRY(budget.tokens, number_of(*limits, "tokens", 1));
  SKEP_TRY(budget.usd, usd_of(*limits, "usd"));
  SKEP_TRY(budget.deadline, time_of(limits->attribute("deadline")));
  return budget;
}

ExecBudget narrower(const ExecBudget& one, const ExecBudget& other) {
  const auto less = [](auto a, auto b) { return a > 0 && b > 0 ? std::min(a, b) : std::max(a, b); };
  ExecBudget both{.tokens = less(one.tokens, other.tokens), .usd = less(one.usd, other.usd)};
  both.deadline = one.deadline ? one.deadline : other.deadline;
  if (one.deadline && other.deadline) both.deadline = std::min(*one.deadline, *other.deadline);
  return both;
}

std::string_view exec_status_name(ExecStatus status) {
  return kStatusNames.at(static_cast<std::size_t>(status));
}
std::optional<ExecStatus> exec_status_from(std::string_view name) {
  const auto at = index_of(kStatusNames, name);
  return at ? std::optional(static_cast<ExecStatus>(*at)) : std::nullopt;
}

Element to_element(const ExecuteRequest& request) {
  Element out = element("execute", kNsAgentExecute);
  out.set("skill", request.skill);
  write_options(request, out);
  add_budget(out, request.budget);
  for (const auto& [name, value] : request.params) {
    Element param = text_element("param", out.ns, value);
    out.add(std::move(param.set("name", name)));
  }
  if (request.input.empty()) return out;
  Element input = text_element("input", out.ns, request.input);
  return std::move(out.add(std::move(input.set("type", "application/json"))));
}

Result<ExecuteRequest> read_execute(const Element& execute, std::size_t payload_bytes_max) {
  ExecuteRequest request;
  SKEP_TRY(request.skill, required_id(execute, "skill"));
  SKEP_TRY_VOID(read_options(execute, request));
  SKEP_TRY(request.budget, read_budget(execute));
  std::size_t bytes = 0;
  for (const Element* child : execute.children()) {
    if (child->ns != kNsAgentExecute) continue;
    const std::string text = child->text();
    bytes += text.size();
    if (bytes > payload_bytes_max)
      return fail(Code::kTooLarge, fmt::format("more than {} bytes of input", payload_bytes_max));
    if (child->name == "param") {
      if (request.params.size() >= AgentLimits::kParamsMax)
        return fail(Code::kTooLarge, fmt::format("more than {} params", AgentLimits::kParamsMax));
      SKEP_TRY(std::string name, required_id(*child, "name"));
      request.params.emplace_back(std::move(name), text);
    } else if (child->name == "input") {
      request.input = text;
    }
  }
  return request;
}

Result<json::object> arguments_of(const ExecuteRequest& request, const json::value& schema) {
  json::object arguments;
  if (!trim(request.input).empty()) {
    auto input = parse_json(request.input, {.depth_max = 32});
    if (!input || !input->is_object()) return fail(Code::kInvalid, "the input is no JSON object");
    arguments = std::move(input->as_object());
  }
  for (const auto& [name, text] : request.params) arguments[name] = typed(text, schema, name);
  return arguments;
}

Element to_element(const ExecResult& result) {
  Element out = element("result", kNsAgentExecute);
  set_unless_empty(out, "skill", result.skill);
  set_unless_empty(out, "exec-id", result.exec_id);
  out.set("status", std::string(exec_status_name(result.status)));
  for (const ExecOutput& one : result.outputs) out.add(output_element(one));
  if (result.usage) {
    Element usage = element("usage", out.ns);
    usage.set("input", std::to_string(result.usage->input));
    usage.set("output", std::to_string(result.usage->output));
    usage.set("ms", std::to_string(result.usage->ms));
    if (result.usage->usd) usage.set("usd", usd_number(*result.usage->usd));
    out.add(std::move(usage));
  }
  if (result.error)
    out.add(text_element(agent_fault_name(result.error->fault), kNsAgentErrors,
                         note(result.error->text)));
  return out;
}

namespace {

Result<void> read_output(const Element& child, std::size_t& bytes, std::size_t bytes_max,
                         ExecResult& into) {
  if (into.outputs.size() >= AgentLimits::kOutputsMax)
    return fail(Code::kTooLarge, "too many outputs");
  ExecOutput output{std::string(cut_utf8(child.attribute("type"), AgentLimits::kIdBytesMax)),
                    child.text()};
  const std::string_view href = trim(child.attribute("href"));
  if (href.size() > kUrlBytesMax) return fail(Code::kTooLarge, "an address is too long");
  SKEP_TRY(const std::int64_t size, number_of(child, "size"));
  output.size = static_cast<std::uint64_t>(size);
  if (!href.empty()) {
    output.href = std::string(href);
    output.sha256 = sha256_in(child);
    output.text.clear();
  }
  bytes += output.text.size();
  if (bytes > bytes_max)
    return fail(Code::kTooLarge, fmt::format("more than {} bytes of output", bytes_max));
  into.outputs.push_back(std::move(output));
  return {};
}

Result<ExecUsage> read_usage(const Element& child) {
  ExecUsage usage;
  SKEP_TRY(usage.input, number_of(child, "input"));
  SKEP_TRY(usage.output, number_of(child, "output"));
  SKEP_TRY(usage.ms, number_of(child, "ms"));
  if (!child.has_attribute("usd")) return usage;
  usage.usd = parse_usd(child.attribute("usd"));
  if (!usage.usd) return fail(Code::kInvalid, "usd is no sum");
  return usage;
}

}  // namespace

Result<ExecResult> read_exec_result(const Element& from, std::size_t bytes_max) {
  ExecResult result;
  SKEP_TRY(result.skill, id_of(from, "skill"));
  SKEP_TRY(result.exec_id, id_of(from, "exec-id"));
  const auto status = exec_status_from(from.attribute("status"));
  if (!status) return fail(Code::kInvalid, "a result without a status that is known");
  result.status = *status;
  std::size_t bytes = 0;
  for (const Element* child : from.children()) {
    if (child->ns == kNsAgentErrors) {
      const auto fault = agent_fault_from(child->name);
      result.error = AgentError{fault.value_or(AgentFault::kFailed), note(child->text())};
    } else if (child->ns == kNsAgentExecute && child->name == "output") {
      SKEP_TRY_VOID(read_output(*child, bytes, bytes_max, result));
    } else if (child->ns == kNsAgentExecute && child->name == "usage") {
      SKEP_TRY(result.usage, read_usage(*child));
    }
  }
  return result;
}

Element to_element(const ExecProgress& progress) {
  Element out = text_element("progress", kNsAgentExecute, note(progress.text));
  out.set("exec-id", progress.exec_id);
  out.set("seq", std::to_string(progress.seq));
  if (progress.percent) out.set("percent", std::to_string(*progress.percent));
  return out;
}

Result<ExecProgress> read_exec_progress(const Element& from) {
  ExecProgress progress;
  SKEP_TRY(progress.exec_id, required_id(from, "exec-id"));
  SKEP_TRY(progress.seq, number_of(from, "seq"));
  progress.text = note(from.text());
  if (!from.has_attribute("percent")) return progress;
  SKEP_TRY(const std::int64_t percent, number_of(from, "percent"));
  progress.percent = static_cast<int>(std::min<std::int64_t>(percent, 100));
  return progress;
}

Element exec_control(std::string_view name, std::string_view exec_id) {
  Element out = element(name, kNsAgentExecute);
  return std::move(out.set("exec-id", std::string(exec_id)));
}

Result<std::string> read_exec_control(const Element& control) {
  return required_id(control, "exec-id");
}

const Element* agent_payload(const Element& stanza) {
  for (const Element* child : stanza.children()) {
    const std::string_view ns = child->ns;
    if (ns == kNsAgentSkills || ns == kNsAgentExecute || ns == kNsAgentConfirm ||
        ns == kNsAgentDelegate)
      return child;
  }
  return nullptr;
}

}  // namespace skep::xmpp
