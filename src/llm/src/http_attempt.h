// One attempt over HTTP: sends the body, feeds the stream to a decoder, and says what a failure
// means.
#pragma once

#include <expected>
#include <string>

#include "skep/base/secret.h"
#include "skep/llm/driver.h"
#include "skep/net/http_client.h"
#include "wire.h"

namespace skep::llm {

inline constexpr std::size_t kStreamLineBytesMax = 1u
                                                   << 20;  // of an SSE line, or of one line of JSON
inline constexpr std::size_t kReplyBytesMax = 32u << 20;   // of one whole reply
inline constexpr std::size_t kReplyKeptBytesMax =
    1u << 20;  // of a reply without events, to read it as one JSON text

enum class Framing { kSse, kLines };

struct HttpAttempt {
  std::string provider;  // for messages
  net::HttpRequest request;
  Framing framing = Framing::kSse;
  Secret key;                        // never shown, whoever repeats it
  std::shared_ptr<RawLog> raw = {};  // none: nobody looks
};

// When the Ctx ends the connection is closed, so that the provider stops writing (and charging).
Task<std::expected<Response, Failure>> run_attempt(Ctx ctx, net::HttpClient& http,
                                                   HttpAttempt attempt, StreamDecoder& decoder);

// A POST of JSON with the house's timeouts.
// How long a server may be silent.
struct Patience {
  std::chrono::milliseconds first_byte;
  std::chrono::milliseconds idle{60'000};  // between two pieces
};
net::HttpRequest json_post(std::string url, std::string body, Patience patience);

}  // namespace skep::llm
