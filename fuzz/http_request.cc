// HTTP requests of any bytes, one after the other on a connection, fed whole and in pieces: both
// must accept the same requests. When a wrong head is refused may differ: in pieces the parser
// waits for its end.
#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "http_parser.h"

namespace {

using skep::net::RequestParser;

constexpr skep::net::HttpServerLimits kLimits{.header_bytes_max = 512, .body_bytes_max = 256};

struct Outcome {
  std::string requests;  // as text
  bool refused = false;
};

Outcome read_all(std::string_view bytes, std::size_t step) {
  Outcome outcome;
  std::string in;
  RequestParser parser(kLimits);
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    in += bytes.substr(at, step);
    for (;;) {
      const auto used = parser.feed(in);
      if (!used) {
        outcome.refused = true;
        return outcome;
      }
      in.erase(0, *used);
      if (!parser.done()) break;
      const bool keep = parser.keep_alive();
      const skep::net::ServerRequest request = parser.take();
      outcome.requests +=
          fmt::format("{} {} {} {}\n", request.method, request.path, request.query, request.body);
      for (const auto& [name, value] : request.headers) {
        outcome.requests += fmt::format("{}={}\n", name, value);
      }
      if (!keep) return outcome;
      parser = RequestParser(kLimits);
    }
  }
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Outcome whole = read_all(bytes, bytes.size() + 1);
  const Outcome pieces = read_all(bytes, data[0] % 16u + 1);
  if (whole.requests == pieces.requests) return 0;
  fmt::print(stderr, "whole, refused {}:\n{}\npieces, refused {}:\n{}\n", whole.refused,
             whole.requests, pieces.refused, pieces.requests);
  std::abort();
}
