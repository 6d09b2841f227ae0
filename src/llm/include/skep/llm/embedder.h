// Texts as vectors, by a model of an OpenAI-compatible provider or an Ollama.
#pragma once

#include <chrono>
#include <expected>
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
  Price price;  // of its tokens
  std::chrono::milliseconds timeout{30'000};

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

// One attempt; `texts` is not empty. Fails like a Driver; an answer with another count of vectors
// than texts, or of different lengths, is kCorrupt.
Task<std::expected<Embedded, Failure>> embed(Ctx ctx, net::HttpClient& http, EmbedderConfig config,
                                             std::vector<std::string> texts);

// The same without the network: what is sent, and what an answer says.
std::string embed_request(const EmbedderConfig& config, const std::vector<std::string>& texts);
Result<Embedded> embed_answer(Wire wire, std::string_view body, std::size_t texts);

}  // namespace skep::llm
