#include "reply.h"

#include "second_thoughts.h"
#include "skep/base/json.h"
#include "skep/base/text.h"
#include "skep/xmpp/muc.h"
#include "skep/xmpp/references.h"
#include "split.h"
#include "styling.h"
#include "turns.h"

namespace skep::channels {
namespace {

using xmpp::Element;
using xmpp::Jid;

Element child(std::string_view name, std::string_view ns) {
  return Element(std::string(name), std::string(ns));
}

void add_thread(Element& stanza, const std::string& thread, const std::string& parent = {}) {
  if (thread.empty()) return;
  Element element = child("thread", xmpp::kNsClient);
  if (!parent.empty()) element.set("parent", parent);
  stanza.add(std::move(element.text(thread)));
}

void add_body(Element& stanza, std::string_view text) {
  Element body = child("body", xmpp::kNsClient);
  stanza.add(std::move(body.text(std::string(text))));
}

// Says to other programs that no person wrote this, so that two of them do not talk for ever.
void mark_automatic(Element& stanza) {
  Element mark = child("auto", xmpp::kNsMeta);
  stanza.add(std::move(mark.set("depth", "1")));
}

Result<Jid> optional_jid(const std::string& text) {
  return text.empty() ? Result<Jid>(Jid()) : Jid::parse(text);
}

void mark_origin(Element& stanza, const std::string& id) {
  Element origin = child("origin-id", xmpp::kNsStanzaId);
  stanza.add(std::move(origin.set("id", id)));
}

Element render_part(const OutgoingReply& reply, const Jid& from, const Jid& to,
                    const std::string& id, const std::string& body) {
  Element stanza = xmpp::make_message(from, to, reply.type, id);
  add_body(stanza, body);
  add_thread(stanza, reply.message.conversation.thread, reply.parent_thread);
  if (reply.chat_state) stanza.add(child("active", xmpp::kNsChatStates));
  mark_origin(stanza, id);
  const bool first = id == reply.message.id.str();
  if (first && !reply.extras.corrects.empty()) {
    Element replace = child("replace", xmpp::kNsCorrect);
    stanza.add(std::move(replace.set("id", reply.extras.corrects)));
  }
  if (first && !reply.answers.empty()) {
    Element about = child("reply", xmpp::kNsReply);
    stanza.add(std::move(about.set("to", to.str()).set("id", reply.answers)));
  }
  if (reply.wants_receipt && first) stanza.add(child("request", xmpp::kNsReceipts));
  if (reply.automatic) mark_automatic(stanza);
  return stanza;
}

// 4.1: what a client sends when one is pressed is an ordinary message with that text.
void add_choices(Element& stanza, const std::vector<Choice>& choices) {
  for (const Choice& choice : choices) {
    stanza.add(xmpp::quick_response(choice.value, choice.label));
  }
}

Element render_file(const OutgoingReply& reply, const Jid& from, const Jid& to,
                    const std::string& id, const xmpp::SharedFile& file) {
  Element stanza = xmpp::make_message(from, to, reply.type, id);
  xmpp::add_shared_file(stanza, file);
  add_thread(stanza, reply.message.conversation.thread, reply.parent_thread);
  mark_origin(stanza, id);
  mark_automatic(stanza);
  return stanza;
}

// XEP-0444 4.1: it has no body, so archives must be told to keep it.
Element render_reaction(const OutgoingReply& reply, const Jid& from, const Jid& to) {
  Element stanza = xmpp::make_message(from, to, reply.type, reply.message.id.str());
  Element reactions = child("reactions", xmpp::kNsReactions);
  reactions.set("id", reply.extras.reacts_to);
  for (const std::string& emoji : reply.extras.reactions) {
    Element reaction = child("reaction", xmpp::kNsReactions);
    reactions.add(std::move(reaction.text(emoji)));
  }
  stanza.add(std::move(reactions));
  mark_origin(stanza, reply.message.id.str());
  stanza.add(child("store", xmpp::kNsHints));
  mark_automatic(stanza);
  return stanza;
}

void append_extras(std::string& out, const Extras& extras) {
  if (extras == Extras{}) return;
  json::array files;
  for (const xmpp::SharedFile& file : extras.files) {
    files.push_back(json::object{{"url", file.url},
                                 {"name", file.name},
                                 {"type", file.media_type},
                                 {"size", file.size},
                                 {"sha256", file.sha256}});
  }
  const json::object all{
      {"files", std::move(files)},
      {"reacts_to", extras.reacts_to},
      {"reactions", json::array(extras.reactions.begin(), extras.reactions.end())},
      {"corrects", extras.corrects}};
  out += R"(,"extras":)" + to_json(all);
}

Extras extras_from(const json::value& reply) {
  Extras extras;
  const json::value* all = get_member(reply, "extras");
  if (all == nullptr) return extras;
  extras.reacts_to = get_string(*all, "reacts_to");
  extras.corrects = get_string(*all, "corrects");
  if (const json::array* list = get_array(*all, "reactions")) {
    for (const json::value& emoji : *list) {
      if (emoji.is_string()) extras.reactions.emplace_back(emoji.get_string());
    }
  }
  if (const json::array* list = get_array(*all, "files")) {
    for (const json::value& file : *list) {
      extras.files.push_back({.url = std::string(get_string(file, "url")),
                              .name = std::string(get_string(file, "name")),
                              .media_type = std::string(get_string(file, "type")),
                              .size = static_cast<std::uint64_t>(get_int(file, "size").value_or(0)),
                              .sha256 = std::string(get_string(file, "sha256"))});
    }
  }
  return extras;
}

// "ann: text"; what must begin a line to be a block goes on the next one.
std::string addressed(const std::string& nick, std::string text) {
  if (nick.empty()) return text;
  const bool block = !text.empty() && std::string_view(">`-*#").contains(text.front());
  return fmt::format("{}:{}{}", nick, block ? '\n' : ' ', text);
}

// XEP-0461 3.1
void add_reply(Element& stanza, const Asked& asked) {
  if (asked.reply_id.empty()) return;
  Element element = child("reply", xmpp::kNsReply);
  element.set("to", asked.reply_to);
  stanza.add(std::move(element.set("id", asked.reply_id)));
}

// XEP-0461 3.2: in front of the first part, for clients that do not show what is answered.
std::string quote_of(const OutgoingReply& reply, const Asked& asked) {
  const bool answers = !reply.answers.empty() || !asked.reply_id.empty();
  return answers ? quote_line(reply.quote) : std::string();
}

std::size_t code_points(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char byte) { return (static_cast<unsigned char>(byte) & 0xC0) != 0x80; }));
}

