#include "fetch.h"

#include <charconv>

#include "skep/base/text.h"

namespace skep::attachments {
namespace {

constexpr int kRedirectsMax = 3;

std::uint64_t announced_size(const net::HttpResponse& head) {
  const std::string_view text = net::find_header(head.headers, "content-length");
  std::uint64_t size = 0;
  (void)std::from_chars(text.data(), text.data() + text.size(), size);
  return size;
}

Error too_large(std::uint64_t bytes_max) {
  return {Code::kTooLarge, fmt::format("it is larger than {}", human_size(bytes_max))};
}

Error in_words(const Error& error, std::uint64_t bytes_max) {
  switch (error.code) {
    case Code::kDenied:
    case Code::kInvalid:
      return {Code::kDenied, "its address may not be asked: " + error.message};
    case Code::kTooLarge:
      return too_large(bytes_max);
    case Code::kTimeout:
      return {Code::kTimeout, "its server did not answer in time"};
    default:
      return {error.code, "its server could not be reached"};
  }
}

}  // namespace

Task<Result<Fetched>> fetch(Ctx ctx, net::HttpClient& http, const AttachmentsConfig& config,
                            std::string url) {
  SKEP_CO_TRY_VOID(config.check_url(url));
  const std::uint64_t bytes_max = config.file_bytes_max;
  net::HttpRequest request{.url = url,
                           .headers = {{"accept", "*/*"}},
                           .connect_timeout = std::chrono::seconds(10),
                           .first_byte_timeout = config.timeout,
                           .idle_timeout = config.timeout,
                           .body_bytes_max = bytes_max,
                           .redirects_max = kRedirectsMax,
                           .guarded = true,
                           .ca_file = config.ca_file};
  Fetched out;
  bool over = false;
  net::BodySink sink = [&](std::string_view piece) {
    over = over || out.bytes.size() + piece.size() > bytes_max;
    if (!over) out.bytes += piece;
    return !over;
  };
  std::function<void(const net::HttpResponse&)> head = [&](const net::HttpResponse& response) {
    over = announced_size(response) > bytes_max;
  };
  const Ctx bounded = ctx.within(config.timeout);
  const auto response =
      co_await http.fetch(bounded, std::move(request), std::move(sink), std::move(head));
  if (over) co_return fail(too_large(bytes_max));
  if (!response) co_return fail(in_words(response.error(), bytes_max));
  if (response->status < 200 || response->status > 299) {
    co_return fail(Code::kNotFound, fmt::format("its server answered {}", response->status));
  }
  if (!response->final_url.empty()) SKEP_CO_TRY_VOID(config.check_url(response->final_url));
  out.media_type = net::find_header(response->headers, "content-type");
  co_return out;
}

}  // namespace skep::attachments
