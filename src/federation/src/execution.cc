#include "execution.h"

#include "skep/base/text.h"

namespace skep::federation {
namespace {

using xmpp::Jid;

constexpr std::size_t kXmlBytesMax = 15u << 20;  // Outputs::kWholeBytesMax, escaped at its worst

std::string text_of(const json::value& from, std::string_view key) {
  return std::string(get_string(from, key));
}

WallTime time_in(const json::value& from, std::string_view key) {
  return WallTime(Millis(get_int(from, key).value_or(0)));
}

Result<std::shared_ptr<Execution>> read_begin(const json::value& from) {
  auto out = std::make_shared<Execution>();
  out->id = text_of(from, "id");
  SKEP_TRY(out->caller, Jid::parse(get_string(from, "caller")));
  out->address = text_of(from, "address");
  out->stanza = text_of(from, "stanza");
  out->stanza_id = text_of(from, "stanza_id");
  out->exec_id = text_of(from, "exec_id");
  out->digest = text_of(from, "digest");
  out->skill = text_of(from, "skill");
  if (const json::object* arguments = get_object(from, "arguments")) out->arguments = *arguments;
  out->reply = static_cast<xmpp::ReplyMode>(get_int(from, "reply").value_or(0));
  out->accepted = time_in(from, "accepted");
  out->timeout = Millis(get_int(from, "timeout").value_or(0));
  out->deadline = time_in(from, "deadline");
  out->depth = static_cast<int>(get_int(from, "depth").value_or(0));
  out->depth_max = static_cast<int>(get_int(from, "depth_max").value_or(0));
  out->origin = text_of(from, "origin");
  out->must_ask = get_bool(from, "must_ask").value_or(true);
  out->tokens_max = get_int(from, "tokens_max").value_or(0);
  out->usd_max = get_int(from, "usd_max").value_or(0);
  if (const json::array* chain = get_array(from, "chain")) {
    for (const json::value& one : *chain)
      if (one.is_string()) out->chain.emplace_back(one.as_string());
  }
  if (out->id.empty() || out->exec_id.empty() || out->skill.empty())
    return fail(Code::kCorrupt, "an execution without its names");
  return out;
}

Result<void> apply(const json::value& step, Execution& out) {
  const std::string_view what = get_string(step, "s");
  if (what == "told") out.told = true;
  if (what == "started") out.started = true;
  if (what == "confirmed") out.confirmed_by = text_of(step, "by");
  if (what == "caller") {
    SKEP_TRY(out.caller, Jid::parse(get_string(step, "jid")));
  }
  if (what == "cancelled") out.cancel.request_stop();
  if (what == "result" || what == "packed") {
    SKEP_TRY(const xmpp::Element element,
             xmpp::parse_element(get_string(step, "xml"), {}, {.stanza_bytes_max = kXmlBytesMax}));
    SKEP_TRY(out.result, xmpp::read_exec_result(element, kXmlBytesMax));
    out.packed = what == "packed";
  }
  return {};
}

}  // namespace

xmpp::ExecStatus Execution::status() const {
  if (result && packed) return result->status;
  return waits_for_person ? xmpp::ExecStatus::kNeedsConfirmation : xmpp::ExecStatus::kRunning;
}

xmpp::ExecResult Execution::tellable() const {
  if (result && packed) return *result;
  return {.skill = skill, .exec_id = exec_id, .status = status()};
}

store::EntryId entry_id(const Execution& e) { return store::EntryId("execution-" + e.id); }

std::string begin_record(const Execution& e) {
  return to_json(json::object{{"v", 1},
                              {"id", e.id},
                              {"caller", e.caller.str()},
                              {"address", e.address},
                              {"stanza", e.stanza},
                              {"stanza_id", e.stanza_id},
                              {"exec_id", e.exec_id},
                              {"digest", e.digest},
                              {"skill", e.skill},
                              {"arguments", e.arguments},
                              {"reply", static_cast<int>(e.reply)},
                              {"accepted", e.accepted.time_since_epoch().count()},
                              {"timeout", e.timeout.count()},
                              {"deadline", e.deadline.time_since_epoch().count()},
                              {"depth", e.depth},
                              {"depth_max", e.depth_max},
                              {"chain", json::array(e.chain.begin(), e.chain.end())},
                              {"origin", e.origin},
                              {"tokens_max", e.tokens_max},
                              {"usd_max", e.usd_max},
                              {"must_ask", e.must_ask}});
}

std::string told_record() { return R"({"s":"told"})"; }
std::string caller_record(const Jid& caller) {
  return to_json(json::object{{"s", "caller"}, {"jid", caller.str()}});
}
std::string confirmed_record(std::string_view by) {
  return to_json(json::object{{"s", "confirmed"}, {"by", by}});
}
std::string started_record() { return R"({"s":"started"})"; }
std::string cancelled_record() { return R"({"s":"cancelled"})"; }
std::string result_record(const xmpp::ExecResult& result) {
  return to_json(json::object{{"s", "result"}, {"xml", xmpp::to_xml(xmpp::to_element(result))}});
}
std::string packed_record(const xmpp::ExecResult& result) {
  return to_json(json::object{{"s", "packed"}, {"xml", xmpp::to_xml(xmpp::to_element(result))}});
}

Result<std::shared_ptr<Execution>> rebuild(const store::JournalEntry& entry) {
  std::shared_ptr<Execution> out;
  for (const std::string& text : entry.steps) {
    SKEP_TRY(const json::value step, parse_json(text));
    if (!out) {
      SKEP_TRY(out, read_begin(step));
    } else {
      SKEP_TRY_VOID(apply(step, *out));
    }
  }
  if (!out || entry_id(*out) != entry.id) return fail(Code::kCorrupt, "this is no execution");
  return out;
}

std::string digest_of(std::string_view skill, const json::object& arguments) {
  return hex_encode(sha256(fmt::format("{}\n{}", skill, to_canonical_json(arguments))));
}

}  // namespace skep::federation
