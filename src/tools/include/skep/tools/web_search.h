// What is asked of services of others: web_search and location_get.
#pragma once

#include <memory>
#include <string>

#include "skep/base/clock.h"
#include "skep/base/config.h"
#include "skep/base/secret.h"
#include "skep/net/http_client.h"
#include "skep/tools/toolbox.h"

namespace skep::tools {

// [skills.web_search]
struct WebSearchConfig {
  bool enabled = false;
  std::string provider;  // only this one; empty: each that is set up, in the order below
  struct Service {       // [skills.web_search.NAME]
    std::string url;
    Secret api_key = {};
  };
  Service tavily{"https://api.tavily.com"};
  Service brave{"https://api.search.brave.com"};
  Service perplexity{"https://api.perplexity.ai"};
  Service searxng{};                                  // its url makes it one
  Service duckduckgo{"https://html.duckduckgo.com"};  // the last; wants no key
  std::string perplexity_model = "sonar";
  std::chrono::milliseconds timeout{15'000};  // of one service; then the next is asked
  std::chrono::milliseconds cache{900'000};   // for how long an answer is good

  static WebSearchConfig read(ConfigSection section);
};

// [skills.location]: off until an operator turns it on, because it tells a stranger where the
// machine is.
struct LocationConfig {
  bool enabled = false;
  std::string url = "https://ipapi.co/json/";
  static LocationConfig read(ConfigSection section);
};

// web_search {query, max_results}: asks one service after the other until one answers; titles,
// addresses and snippets come back inside markers that say that they are data. What all of them
// said is named when none answers.
std::unique_ptr<Tool> make_web_search(net::HttpClient& http, WebSearchConfig config,
                                      const Clock& clock);
// location_get {}: where this machine is, as its network address tells.
std::unique_ptr<Tool> make_location_get(net::HttpClient& http, LocationConfig config);

}  // namespace skep::tools
