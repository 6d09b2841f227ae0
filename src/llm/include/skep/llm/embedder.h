// Texts as vectors, by a model of an OpenAI-compatible provider or an Ollama.
#pragma once

#include <chrono>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "skep/async/ctx.h"
#include "skep/async/task.h"
#include "skep/base/config.h"
#include "skep/base/secret.h"
#include "skep/llm/catalogue.h"
#include "skep/llm/driver.h"
#include "skep/net/http_client.h"

namespace skep::llm {

struct EmbedderConfig {
  std::string provider, model;
  std::string base_url;  // empty: the provider's own
  Secret api_key;
  Wire wire = Wire::kOpenai;
  Price price;                                     // of its tokens
  std::chrono::milliseconds timeout{30'000};       // of one attempt
  int retries = 2;                                 // after the first, for failures that may pass
  std::chrono::milliseconds retry_budget{10'000};  // all waiting together: somebody searches
  std::chrono::milliseconds all_timeout{35'000};   // of all attempts with the waiting
  std::chrono::milliseconds rest{60'000};          // after a failure, unless the provider says when

  // Fills what is open from the catalogue and the environment. kInvalid, in words for whoever wrote
  // it: no such provider, one without embeddings, no model, no key.
  static Result<EmbedderConfig> choose(EmbedderConfig config, const Catalogue& catalogue,
                                       const EnvLookup& env);
};

struct Embedded {
  std::vector<std::vector<float>> vectors;  // as they came
  Usage usage;
};
inline constexpr std::size_t embedding_numbers_max = 8192;  // in one vector

// One way to vectors and how it fares. Loop thread only; outlives its calls.
class Embedder {
 public:
  Embedder(EmbedderConfig config, net::HttpClient& http);
  ~Embedder();

  // kUnavailable while it rests: its newest call failed for its key, its purse or its service, and
  // asking it would make whoever searches wait for nothing. What it said is in the message.
  Result<void> ready();
  // `texts` is not empty. Retries what may pass like a Model; usage is that of all attempts
  // together. Fails like a Driver; an answer with another count of vectors than texts, or of
  // different lengths, is kCorrupt.
  Task<std::expected<Embedded, Failure>> embed(Ctx ctx, std::vector<std::string> texts);
  [[nodiscard]] const EmbedderConfig& config() const { return config_; }
  [[nodiscard]] std::string name() const;  // "openai (text-embedding-3-small)"
  // "openai (…) rests for 50 s: …"; empty: it works, as far as is known.
  [[nodiscard]] std::string trouble() const;

 private:
  struct State;
  Task<std::expected<Embedded, Failure>> attempt(Ctx ctx, const std::vector<std::string>& texts);
  void note(const Failure& failure);

  EmbedderConfig config_;
  net::HttpClient& http_;
  std::unique_ptr<State> state_;
};

// The same without the network: what is sent, and what an answer says.
std::string embed_request(const EmbedderConfig& config, const std::vector<std::string>& texts);
Result<Embedded> embed_answer(Wire wire, std::string_view body, std::size_t texts);

}  // namespace skep::llm
