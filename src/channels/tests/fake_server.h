// The server's side of XEP-0114: lets a component in, keeps what it sends, and says what tests tell
// it.
#pragma once

#include <memory>
#include <string>

#include "skep/async/gate.h"
#include "skep/async/wait.h"
#include "skep/net/stream.h"
#include "skep/xmpp/stanza.h"

namespace skep::channels::testing {

class FakeServer {
 public:
  explicit FakeServer(Loop& loop) : gate_(loop) {}

  Task<void> start() {
    acceptor_ = (co_await net::listen_tcp("127.0.0.1", 0)).value();
    gate_.spawn("fake server", accept_loop());
  }
  Task<void> stop() {
    acceptor_->close();
    drop();
    co_await gate_.close();
  }
  [[nodiscard]] std::uint16_t port() const { return acceptor_->port(); }

  // The next stanza from the component.
  Task<Result<xmpp::Element>> next(Ctx ctx) { return stanzas_.pop(std::move(ctx)); }
  [[nodiscard]] std::size_t unread() const { return stanzas_.size(); }
  Task<Result<void>> send(Ctx ctx, std::string xml) {
    if (stream_ == nullptr) co_return fail(Code::kUnavailable, "no component is connected");
    co_return co_await stream_->write(ctx, net::as_bytes(xml));
  }
  // Until the component has come in that often since the start.
  Task<Result<void>> connected(Ctx ctx, int times) {
    while (connects_ < times) {
      SKEP_CO_TRY_VOID(co_await changed_.wait(ctx));
    }
    co_return Result<void>();
  }
  // Until that many answers to its own pings have gone back to the component.
  Task<Result<void>> proven(Ctx ctx, int times) {
    while (proofs_ < times) {
      SKEP_CO_TRY_VOID(co_await changed_.wait(ctx));
    }
    co_return Result<void>();
  }
  // Breaks the connection.
  void drop() {
    if (stream_ != nullptr) stream_->close();
  }

  std::string handshake_answer = "<handshake/>";
  bool deaf = false;  // does not route what the component sends to itself

 private:
  Task<void> accept_loop() {
    const Ctx ctx = gate_.ctx();
    while (auto accepted = co_await acceptor_->accept(ctx)) {
      auto held = *std::move(accepted);
      stream_ = held.get();
      co_await serve(*held);
      stream_ = nullptr;
      held->close();
    }
  }

  Task<void> serve(net::Stream& stream) {
    const Ctx ctx = gate_.ctx();
    xmpp::StreamParser parser;
    std::array<std::byte, 4096> bytes;
    while (true) {
      const auto size = co_await stream.read_some(ctx, bytes);
      if (!size || *size == 0) co_return;
      std::vector<xmpp::StreamEvent> events;
      if (!parser.feed(std::span(bytes).first(*size), events)) co_return;
      for (xmpp::StreamEvent& event : events) {
        std::string answer;
        const bool last = take(event, answer);
        if (!answer.empty()) (void)co_await stream.write(ctx, net::as_bytes(answer));
        changed_.notify_all();
        if (last) co_return;
      }
    }
  }

  // True at the end of the stream.
  bool take(xmpp::StreamEvent& event, std::string& answer) {
    if (std::holds_alternative<xmpp::StreamOpen>(event)) {
      answer =
          "<?xml version='1.0'?><stream:stream xmlns:stream='http://etherx.jabber.org/streams' "
          "xmlns='jabber:component:accept' from='agent.ex' id='1'>";
      return false;
    }
    if (std::holds_alternative<xmpp::StreamClose>(event)) {
      answer = "</stream:stream>";
      return true;
    }
    auto& element = std::get<xmpp::Element>(event);
    if (element.name == "handshake") {
      answer = handshake_answer;
      ++connects_;
    } else if (element.name == "iq" && element.attribute("to") == "agent.ex") {
      to_client(element);
      if (deaf) return false;
      answer = xmpp::to_xml(element, xmpp::kNsClient);  // what it sends to itself
      if (element.attribute("type") == "result") ++proofs_;
    } else {
      to_client(element);
      (void)stanzas_.push(std::move(element));
    }
    return false;
  }

  static void to_client(xmpp::Element& element) {
    if (element.ns == "jabber:component:accept") element.ns = xmpp::kNsClient;
    for (auto& node : element.content) {
      if (auto* child = std::get_if<xmpp::Element>(&node)) to_client(*child);
    }
  }

  Gate gate_;
  std::unique_ptr<net::Acceptor> acceptor_;
  net::Stream* stream_ = nullptr;  // accept_loop keeps it
  Queue<xmpp::Element> stanzas_{10'000};
  int connects_ = 0;
  int proofs_ = 0;
  Signal changed_;
};

}  // namespace skep::channels::testing
