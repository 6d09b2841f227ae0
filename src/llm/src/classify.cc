#include "classify.h"

#include <array>

#include "skep/base/json.h"
#include "skep/base/secret.h"
#include "skep/base/text.h"

namespace skep::llm {
namespace {

enum class Kind {
  kRateLimit,
  kBilling,
  kAuth,
  kDenied,
  kModel,
  kContext,
  kResources,
  kOverloaded,
  kTimeout,
  kRefused,
};

struct Meaning {
  Kind kind;
  Code code;
  bool retryable;
  std::string_view words;  // what people are told, before the provider's own sentence
};
constexpr std::array kMeanings = {
    Meaning{Kind::kRateLimit, Code::kExhausted, true, "rate limit reached"},
    Meaning{Kind::kBilling, Code::kDenied, false, "the account cannot pay for this call"},
    Meaning{Kind::kAuth, Code::kUnauthenticated, false,
            "the API key was refused (see [llm] api_key)"},
    Meaning{Kind::kDenied, Code::kDenied, false, "not permitted"},
    Meaning{Kind::kModel, Code::kNotFound, false, "no such model (see [llm] model)"},
    Meaning{Kind::kContext, Code::kTooLarge, false, "the conversation is too long for this model"},
    Meaning{Kind::kResources, Code::kUnavailable, false, "the model does not fit on that machine"},
    Meaning{Kind::kOverloaded, Code::kUnavailable, true, "overloaded or out of order"},
    Meaning{Kind::kTimeout, Code::kTimeout, true, "no answer in time"},
    Meaning{Kind::kRefused, Code::kInvalid, false, "the request was refused"},
};

// First match wins, top down. status_min 0: any. An empty pattern matches every text. Status 0 is
// an error inside a stream.
struct Rule {
  int status_min;
  int status_max;
  std::string_view pattern;  // in the lower-cased error type, code and message
  Kind kind;
};
constexpr std::array kRules = {
    // Some send 429 for an empty purse: waiting does not help there.
    Rule{429, 429, "insufficient_quota", Kind::kBilling},
    Rule{429, 429, "exceeded your current quota", Kind::kBilling},
    Rule{429, 429, "", Kind::kRateLimit},
    Rule{402, 402, "", Kind::kBilling},
    Rule{401, 401, "", Kind::kAuth},
    Rule{413, 413, "", Kind::kContext},
    Rule{408, 408, "", Kind::kTimeout},
    Rule{529, 529, "", Kind::kOverloaded},

    Rule{0, 599, "context length", Kind::kContext},
    Rule{0, 599, "context_length", Kind::kContext},
    Rule{0, 599, "maximum context", Kind::kContext},
    Rule{0, 599, "context window", Kind::kContext},
    Rule{0, 599, "context size", Kind::kContext},
    Rule{0, 599, "prompt is too long", Kind::kContext},
    Rule{0, 599, "prompt too long", Kind::kContext},
    Rule{0, 599, "input is too long", Kind::kContext},
    Rule{0, 599, "request_too_large", Kind::kContext},
    Rule{0, 599, "too many input tokens", Kind::kContext},

    Rule{0, 599, "insufficient_quota", Kind::kBilling},
    Rule{0, 599, "credit balance", Kind::kBilling},
    Rule{0, 599, "billing", Kind::kBilling},
    Rule{0, 599, "payment required", Kind::kBilling},

    Rule{0, 599, "authentication_error", Kind::kAuth},
    Rule{0, 599, "invalid api key", Kind::kAuth},
    Rule{0, 599, "invalid_api_key", Kind::kAuth},
    Rule{0, 599, "incorrect api key", Kind::kAuth},
    Rule{0, 599, "api key not valid", Kind::kAuth},
    Rule{0, 599, "permission_error", Kind::kDenied},

    Rule{0, 599, "rate_limit", Kind::kRateLimit},
    Rule{0, 599, "rate limit", Kind::kRateLimit},
    Rule{0, 599, "too many requests", Kind::kRateLimit},
    Rule{0, 599, "tokens per minute", Kind::kRateLimit},
    Rule{0, 599, "requests per minute", Kind::kRateLimit},
    Rule{0, 599, "resource exhausted", Kind::kRateLimit},
    Rule{0, 599, "resource_exhausted", Kind::kRateLimit},

    Rule{404, 404, "", Kind::kModel},
    Rule{0, 499, "model_not_found", Kind::kModel},
    Rule{0, 499, "not_found_error", Kind::kModel},
    Rule{0, 499, "model does not exist", Kind::kModel},
    Rule{0, 599, "try pulling it first", Kind::kModel},
    Rule{0, 599, "requires more system memory", Kind::kResources},

    Rule{0, 0, "invalid_request", Kind::kRefused},
    Rule{0, 0, "timeout", Kind::kTimeout},
    Rule{403, 403, "", Kind::kDenied},
    Rule{504, 504, "", Kind::kTimeout},
    Rule{400, 499, "", Kind::kRefused},
    // 5xx, an unnamed error inside a stream, a web page where an answer was due (Cloudflare's 521
    // to 530).
    Rule{0, 999, "", Kind::kOverloaded},
};

const Meaning& meaning_of(int status, std::string_view text) {
  std::string lower = to_lower_ascii(text);
  for (const Rule& rule : kRules) {
    if (status < rule.status_min || status > rule.status_max) continue;
    if (lower.find(rule.pattern) == std::string::npos) continue;
    for (const Meaning& meaning : kMeanings) {
      if (meaning.kind == rule.kind) return meaning;
    }
  }
  return kMeanings.back();
}

std::string sentence(std::string_view provider, const Meaning& meaning, std::string_view detail) {
  std::string text = fmt::format("{}: {}", provider, meaning.words);
  if (!detail.empty())
    text += ": " + redact(detail, kFailureBytesMax - std::min(kFailureBytesMax, text.size() + 2));
  return text;
}

bool is_web_page(std::string_view body) {
  std::string_view start = trim(body);
  return starts_with_ignoring_ascii_case(start, "<!doctype") ||
         starts_with_ignoring_ascii_case(start, "<html") ||
         starts_with_ignoring_ascii_case(start, "<?xml");
}

std::string_view message_in(const json::value& value) {
  if (value.is_string()) return value.get_string();
  for (std::string_view key : {"error", "message", "detail", "error_message"}) {
    const json::value* member = get_member(value, key);
    if (member == nullptr) continue;
    std::string_view text = member->is_string() ? std::string_view(member->get_string())
                                                : get_string(*member, "message");
    if (!text.empty()) return text;
  }
  return {};
}

}  // namespace

std::string provider_message(std::string_view body) {
  auto value = parse_json(body);
  if (!value) return {};
  // Some gateways wrap the object into an array of one.
  if (value->is_array() && !value->get_array().empty())
    return std::string(message_in(value->get_array()[0]));
  return std::string(message_in(*value));
}

Failure classify_reply(std::string_view provider, int status, const net::Headers& headers,
                       std::string_view body, WallTime now) {
  bool page = is_web_page(body);
  std::string message = page ? std::string() : provider_message(body);
  // The error's type and code count as much as its sentence, so the whole body is searched; a web
  // page may say anything.
  const Meaning& meaning = meaning_of(status, page ? std::string_view() : body.substr(0, 4096));
  std::string detail = message;
  if (page) detail = fmt::format("HTTP {} with a web page instead of an answer", status);
  if (detail.empty()) {
    std::string_view plain = trim(body);
    detail = plain.empty() || plain.front() == '{'
                 ? fmt::format("HTTP {}", status)
                 : fmt::format("HTTP {}: {}", status, to_valid_utf8(plain.substr(0, 1024)));
  }
  Failure failure{.error = {meaning.code, sentence(provider, meaning, detail)},
                  .retryable = meaning.retryable};
  if (failure.retryable) failure.retry_after = retry_after(headers, message, now);
  return failure;
}

Failure classify_stream_error(std::string_view provider, const json::value& error) {
  std::string text = to_json(error);
  const Meaning& meaning =
      meaning_of(0, text.size() > 4096 ? std::string_view(text).substr(0, 4096) : text);
  std::string_view message = message_in(error);
  if (message.empty()) message = get_string(error, "type");
  Failure failure{.error = {meaning.code, sentence(provider, meaning, message)},
                  .retryable = meaning.retryable};
  if (failure.retryable) failure.retry_after = retry_after({}, message, {});
  return failure;
}

Failure classify_transport(std::string_view provider, Error error) {
  Failure failure;
  failure.retryable = error.code == Code::kUnavailable || error.code == Code::kTimeout;
  if (error.code == Code::kTooLarge)
    error.code = Code::kCorrupt;  // kTooLarge means the request, to our caller
  failure.error = {error.code,
                   fmt::format("{}: {}", provider, redact(error.message, kFailureBytesMax))};
  return failure;
}

Failure broke_off(std::string_view provider) {
  return {
      .error = {Code::kUnavailable, fmt::format("{}: the answer broke off mid-stream", provider)},
      .retryable = true};
}

std::optional<Trouble> trouble_of(const Failure& failure) {
  switch (failure.error.code) {
    case Code::kUnauthenticated:
    case Code::kDenied:
      return Trouble::kAccount;
    case Code::kExhausted:
    case Code::kUnavailable:
    case Code::kTimeout:
    case Code::kNotFound:
      return Trouble::kPassing;
    default:
      return std::nullopt;
  }
}

}  // namespace skep::llm
