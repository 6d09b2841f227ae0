// The configured model with its retry policy: what the agent calls.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "skep/async/loop.h"
#include "skep/async/wait.h"
#include "skep/base/config.h"
#include "skep/base/secret.h"
#include "skep/llm/catalogue.h"
#include "skep/llm/driver.h"
#include "skep/net/http_client.h"

namespace skep::llm {

// [llm]
struct LlmConfig {
  std::string provider;  // a provider of the catalogue ("anthropic", "groq", "ollama", …) or
                         // "demo"; empty: the first that can be found (choose_model)
  std::string model;     // empty: the provider's usual one; "provider:model" is accepted too
  Secret api_key;
  std::string base_url;  // `base_url` or `host`; empty: the provider's own
  int max_tokens_per_request = 4096;
  int num_ctx = 0;  // ollama: context window asked for; 0: sized to history_token_budget plus room,
                    // at most the model's own
  std::optional<double> temperature;
  bool cache = true;                  // prompt-cache markers where the provider has them
  int history_token_budget = 50'000;  // clamped to the model's window less system, tools and answer
  std::chrono::milliseconds timeout{
      120'000};  // first byte; the whole attempt may take five times that
  std::chrono::milliseconds idle_timeout{60'000};  // between two pieces of an answer
  int retries = 4;  // after the first attempt, for failures that may pass
  std::chrono::milliseconds retry_budget{90'000};  // all waiting together
  int concurrent_max = 16;                         // calls in flight

  std::vector<Secret> more_keys;  // `api_keys`: further keys of the same provider, used when one is
                                  // spent or refused
  std::vector<LlmConfig>
      fallbacks;  // [[llm.fallback]]: asked in this order when the configured model does not answer
  // Tool calls that are written as text are taken for calls; nothing: for the models that the
  // catalogue says need it.
  std::optional<bool> text_tool_calls;
  int context_window = 0;  // tokens; 0: the catalogue's figure, else the model family's

  // What choose_model found; drivers do without.
  std::optional<Wire> wire;       // how the provider is spoken to
  std::optional<ModelInfo> info;  // what the catalogue knows of the model

  // `catalogue`: whose providers may be named.
  static LlmConfig read(ConfigSection section, const Catalogue& catalogue);
};

// How the model was found, for the start-up line and `skep doctor`.
struct Choice {
  LlmConfig config;
  std::string why;  // "ANTHROPIC_API_KEY is set", "Ollama answers on localhost:11434 (llama3.2)",
                    // "no key and no Ollama found"
};
// Fills what the configuration left open: the configured provider; else the first of the catalogue
// whose key is in the environment (ANTHROPIC_API_KEY, OPENAI_API_KEY, …); else an Ollama on
// OLLAMA_HOST or localhost:11434 that has a model (probe: 300 ms); else demo. A model may be named
// by any name the catalogue has for it. kInvalid when the configuration cannot work (unknown
// provider, key missing for one that needs it), with the sentence to show.
Task<Result<Choice>> choose_model(Ctx ctx, LlmConfig config, const Catalogue& catalogue,
                                  net::HttpClient& http, const EnvLookup& env);

// The same where provider and model are named, or one says the other: nobody is asked and nothing
// waits. kInvalid when something would have to be found out.
Result<LlmConfig> choose_named(LlmConfig config, const Catalogue& catalogue, const EnvLookup& env);

// Waiting before attempt n (1 = first retry): the provider's wish when it is given (at most 60 s),
// else full jitter over 1 s * 2^(n-1), at most 30 s. `jitter` in [0,1).
std::chrono::milliseconds retry_delay(int retry, std::optional<std::chrono::milliseconds> wish,
                                      double jitter);

// One way to a model and how it fares.
struct Way {
  std::string name;                // Driver::describe()
  std::chrono::seconds resting{};  // it failed and is left alone for so long; 0: it may be asked
};

// Loop thread only. The configured model first, with each of its keys, then the fallbacks: a way
// that failed for its key, its purse or its service rests while another one is there. A
// conversation that is too long, or a request that is refused, would fail anywhere and turns to
// nobody else.
class Model {
 public:
  struct Deps {
    Loop& loop;
    net::HttpClient& http;  // outlives the Model
  };
  static Result<std::unique_ptr<Model>> open(LlmConfig config, Deps deps);
  virtual ~Model() = default;

  // Streams one answer, retrying failures that may pass. When an attempt broke off after text had
  // reached the sink, the sink first gets `on_reset`, then the text anew. An empty answer (no text,
  // no call) or a garbled one is retried once. Usage is that of all attempts together, of the
  // answer as of a failure. A tool called by a name from elsewhere ("Bash") gets its own. Calls
  // written as text become calls where LlmConfig says so; the sink then gets `on_reset` and the
  // text around them.
  virtual Task<std::expected<Response, Failure>> stream(Ctx ctx, const Request& request,
                                                        EventSink sink,
                                                        std::function<void()> on_reset) = 0;
  [[nodiscard]] virtual const Driver& driver() const = 0;
  [[nodiscard]] virtual const LlmConfig& config() const = 0;
  [[nodiscard]] virtual std::vector<Way> ways() const { return {}; }
};

// Rough tokens of a text: 4 characters each for Latin, 1.5 for CJK; never 0 for non-empty text.
std::size_t estimate_tokens(std::string_view text);

}  // namespace skep::llm
