// An XmppChannel as the component agent.ex of a fake server, with ann@ex and bob@ex allowed.
#pragma once

#include "fake_server.h"
#include "skep/channels/xmpp_channel.h"
#include "support.h"

namespace skep::channels::testing {

class XmppTest : public StoresTest {
 protected:
  XmppTest() : pool_(loop_), server_(loop_) {
    run(server_.start());
    config_.link.host = "127.0.0.1";
    config_.link.port = server_.port();
    config_.link.component_domain = "agent.ex";
    config_.link.component_secret = Secret("s");
    config_.link.reconnect_initial = Millis(5);
    config_.link.reconnect_max = Millis(5);
    config_.allow = {.addresses = {"ann@ex", "bob@ex"}, .own_domains = {"agent.ex", "ex"}};
  }
  ~XmppTest() override {
    close();
    run(server_.stop());
  }

  void open() {
    XmppChannelDeps deps{.xmpp = {.loop = loop_, .pool = pool_, .clock = clock_},
                         .directory = *directory_,
                         .journal = *journal_,
                         .out = agent_,
                         .agent = Unresolved{},
                         .version = "1.0",
                         .gave_up =
                             [this](const Error& error) {
                               gave_up_ = error;
                               gave_up_signal_.notify_all();
                             },
                         .unfinished = unfinished_,
                         .access = access_.get(),
                         .commands = commands_};
    auto opened = XmppChannel::open(config_, std::move(deps));
    ASSERT_TRUE(opened) << opened.error().to_string();
    channel_ = *std::move(opened);
    channel_->start();
  }
  void online() {
    const int before = connects_;
    open();
    connected(before + 1);
  }
  void connected(int times) {
    connects_ = times;
    const auto in = run(server_.connected(patience(), times));
    ASSERT_TRUE(in) << in.error().to_string();
  }
  void close() {
    if (channel_) run(channel_->close(patience()));
    channel_.reset();
  }

  void send(std::string xml) {
    const auto sent = run(server_.send(patience(), std::move(xml)));
    ASSERT_TRUE(sent) << sent.error().to_string();
  }
  // A chat message from ann's phone to helper@agent.ex.
  void ann_says(std::string_view text, std::string_view attributes = "id='m1'",
                std::string_view children = "") {
    send(
        fmt::format("<message from='ann@ex/phone' to='helper@agent.ex' type='chat' "
                    "{}><body>{}</body>{}</message>",
                    attributes, text, children));
  }
  xmpp::Element received() {
    auto stanza = run(server_.next(patience()));
    EXPECT_TRUE(stanza) << "nothing came from the component";
    return stanza.value_or(xmpp::Element());
  }
  static std::string body(const xmpp::Element& stanza) {
    return stanza.child_text("body", xmpp::kNsClient);
  }

  XmppChannelConfig config_;
  Pool pool_;
  FakeServer server_;
  int connects_ = 0;
  std::vector<Message> unfinished_;
  std::unique_ptr<identity::Access> access_;
  std::vector<CommandSpec> commands_;
  std::optional<Error> gave_up_;
  Signal gave_up_signal_;
  std::unique_ptr<XmppChannel> channel_;
};

}  // namespace skep::channels::testing
