#include "failure_text.h"

#include <fmt/format.h>

#include "skep/base/id.h"

namespace skep::agent {
namespace {

constexpr std::string_view kTryAgain = "Nothing was lost; please try again.";
constexpr std::string_view kOperator = "Nothing was lost, but my operator needs to look at it.";

struct Words {
  std::string_view why;
  std::string_view next;
};

Words words_for(Code code) {
  switch (code) {
    case Code::kExhausted:
      return {"too much is asked of the model right now",
              "Nothing was lost; please try again in a minute."};
    case Code::kUnavailable:
      return {"the model is not reachable right now", kTryAgain};
    case Code::kTimeout:
      return {"the model took too long", kTryAgain};
    case Code::kUnauthenticated:
    case Code::kDenied:
    case Code::kNotFound:
      return {"there is a problem with my access to the model", kOperator};
    case Code::kInvalid:
    case Code::kUnsupported:
      return {"the model does not accept my request", kOperator};
    case Code::kTooLarge:
      return {"this conversation has become too long for the model",
              "/new puts it aside and starts afresh."};
    case Code::kCorrupt:
      return {"the model gave an unusable answer", kTryAgain};
    default:
      return {"something went wrong inside me", kTryAgain};
  }
}

}  // namespace

std::string mint_incident() {
  static constexpr std::string_view kAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  std::string id = random_bytes(4);
  for (char& c : id) c = kAlphabet[static_cast<unsigned char>(c) % kAlphabet.size()];
  return id;
}

std::string failure_text(Code code, const std::string& incident) {
  Words words = words_for(code);
  return fmt::format("Sorry, I could not answer that: {}. {} (incident {})", words.why, words.next,
                     incident);
}

}  // namespace skep::agent
