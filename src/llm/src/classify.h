// What a provider's refusal means. The table that decides is data, in classify.cc.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "breaker.h"
#include "skep/base/clock.h"
#include "skep/llm/driver.h"
#include "skep/net/http_client.h"

namespace skep::llm {

inline constexpr std::size_t kFailureBytesMax = 300;  // of the provider's own words shown to people

// A reply that is no answer: an HTTP status other than 2xx, or a 2xx whose body is something else.
Failure classify_reply(std::string_view provider, int status, const net::Headers& headers,
                       std::string_view body, WallTime now);
// An error that the provider reports inside a stream: {"type":…,"message":…} or a plain string.
Failure classify_stream_error(std::string_view provider, const json::value& error);
// The connection failed, timed out or was given up.
Failure classify_transport(std::string_view provider, Error error);
// The stream ended without its last event.
Failure broke_off(std::string_view provider);

// Nothing: another way would fail alike, or must not be tried.
std::optional<Trouble> trouble_of(const Failure& failure);

// The provider's own sentence in an error body, in any of the usual shapes; empty when there is
// none.
std::string provider_message(std::string_view body);

// The wish in `retry-after-ms`, `Retry-After` (seconds or an HTTP date, RFC 9110 10.2.3), or in
// words ("try again in 20s").
std::optional<std::chrono::milliseconds> retry_after(const net::Headers& headers,
                                                     std::string_view message, WallTime now);

}  // namespace skep::llm
