// A model's answer of any bytes, read whole and in pieces: both must end alike.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "skep/net/sse.h"
#include "wire.h"

namespace skep::llm {

struct StreamEnd {
  bool ok = false;
  Code code = Code::kInternal;
  std::string watched;  // what the sink saw
  std::string text;     // what the answer holds
  bool operator==(const StreamEnd&) const = default;
};

template <class Framing, class Make>
StreamEnd decode_stream(Make make, std::string_view bytes, std::size_t piece) {
  StreamEnd end;
  auto decoder = make([&end](const StreamEvent& event) {
    if (event.type == StreamEvent::Type::kTextDelta) end.watched += event.text;
  });
  Framing framing;
  Step step;
  while (step && !bytes.empty()) {
    std::string_view now = bytes.substr(0, piece);
    bytes.remove_prefix(now.size());
    step = framing.feed(*decoder, now);
  }
  if (step) step = framing.finish(*decoder);
  if (!step) {
    end.code = step.error().error.code;
    return end;
  }
  auto answer = decoder->finish();
  end.ok = answer.has_value();
  if (answer) {
    end.text = text_of(answer->parts);
  } else {
    end.code = answer.error().error.code;
  }
  return end;
}

struct SseFraming {
  net::SseParser parser;

  Step feed(StreamDecoder& decoder, std::string_view bytes) {
    std::vector<net::SseEvent> events;
    auto fed = parser.feed(bytes, events);
    return decode(decoder, events, fed.has_value());
  }
  Step finish(StreamDecoder& decoder) {
    std::vector<net::SseEvent> events;
    auto fed = parser.finish(events);
    return decode(decoder, events, fed.has_value());
  }
  static Step decode(StreamDecoder& decoder, const std::vector<net::SseEvent>& events, bool good) {
    for (const net::SseEvent& event : events) {
      if (Step step = decoder.event(event.event, event.data); !step) return step;
    }
    return good ? Step() : unusable("framing", false);
  }
};

struct LineFraming {
  LineReader reader{1u << 20};

  Step feed(StreamDecoder& decoder, std::string_view bytes) {
    std::vector<std::string> lines;
    auto fed = reader.feed(bytes, lines);
    for (const std::string& line : lines) {
      if (Step step = decoder.event({}, line); !step) return step;
    }
    return fed ? Step() : unusable("framing", false);
  }
  Step finish(StreamDecoder& decoder) { return decoder.event({}, reader.rest()); }
};

// The first byte says how large the pieces are.
template <class Framing, class Make>
StreamEnd check_stream(Make make, const std::uint8_t* data, std::size_t size) {
  if (size == 0) return {};
  std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  StreamEnd whole = decode_stream<Framing>(make, bytes, bytes.size() + 1);
  StreamEnd pieces = decode_stream<Framing>(make, bytes, data[0] % 16u + 1);
  if (whole != pieces) std::abort();
  return whole;
}

}  // namespace skep::llm