Element about(const Correspondence& with) {
  return xmpp::make_message(with.from, with.to, with.type, mint_ulid());
}

// What ordinary replies do not have.
void append_unasked(std::string& out, const OutgoingReply& reply) {
  if (reply.wants_receipt) out += R"(,"wants_receipt":true)";
  if (!reply.automatic) out += R"(,"automatic":false)";
  for (const Choice& choice : reply.choices) {
    out += &choice == &reply.choices.front() ? R"(,"choices":[{"value":)" : R"(,{"value":)";
    append_json_string(out, choice.value);
    out += R"(,"label":)";
    append_json_string(out, choice.label);
    out += '}';
  }
  if (!reply.choices.empty()) out += ']';
}

void read_unasked(const json::value& value, OutgoingReply& reply) {
  reply.wants_receipt = get_bool(value, "wants_receipt").value_or(false);
  reply.automatic = get_bool(value, "automatic").value_or(true);
  const json::array* choices = get_array(value, "choices");
  if (choices == nullptr) return;
  for (const json::value& one : *choices)
    reply.choices.push_back(
        {std::string(get_string(one, "value")), std::string(get_string(one, "label"))});
}

}  // namespace

// Written without a tree: it is part of every reply's way.
std::string to_journal(const OutgoingReply& reply) {
  std::string out = R"({"v":1,"message":)";
  append_json(out, reply.message);
  out += R"(,"type":)";
  append_json_string(out, reply.type);
  out += R"(,"parent_thread":)";
  append_json_string(out, reply.parent_thread);
  for (const auto& [key, value] :
       {std::pair(R"(,"answers":)", &reply.answers), std::pair(R"(,"quote":)", &reply.quote)}) {
    if (value->empty()) continue;
    out += key;
    append_json_string(out, *value);
  }
  append_unasked(out, reply);
  append_extras(out, reply.extras);
  fmt::format_to(
      std::back_inserter(out),
      R"(,"chat_state":{},"with_from":{},"styling":{},"bytes_max":{},"accepted_at":{}}})",
      reply.chat_state, reply.with_from, reply.styling, reply.bytes_max,
      reply.accepted_at.time_since_epoch().count());
  return out;
}

