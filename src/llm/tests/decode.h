// Feeds a wire text to a decoder and collects what the watcher saw.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "skep/net/sse.h"
#include "wire.h"

namespace skep::llm {

struct Seen {
  std::string text;
  std::string thinking;
  std::vector<std::string> tools;
  int usages = 0;
  bool operator==(const Seen&) const = default;

  EventSink sink() {
    return [this](const StreamEvent& event) {
      if (event.type == StreamEvent::Type::kTextDelta) text += event.text;
      if (event.type == StreamEvent::Type::kThinkingDelta) thinking += event.text;
      if (event.type == StreamEvent::Type::kToolCallStart) tools.emplace_back(event.text);
      if (event.type == StreamEvent::Type::kUsage) ++usages;
    };
  }
};

struct Decoded {
  std::expected<Response, Failure> answer;
  Seen seen;
};

inline std::expected<Response, Failure> decode_events(StreamDecoder& decoder,
                                                      const std::vector<net::SseEvent>& events) {
  for (const net::SseEvent& event : events) {
    if (Step step = decoder.event(event.event, event.data); !step)
      return std::unexpected(std::move(step).error());
  }
  return decoder.finish();
}

// `piece` bytes at a time; 0: all at once.
template <class Make>
Decoded decode_sse(Make make, std::string_view wire, std::size_t piece = 0) {
  Decoded out;
  auto decoder = make(out.seen.sink());
  net::SseParser parser;
  std::vector<net::SseEvent> events;
  while (!wire.empty()) {
    std::string_view bytes = wire.substr(0, piece == 0 ? wire.size() : piece);
    EXPECT_TRUE(parser.feed(bytes, events).has_value());
    wire.remove_prefix(bytes.size());
  }
  EXPECT_TRUE(parser.finish(events).has_value());
  out.answer = decode_events(*decoder, events);
  return out;
}

template <class Make>
Decoded decode_lines(Make make, std::string_view wire, std::size_t piece = 0) {
  Decoded out;
  auto decoder = make(out.seen.sink());
  LineReader reader(1u << 20);
  std::vector<std::string> lines;
  while (!wire.empty()) {
    std::string_view bytes = wire.substr(0, piece == 0 ? wire.size() : piece);
    EXPECT_TRUE(reader.feed(bytes, lines).has_value());
    wire.remove_prefix(bytes.size());
  }
  lines.push_back(reader.rest());
  std::vector<net::SseEvent> events;
  for (std::string& line : lines) events.push_back({.data = std::move(line)});
  out.answer = decode_events(*decoder, events);
  return out;
}

inline json::value object_of(std::string_view text) { return parse_json(text).value(); }

}  // namespace skep::llm
