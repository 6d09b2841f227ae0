#include "search_services.h"

#include <charconv>

#include "skep/base/json.h"
#include "skep/base/text.h"
#include "skep/tools/builtin.h"

namespace skep::tools {
namespace {

using std::string_view;

constexpr std::size_t kHitsReadMax = 50;
constexpr std::size_t kTitleMax = 300, kSnippetMax = 600, kUrlMax = 1000, kSummaryMax = 4000;

std::string cut(string_view text, std::size_t bytes_max) {
  const std::string valid = to_valid_utf8(trim(text));
  return std::string(cut_utf8(valid, bytes_max));
}

// An address that a reader could open; anything else is no hit.
void add_hit(SearchAnswer& answer, string_view title, string_view url, string_view snippet) {
  const bool web = url.starts_with("https://") || url.starts_with("http://");
  if (!web || url.size() > kUrlMax || answer.hits.size() >= kHitsReadMax) return;
  answer.hits.push_back({.title = cut(title.empty() ? url : title, kTitleMax),
                         .url = to_valid_utf8(url),
                         .snippet = cut(snippet, kSnippetMax)});
}

// A list of objects under `key`, the snippet under `snippet`.
void add_hits(SearchAnswer& answer, const json::value& value, string_view key,
              string_view snippet) {
  const json::array* list = get_array(value, key);
  if (list == nullptr) return;
  for (const json::value& hit : *list)
    add_hit(answer, get_string(hit, "title"), get_string(hit, "url"), get_string(hit, snippet));
}

net::HttpRequest post(const WebSearchConfig::Service& service, string_view path,
                      const json::object& body) {
  net::HttpRequest request{
      .method = "POST", .url = service.url + std::string(path), .body = to_json(body)};
  request.headers = {{"content-type", "application/json"},
                     {"accept", "application/json"},
                     {"authorization", fmt::format("Bearer {}", service.api_key.reveal())}};
  return request;
}

net::HttpRequest ask_tavily(const WebSearchConfig& config, const SearchQuery& query) {
  return post(config.tavily, "/search",
              {{"query", query.words}, {"max_results", query.hits_max}, {"include_answer", true}});
}
Result<SearchAnswer> read_tavily(string_view body) {
  SKEP_TRY(const json::value value, parse_json(body));
  SearchAnswer answer{.summary = cut(get_string(value, "answer"), kSummaryMax)};
  add_hits(answer, value, "results", "content");
  return answer;
}

net::HttpRequest ask_brave(const WebSearchConfig& config, const SearchQuery& query) {
  net::HttpRequest request{.url =
                               fmt::format("{}/res/v1/web/search?q={}&count={}", config.brave.url,
                                           url_encoded(query.words), query.hits_max)};
  request.headers = {{"accept", "application/json"},
                     {"x-subscription-token", std::string(config.brave.api_key.reveal())}};
  return request;
}
Result<SearchAnswer> read_brave(string_view body) {
  SKEP_TRY(const json::value value, parse_json(body));
  SearchAnswer answer;
  if (const json::value* web = get_member(value, "web"))
    add_hits(answer, *web, "results", "description");
  return answer;
}

net::HttpRequest ask_perplexity(const WebSearchConfig& config, const SearchQuery& query) {
  return post(
      config.perplexity, "/chat/completions",
      {{"model", config.perplexity_model},
       {"messages", json::array{json::object{{"role", "user"}, {"content", query.words}}}}});
}
Result<SearchAnswer> read_perplexity(string_view body) {
  SKEP_TRY(const json::value value, parse_json(body));
  SearchAnswer answer;
  const json::array* choices = get_array(value, "choices");
  if (choices != nullptr && !choices->empty()) {
    if (const json::value* message = get_member(choices->front(), "message"))
      answer.summary = cut(get_string(*message, "content"), kSummaryMax);
  }
  add_hits(answer, value, "search_results", "snippet");
  const json::array* sources = answer.hits.empty() ? get_array(value, "citations") : nullptr;
  for (std::size_t at = 0; sources != nullptr && at < sources->size(); ++at) {
    if ((*sources)[at].is_string())
      add_hit(answer, fmt::format("Source {}", at + 1), string_view((*sources)[at].get_string()),
              {});
  }
  return answer;
}

net::HttpRequest ask_searxng(const WebSearchConfig& config, const SearchQuery& query) {
  return {.url = fmt::format("{}/search?q={}&format=json", config.searxng.url,
                             url_encoded(query.words)),
          .headers = {{"accept", "application/json"}}};
}
Result<SearchAnswer> read_searxng(string_view body) {
  SKEP_TRY(const json::value value, parse_json(body));
  SearchAnswer answer;
  add_hits(answer, value, "results", "content");
  return answer;
}

net::HttpRequest ask_duckduckgo(const WebSearchConfig& config, const SearchQuery& query) {
  return {.url = fmt::format("{}/html/?q={}", config.duckduckgo.url, url_encoded(query.words)),
          .headers = {{"accept", "text/html"}}};
}

std::string url_decoded(string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    unsigned value = 0;
    const char* end = text.data() + std::min(at + 3, text.size());
    const bool escaped = text[at] == '%' && at + 2 < text.size() &&
                         std::from_chars(text.data() + at + 1, end, value, 16).ptr == end;
    out += escaped ? static_cast<char>(value) : text[at];
    if (escaped) at += 2;
  }
  return out;
}

// Its links lead over a page of its own that knows the target as "uddg".
std::string true_target(string_view href) {
  constexpr string_view kMark = "uddg=";
  std::string plain = replace_all(std::string(href), "&amp;", "&");
  const std::size_t at = plain.find(kMark);
  if (at == std::string::npos) return plain.starts_with("//") ? "https:" + plain : plain;
  const string_view rest = string_view(plain).substr(at + kMark.size());
  return url_decoded(rest.substr(0, rest.find('&')));
}

// What stands between the tag that holds `mark` and its end, from `at` on, which moves behind it.
struct Piece {
  string_view tag, inside;
};
std::optional<Piece> next_piece(string_view html, string_view mark, std::size_t& at) {
  const std::size_t found = html.find(mark, at);
  if (found == string_view::npos) return std::nullopt;
  const std::size_t open = html.rfind('<', found), close = html.find('>', found);
  if (open == string_view::npos || close == string_view::npos) return std::nullopt;
  const std::size_t end = std::min(html.find("</a>", close), html.size());
  at = end;
  return Piece{html.substr(open, close - open), html.substr(close + 1, end - close - 1)};
}

std::string words_of(string_view html, std::size_t bytes_max) {
  return cut(html_to_text(html.substr(0, 4 * bytes_max), "https://x.example/", 2 * bytes_max),
             bytes_max);
}

Result<SearchAnswer> read_duckduckgo(string_view body) {
  constexpr string_view kHit = "class=\"result__a\"", kSnippet = "class=\"result__snippet\"";
  SearchAnswer answer;
  std::size_t at = 0;
  while (answer.hits.size() < kHitsReadMax) {
    const auto link = next_piece(body, kHit, at);
    if (!link) break;
    const std::size_t href = link->tag.find("href=\"");
    if (href == string_view::npos) continue;
    const string_view rest = link->tag.substr(href + 6);
    const std::string target = true_target(rest.substr(0, rest.find('"')));
    // A snippet belongs to the hit in front of it.
    std::size_t behind = at;
    const std::size_t next_hit = body.find(kHit, at);
    const auto snippet =
        next_piece(body.substr(0, std::min(next_hit, body.size())), kSnippet, behind);
    add_hit(answer, words_of(link->inside, kTitleMax), target,
            snippet ? words_of(snippet->inside, kSnippetMax) : std::string());
  }
  const bool page = body.contains("<html") || body.contains("<HTML");
  if (answer.hits.empty() && !page) return fail(Code::kCorrupt, "the answer is no page");
  return answer;
}

}  // namespace

const std::array<SearchService, 5>& search_services() {
  using Config = WebSearchConfig;
  static constexpr std::array<SearchService, 5> kServices = {{
      {"tavily", [](const Config& c) { return !c.tavily.api_key.empty(); },
       [](const Config& c) -> const Config::Service& { return c.tavily; }, ask_tavily, read_tavily},
      {"brave", [](const Config& c) { return !c.brave.api_key.empty(); },
       [](const Config& c) -> const Config::Service& { return c.brave; }, ask_brave, read_brave},
      {"perplexity", [](const Config& c) { return !c.perplexity.api_key.empty(); },
       [](const Config& c) -> const Config::Service& { return c.perplexity; }, ask_perplexity,
       read_perplexity},
      {"searxng", [](const Config& c) { return !c.searxng.url.empty(); },
       [](const Config& c) -> const Config::Service& { return c.searxng; }, ask_searxng,
       read_searxng},
      {"duckduckgo", [](const Config& c) { return !c.duckduckgo.url.empty(); },
       [](const Config& c) -> const Config::Service& { return c.duckduckgo; }, ask_duckduckgo,
       read_duckduckgo},
  }};
  return kServices;
}

std::string url_encoded(string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    if (plain)
      out += c;
    else
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

}  // namespace skep::tools
