// URLs of any bytes. What the guard lets through must have no user, no forbidden port and no
// address that is not public, in the eyes of the parser that will connect.
#include <curl/curl.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "address.h"
#include "address_class.h"
#include "skep/net/egress.h"

namespace {

std::string part(CURLU* url, CURLUPart which, unsigned flags) {
  char* text = nullptr;
  std::string copy;
  if (curl_url_get(url, which, &text, flags) == CURLUE_OK) copy = text;
  curl_free(text);
  return copy;
}

void insist(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const skep::net::EgressGuard guard;
  const std::string text(reinterpret_cast<const char*>(data), size);
  if (!guard.check_url(text)) return 0;
  insist(std::strlen(text.c_str()) == size);
  CURLU* url = curl_url();
  insist(curl_url_set(url, CURLUPART_URL, text.c_str(), 0) == CURLUE_OK);
  const std::string port = part(url, CURLUPART_PORT, CURLU_DEFAULT_PORT);
  insist(port == "80" || port == "443");
  insist(part(url, CURLUPART_USER, 0).empty() && part(url, CURLUPART_PASSWORD, 0).empty());
  std::string host = part(url, CURLUPART_HOST, 0);
  if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
  insist(!host.empty() && host != "localhost");
  if (skep::net::is_address(host)) insist(!skep::net::why_not_public(host));
  curl_url_cleanup(url);
  return 0;
}
