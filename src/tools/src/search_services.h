// How each search service is asked, and what it answers. Pure.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "skep/net/http_client.h"
#include "skep/tools/web_search.h"

namespace skep::tools {

struct SearchHit {
  std::string title, url, snippet;
  bool operator==(const SearchHit&) const = default;
};
struct SearchAnswer {
  std::string summary;  // of services that write one
  std::vector<SearchHit> hits;
};

struct SearchQuery {
  std::string words;
  std::size_t hits_max = 5;
};

struct SearchService {
  std::string_view name;
  // Whether it is set up.
  bool (*ready)(const WebSearchConfig& config);
  const WebSearchConfig::Service& (*service)(const WebSearchConfig& config);
  net::HttpRequest (*ask)(const WebSearchConfig& config, const SearchQuery& query);
  Result<SearchAnswer> (*read)(std::string_view body);
};
// In the order in which they are asked.
const std::array<SearchService, 5>& search_services();

// Of application/x-www-form-urlencoded and of paths: all but letters, digits and -._~ is escaped.
std::string url_encoded(std::string_view text);

}  // namespace skep::tools
