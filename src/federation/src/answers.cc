#include "answers.h"

#include <algorithm>

#include "mirror.h"
#include "skep/base/text.h"

namespace skep::federation {

using xmpp::Element;
using xmpp::ExecResult;

namespace {

// The stanza that asked, as far as answering it needs.
Element request_of(const Execution& e) {
  const bool command = e.stanza == kCommandStanza;
  Element request(command ? "iq" : e.stanza, std::string(xmpp::kNsClient));
  request.set("from", e.caller.str());
  if (!e.address.empty()) request.set("to", e.address);
  if (!e.stanza_id.empty()) request.set("id", e.stanza_id);
  return request;
}

// Who filled in a form reads bodies, not results.
Element words_for_people(const ExecResult& result) {
  Element body("body", std::string(xmpp::kNsClient));
  std::string text = result.error ? result.error->text : in_plain_words(result);
  if (text.empty()) text = xmpp::exec_status_name(result.status);
  body.text(fmt::format("{}: {}", result.skill, text));
  return body;
}

}  // namespace

std::string in_plain_words(const ExecResult& result) {
  const auto is_plain = [](const xmpp::ExecOutput& one) { return one.type == "text/plain"; };
  const bool any = std::ranges::any_of(result.outputs, is_plain);
  std::vector<std::string> texts;
  for (const xmpp::ExecOutput& output : result.outputs) {
    if (!any || is_plain(output)) texts.push_back(output.href.empty() ? output.text : output.href);
  }
  return join(texts, "\n");
}

Element message_to(const Execution& e, std::string id) {
  Element message("message", std::string(xmpp::kNsClient));
  if (!e.address.empty()) message.set("from", e.address);
  message.set("to", e.caller.str()).set("type", "normal").set("id", std::move(id));
  return message;
}

Element answer_to(const Execution& e, const ExecResult& result) {
  const bool command = e.stanza == kCommandStanza;
  if ((e.stanza == "iq" || command) && !e.told) {
    const Element request = request_of(e);
    if (command) return command_result(request, result);
    if (result.error) return xmpp::agent_error(request, *result.error);
    return std::move(xmpp::iq_result(request).add(xmpp::to_element(result)));
  }
  // The same id whenever it is told again.
  Element message = message_to(e, e.told || e.stanza_id.empty() ? e.id : e.stanza_id);
  message.add(xmpp::to_element(result));
  if (command) message.add(words_for_people(result));
  message.add(Element("store", std::string(xmpp::kNsHints)));
  return message;
}

}  // namespace skep::federation
