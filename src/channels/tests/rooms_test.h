// An XmppChannel whose configuration names the room team@conf.ex, and a server that plays the room.
#pragma once

#include "skep/model/room_talk.h"
#include "skep/xmpp/muc.h"
#include "xmpp_test.h"

namespace skep::channels::testing {

using xmpp::Element;

inline constexpr std::string_view kUser = "http://jabber.org/protocol/muc#user";
inline constexpr std::string_view kRoom = "team@conf.ex";

class RoomsTest : public XmppTest {
 protected:
  RoomsTest() {
    RoomConfig room;
    room.room = xmpp::Jid::parse(kRoom).value();
    room.nick = "bot";
    config_.rooms = {room};
    config_.agent_name = "Helper Bot";
    config_.allow.admins = {"adm@ex"};
    config_.room_times = {.rejoin_first = Millis(2),
                          .rejoin_max = Millis(2),
                          .rejoin_slow = Millis(2),
                          .bounce_pause = Millis(2)};
    config_.rooms_file = home_ + "/rooms.json";
  }

  // The next stanza that is no question to the room about itself.
  Element next() {
    while (true) {
      Element stanza = received();
      if (stanza.name != "iq") return stanza;
      if (stanza.name.empty()) return stanza;
    }
  }
  Element next_named(std::string_view name) {
    Element stanza = next();
    EXPECT_EQ(stanza.name, name) << xmpp::to_xml(stanza);
    return stanza;
  }
  // The next iq with that child.
  Element question(std::string_view child, std::string_view ns) {
    while (true) {
      Element stanza = received();
      if (stanza.name.empty() || (stanza.name == "iq" && stanza.child(child, ns))) return stanza;
    }
  }
  void answer(const Element& question, std::string_view inside) {
    send(fmt::format("<iq type='result' id='{}' from='{}' to='{}'>{}</iq>",
                     question.attribute("id"), kRoom, question.attribute("from"), inside));
  }
  Element join() {
    Element stanza = next_named("presence");
    EXPECT_NE(stanza.child("x", xmpp::kNsMuc), nullptr) << xmpp::to_xml(stanza);
    return stanza;
  }
  void presence(std::string_view nick, std::string_view inside, std::string_view type = "",
                std::string_view id = "") {
    send(fmt::format(
        "<presence from='{}/{}' to='helper-bot@agent.ex/skep'{}>{}<x xmlns='{}'>{}</x>"
        "</presence>",
        kRoom, nick, type.empty() ? "" : fmt::format(" type='{}'", type),
        id.empty() ? "" : fmt::format("<occupant-id xmlns='urn:xmpp:occupant-id:0' id='{}'/>", id),
        kUser, inside));
  }
  void refuse(std::string_view condition) {
    send(
        fmt::format("<presence from='{}/bot' type='error'><error type='cancel'><{} "
                    "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></presence>",
                    kRoom, condition));
  }
  void let_in(std::string_view nick = "bot", std::string_view id = "me") {
    presence(nick, "<item affiliation='none' role='participant'/><status code='110'/>", "", id);
  }
  void end_history() {
    send(fmt::format("<message from='{}' type='groupchat'><subject>work</subject></message>",
                     kRoom));
  }
  void ann_comes(std::string_view id = "ann-id") {
    presence("ann", "<item affiliation='member' role='participant'/>", "", id);
  }
  // Online, in the room, with ann there.
  void inside() {
    online();
    join();
    ann_comes();
    let_in();
    end_history();
  }
  // The same in a room that gives its messages ids.
  void inside_with_ids() {
    online();
    join();
    ann_comes();
    let_in();
    end_history();
    answer(question("query", "http://jabber.org/protocol/disco#info"),
           "<query xmlns='http://jabber.org/protocol/disco#info'><feature var='urn:xmpp:sid:0'/>"
           "</query>");
    settle();
  }
  void says(std::string_view nick, std::string_view text, std::string_view id,
            std::string_view more = "", std::string_view occupant = "") {
    send(fmt::format(
        "<message from='{}/{}' to='helper-bot@agent.ex/skep' type='groupchat' "
        "id='{}'><body>{}</body>{}{}</message>",
        kRoom, nick, id, text, more,
        occupant.empty()
            ? ""
            : fmt::format("<occupant-id xmlns='urn:xmpp:occupant-id:0' id='{}'/>", occupant)));
  }
  void ann_says_there(std::string_view text, std::string_view id, std::string_view more = "") {
    says("ann", text, id, more, "ann-id");
  }
  // What the room sends back of ours.
  void reflect(const Element& said, std::string_view more = "") {
    says("bot", body(said), said.attribute("id"), more, "me");
  }
  RoomTalk talk(const Message& message) { return room_talk(message).value_or(RoomTalk{}); }
  // Everything sent before has been handled when this comes back.
  void settle() {
    ann_says("settled", fmt::format("id='settle{}'", ++settled_));
    while (text_of(next_message().parts) != "settled") {
    }
  }
  json::object muc() { return channel_->status().at("muc").as_object(); }
  std::int64_t counter(std::string_view name) {
    const json::object now = muc();
    return get_int(now.at("counters"), name).value_or(-1);
  }
  std::string state() {
    const json::object now = muc();
    return std::string(get_string(now.at("rooms").as_array().at(0), "state"));
  }

  int settled_ = 0;
};

}  // namespace skep::channels::testing