Result<OutgoingReply> outgoing_from_journal(std::string_view text) {
  SKEP_TRY(const json::value value, parse_json(text));
  const json::value* message = get_member(value, "message");
  if (message == nullptr) return fail(Code::kCorrupt, "a journaled reply without its message");
  OutgoingReply reply;
  SKEP_TRY(reply.message, message_from_json(*message));
  reply.type = get_string(value, "type");
  reply.parent_thread = get_string(value, "parent_thread");
  reply.answers = get_string(value, "answers");
  reply.quote = get_string(value, "quote");
  reply.extras = extras_from(value);
  reply.chat_state = get_bool(value, "chat_state").value_or(true);
  reply.with_from = get_bool(value, "with_from").value_or(true);
  reply.styling = get_bool(value, "styling").value_or(true);
  reply.bytes_max = static_cast<std::size_t>(get_int(value, "bytes_max").value_or(8192));
  reply.accepted_at = WallTime(Millis(get_int(value, "accepted_at").value_or(0)));
  read_unasked(value, reply);
  return reply;
}

Result<std::vector<Element>> render(const OutgoingReply& reply) {
  SKEP_TRY(const Jid to, Jid::parse(reply.message.reply_address.to));
  SKEP_TRY(const Jid from,
           optional_jid(reply.with_from ? reply.message.reply_address.from : std::string()));
  std::string text = text_of(reply.message.parts);
  if (reply.styling) text = to_styling(text);
  const bool in_room = reply.type == "groupchat";
  const Asked asked = in_room ? asked_from(reply.message.meta).value_or(Asked{}) : Asked{};
  if (!trim(text).empty()) text = addressed(asked.mention, std::move(text));
  std::vector<Element> stanzas;
  if (!reply.extras.reacts_to.empty()) return std::vector{render_reaction(reply, from, to)};
  const auto part_id = [&] {
    const std::string& id = reply.message.id.str();
    return stanzas.empty() ? id : fmt::format("{}-{}", id, stanzas.size() + 1);
  };
  const std::string quote = quote_of(reply, asked);
  for (const std::string& body : split_reply(text, reply.bytes_max - quote.size())) {
    const bool first = stanzas.empty();
    stanzas.push_back(render_part(reply, from, to, part_id(), first ? quote + body : body));
    if (!first) continue;
    add_reply(stanzas.front(), asked);
    if (!quote.empty()) stanzas.front().add(xmpp::fallback_for(xmpp::kNsReply, code_points(quote)));
  }
  if (!stanzas.empty()) add_choices(stanzas.back(), reply.choices);
  for (const xmpp::SharedFile& file : reply.extras.files)
    stanzas.push_back(render_file(reply, from, to, part_id(), file));
  return stanzas;
}

void add_delay(Element& stanza, WallTime at) {
  Element delay = child("delay", xmpp::kNsDelay);
  if (stanza.has_attribute("from")) delay.set("from", std::string(stanza.attribute("from")));
  stanza.add(std::move(delay.set("stamp", format_rfc3339(at, true))));
}

Element make_receipt(const Correspondence& with, std::string_view id) {
  Element stanza = about(with);
  Element received = child("received", xmpp::kNsReceipts);
  stanza.add(std::move(received.set("id", std::string(id))));
  stanza.add(child("store", xmpp::kNsHints));
  return stanza;
}

Element make_displayed(const Correspondence& with, std::string_view id) {
  Element stanza = about(with);
  Element displayed = child("displayed", kNsMarkers);
  stanza.add(std::move(displayed.set("id", std::string(id))));
  add_thread(stanza, with.thread);
  stanza.add(child("store", xmpp::kNsHints));
  return stanza;
}

Element make_chat_state(const Correspondence& with, std::string_view state) {
  Element stanza = about(with);
  stanza.add(child(state, xmpp::kNsChatStates));
  add_thread(stanza, with.thread);
  stanza.add(child("no-store", xmpp::kNsHints));
  stanza.add(child("no-permanent-store", xmpp::kNsHints));
  return stanza;
}

// Archives keep the first, which the whole answer names, and not those between.
Element make_draft(const Correspondence& with, const std::string& id, const std::string& text,
                   const std::string& parent_thread, const std::string& corrects) {
  Element stanza = xmpp::make_message(with.from, with.to, with.type, id);
  add_body(stanza, text);
  add_thread(stanza, with.thread, parent_thread);
  stanza.add(child("composing", xmpp::kNsChatStates));
  mark_origin(stanza, id);
  if (!corrects.empty()) {
    Element replace = child("replace", xmpp::kNsCorrect);
    stanza.add(std::move(replace.set("id", corrects)));
    stanza.add(child("no-permanent-store", xmpp::kNsHints));
  }
  mark_automatic(stanza);
  return stanza;
}

Element make_notice(const Correspondence& with, std::string_view text) {
  Element stanza = about(with);
  add_body(stanza, text);
  add_thread(stanza, with.thread);
  mark_automatic(stanza);
  return stanza;
}

}  // namespace skep::channels
