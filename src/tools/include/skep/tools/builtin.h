// The tools that come with Skep.
#pragma once

#include <memory>

#include "skep/base/clock.h"
#include "skep/base/config.h"
#include "skep/net/http_client.h"
#include "skep/tools/toolbox.h"

namespace skep::tools {

// [skills.url_fetch], under both its names
struct WebFetchConfig {
  bool enabled = true;
  std::size_t bytes_max = 5u << 20;
  std::chrono::milliseconds timeout{30'000};
  std::size_t text_bytes_max = 20'000;

  static WebFetchConfig read(ConfigSection section);
};

// system_time {} -> UTC, local, zone, weekday, epoch.
std::unique_ptr<Tool> make_system_time(const Clock& clock);
// web_fetch {url}: guarded GET; HTML becomes readable text with links; binary refused; the text
// comes back inside markers that name the final URL and say that it is data, not instructions.
std::unique_ptr<Tool> make_web_fetch(net::HttpClient& http, WebFetchConfig config);

// Readable text of an HTML page: headings, lists, links as [text](url), tables row by row; scripts,
// styles, hidden parts left out.
std::string html_to_text(std::string_view html, std::string_view base_url, std::size_t bytes_max);

}  // namespace skep::tools
