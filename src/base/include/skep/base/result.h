// Expected failure is a returned value: Result<T> is std::expected<T, Error>. Nothing in Skep
// throws on purpose; where a library throws, it is caught beside the call.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace skep {

// What a caller can act on. The numbers are stable: they appear in journals and on the wire. Each
// maps once to a name, an HTTP status, an XMPP stanza error condition and a process exit code
// (docs/errors.md).
enum class Code : std::uint8_t {
  kInvalid = 1,   // the input is wrong; sending it again cannot help
  kCorrupt = 2,   // bytes that should have been ours, or well-formed, are not
  kTooLarge = 3,  // over a named limit
  kNotFound = 4,
  kExists = 5,
  kDenied = 6,  // known, but not allowed
  kUnauthenticated = 7,
  kUnavailable = 8,  // a peer is down or refuses; later may work
  kTimeout = 9,
  kCancelled = 10,
  kExhausted = 11,  // a queue, quota, disk or budget is full
  kUnsupported = 12,
  kConflict = 13,  // somebody else holds it
  kInternal = 14,  // our own bug
};

std::string_view code_name(Code code);       // "invalid", "too-large", …
int http_status(Code code);                  // 400, 413, …
int exit_code(Code code);                    // sysexits-like; 0 is never returned
std::string_view xmpp_condition(Code code);  // RFC 6120 8.3.3: "bad-request", "policy-violation", …

// A failure: the code to act on and a sentence for people: what failed, why, and what to do next
// where that is known.
struct Error {
  Code code = Code::kInternal;
  std::string message;

  // The same failure seen from one room further out: "reading roster: connection lost".
  [[nodiscard]] Error in(std::string_view where) const&;
  [[nodiscard]] Error in(std::string_view where) &&;
  // "timeout: no answer from 127.0.0.1:5347 within 10 s"
  [[nodiscard]] std::string to_string() const;

  bool operator==(const Error&) const = default;
};

template <class T>
using Result = std::expected<T, Error>;

// return fail(Code::kNotFound, "no such agent");
inline std::unexpected<Error> fail(Code code, std::string message) {
  return std::unexpected(Error{code, std::move(message)});
}
inline std::unexpected<Error> fail(Error error) { return std::unexpected(std::move(error)); }

// An Error from errno, e.g. errno_error("opening /x", ENOSPC) -> kExhausted "opening /x: No space
// left on device".
Error errno_error(std::string_view what, int errno_value);

#define SKEP_CONCAT_INNER(a, b) a##b
#define SKEP_CONCAT(a, b) SKEP_CONCAT_INNER(a, b)

// Takes the parentheses off a declaration that needed them: SKEP_UNWRAP((auto [a, b])) -> auto [a,
// b].
#define SKEP_UNWRAP(decl) SKEP_UNWRAP_JOIN(SKEP_UNWRAP_EAT decl)
#define SKEP_UNWRAP_EAT(...) SKEP_UNWRAP_EAT __VA_ARGS__
#define SKEP_UNWRAP_JOIN(...) SKEP_UNWRAP_PASTE(__VA_ARGS__)
#define SKEP_UNWRAP_PASTE(...) SKEP_DROP_##__VA_ARGS__
#define SKEP_DROP_SKEP_UNWRAP_EAT

// SKEP_TRY(auto jid, Jid::parse(text));  declares jid or returns the error.
// SKEP_TRY_VOID(write(x));  for Result<void>. A declaration with a comma stands in parentheses:
// SKEP_TRY((auto [host, port]), parse_address(text)); The SKEP_CO_ forms do the same inside a
// coroutine: SKEP_CO_TRY(auto n, co_await stream.read_some(ctx, buffer));
#define SKEP_TRY_IMPL(ret, tmp, decl, ...)            \
  auto tmp = (__VA_ARGS__);                           \
  if (!tmp) ret ::skep::fail(std::move(tmp).error()); \
  SKEP_UNWRAP(decl) = *std::move(tmp)
#define SKEP_TRY_VOID_IMPL(ret, ...)                  \
  if (auto skep_result = (__VA_ARGS__); !skep_result) \
  ret ::skep::fail(std::move(skep_result).error())
#define SKEP_TRY(decl, ...) \
  SKEP_TRY_IMPL(return, SKEP_CONCAT(skep_try_, __LINE__), decl, __VA_ARGS__)
#define SKEP_TRY_VOID(...) SKEP_TRY_VOID_IMPL(return, __VA_ARGS__)
#define SKEP_CO_TRY(decl, ...) \
  SKEP_TRY_IMPL(co_return, SKEP_CONCAT(skep_try_, __LINE__), decl, __VA_ARGS__)
#define SKEP_CO_TRY_VOID(...) SKEP_TRY_VOID_IMPL(co_return, __VA_ARGS__)

}  // namespace skep
