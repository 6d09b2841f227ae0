// The search services' own ways to be asked and to answer.
#include <gtest/gtest.h>

#include "search_services.h"

namespace skep::tools {
namespace {

const SearchService& service(std::string_view name) {
  return *std::ranges::find(search_services(), name, &SearchService::name);
}

SearchAnswer read(std::string_view name, std::string_view body) {
  auto answer = service(name).read(body);
  EXPECT_TRUE(answer) << name;
  return answer.value_or(SearchAnswer());
}

WebSearchConfig keyed() {
  WebSearchConfig config;
  config.tavily.api_key = config.brave.api_key = config.perplexity.api_key = Secret("k-1");
  config.searxng.url = "https://searx.example";
  return config;
}

TEST(WebSearch, KeysTravelInHeadersAndWordsAreEscaped) {
  const SearchQuery query{.words = "bees & hives ä", .hits_max = 3};
  for (const SearchService& one : search_services()) {
    const net::HttpRequest request = one.ask(keyed(), query);
    EXPECT_FALSE(request.url.contains("k-1")) << one.name;
    EXPECT_FALSE(request.body.contains("k-1")) << one.name;
    EXPECT_FALSE(request.guarded) << one.name;
  }
  EXPECT_EQ(service("brave").ask(keyed(), query).url,
            "https://api.search.brave.com/res/v1/web/search?q=bees%20%26%20hives%20%C3%A4&count=3");
  EXPECT_EQ(net::find_header(service("brave").ask(keyed(), query).headers, "x-subscription-token"),
            "k-1");
  EXPECT_EQ(service("tavily").ask(keyed(), query).body,
            R"({"query":"bees & hives ä","max_results":3,"include_answer":true})");
}

const SearchHit kBees{"Bees", "https://bees.example/", "All about bees."};

TEST(WebSearch, EachAnswerIsRead) {
  const SearchAnswer tavily = read("tavily", R"({"answer":"Bees fly.","results":[
    {"title":"Bees","url":"https://bees.example/","content":"All about bees."},{"title":"x","url":"ftp://x"}]})");
  EXPECT_EQ(tavily.summary, "Bees fly.");
  EXPECT_EQ(tavily.hits, std::vector{kBees});
  EXPECT_EQ(
      read(
          "brave",
          R"({"web":{"results":[{"title":"Bees","url":"https://bees.example/","description":"All about bees."}]}})")
          .hits,
      std::vector{kBees});
  EXPECT_EQ(
      read(
          "searxng",
          R"({"results":[{"title":"Bees","url":"https://bees.example/","content":"All about bees."}]})")
          .hits,
      std::vector{kBees});
  const SearchAnswer sonar = read("perplexity", R"({"choices":[{"message":{"content":"They fly."}}],
    "citations":["https://bees.example/"]})");
  EXPECT_EQ(sonar.summary, "They fly.");
  EXPECT_EQ(sonar.hits, (std::vector{SearchHit{"Source 1", "https://bees.example/", ""}}));
  EXPECT_EQ(
      read(
          "perplexity",
          R"({"search_results":[{"title":"Bees","url":"https://bees.example/","snippet":"All about bees."}],
    "citations":["https://other.example/"]})")
          .hits,
      std::vector{kBees});
}

TEST(WebSearch, ThePageOfTheKeylessOneIsRead) {
  const SearchAnswer answer = read("duckduckgo", R"(<html><body>
<h2><a rel="nofollow" class="result__a" href="//duckduckgo.com/l/?uddg=https%3A%2F%2Fbees.example%2F&amp;rut=1"><b>Bees</b></a></h2>
<a class="result__snippet" href="x">All about <b>bees</b>.</a>
<h2><a class="result__a" href="https://hives.example/?a=1&amp;b=2">Hives &amp; more</a></h2>
<h2><a class="result__a" href="javascript:x">No</a></h2></body></html>)");
  ASSERT_EQ(answer.hits.size(), 2u);
  EXPECT_EQ(answer.hits[0].url, "https://bees.example/");
  EXPECT_TRUE(answer.hits[0].title.contains("Bees"));
  EXPECT_TRUE(answer.hits[0].snippet.contains("bees"));
  EXPECT_EQ(answer.hits[1].url, "https://hives.example/?a=1&b=2");
  EXPECT_EQ(answer.hits[1].snippet, "");
}

TEST(WebSearch, GarbageIsAFailureAndNoCrash) {
  for (const SearchService& one : search_services()) {
    for (std::string_view body :
         {"", "{", "[]", "{\"results\":5}", "<html", "class=\"result__a\"", "{\"web\":[]}"}) {
      const auto answer = one.read(body);
      if (answer) EXPECT_TRUE(answer->hits.empty()) << one.name << body;
    }
  }
}

}  // namespace
}  // namespace skep::tools
