#include "skep/base/result.h"

#include <fmt/format.h>

#include <cerrno>
#include <system_error>

namespace skep {
namespace {

struct CodeRow {
  std::string_view name;
  int http;
  int exit;  // sysexits.h, and 130 for an interrupted program
  std::string_view xmpp;
};

// docs/errors.md shows the same table; a switch so that a new code cannot be forgotten.
constexpr CodeRow row(Code code) {
  switch (code) {
    case Code::kInvalid:
      return {"invalid", 400, 64, "bad-request"};
    case Code::kCorrupt:
      return {"corrupt", 422, 65, "not-acceptable"};
    case Code::kTooLarge:
      return {"too-large", 413, 65, "policy-violation"};
    case Code::kNotFound:
      return {"not-found", 404, 66, "item-not-found"};
    case Code::kExists:
      return {"exists", 409, 73, "conflict"};
    case Code::kDenied:
      return {"denied", 403, 77, "forbidden"};
    case Code::kUnauthenticated:
      return {"unauthenticated", 401, 77, "not-authorized"};
    case Code::kUnavailable:
      return {"unavailable", 503, 69, "service-unavailable"};
    case Code::kTimeout:
      return {"timeout", 504, 75, "remote-server-timeout"};
    case Code::kCancelled:
      return {"cancelled", 499, 130, "recipient-unavailable"};
    case Code::kExhausted:
      return {"exhausted", 429, 75, "resource-constraint"};
    case Code::kUnsupported:
      return {"unsupported", 501, 64, "feature-not-implemented"};
    case Code::kConflict:
      return {"conflict", 409, 73, "conflict"};
    case Code::kInternal:
      break;
  }
  return {"internal", 500, 70, "internal-server-error"};
}

Code code_of_errno(int value) {
  switch (value) {
    case ENOENT:
    case ENOTDIR:
    case ESRCH:
      return Code::kNotFound;
    case EEXIST:
      return Code::kExists;
    case EACCES:
    case EPERM:
    case EROFS:
      return Code::kDenied;
    case ENOSPC:
    case EDQUOT:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case ENOBUFS:
    case EAGAIN:
      return Code::kExhausted;
    case ETIMEDOUT:
      return Code::kTimeout;
    case ECONNREFUSED:
    case ECONNRESET:
    case ECONNABORTED:
    case ENOTCONN:
    case EPIPE:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case ENETDOWN:
    case EADDRNOTAVAIL:
    case EIO:
      return Code::kUnavailable;
    case EADDRINUSE:
    case EBUSY:
    case ETXTBSY:
      return Code::kConflict;
    case ECANCELED:
    case EINTR:
      return Code::kCancelled;
    case EFBIG:
    case ENAMETOOLONG:
    case EMSGSIZE:
      return Code::kTooLarge;
    case ENOSYS:
    case EOPNOTSUPP:
    case EAFNOSUPPORT:
    case EPROTONOSUPPORT:
      return Code::kUnsupported;
    case EINVAL:
    case EISDIR:
    case ENOTEMPTY:
    case ELOOP:
      return Code::kInvalid;
    default:
      return Code::kInternal;
  }
}

}  // namespace

std::string_view code_name(Code code) { return row(code).name; }
int http_status(Code code) { return row(code).http; }
int exit_code(Code code) { return row(code).exit; }
std::string_view xmpp_condition(Code code) { return row(code).xmpp; }

Error Error::in(std::string_view where) const& { return Error(*this).in(where); }

Error Error::in(std::string_view where) && {
  message.insert(0, ": ").insert(0, where);
  return std::move(*this);
}

std::string Error::to_string() const { return fmt::format("{}: {}", code_name(code), message); }

Error errno_error(std::string_view what, int errno_value) {
  std::string why = std::generic_category().message(errno_value);
  return Error{code_of_errno(errno_value), fmt::format("{}: {}", what, why)};
}

}  // namespace skep
