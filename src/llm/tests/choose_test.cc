#include <gtest/gtest.h>

#include "model_server.h"

namespace skep::llm {
namespace {

using Env = std::map<std::string, std::string, std::less<>>;

struct Chooser {
  Loop loop;
  std::unique_ptr<net::HttpClient> http = net::HttpClient::open({.loop = loop}).value();
  ModelServer ollama{loop};
  Catalogue catalogue = *Catalogue::open();
  Env env;
  std::string nobody = dead_address(loop);  // where an Ollama is looked for when `env` names none

  Result<Choice> choose(LlmConfig config = {}) {
    EnvLookup lookup = [this](std::string_view name) -> std::optional<std::string> {
      auto found = env.find(name);
      if (found != env.end()) return found->second;
      if (name == "OLLAMA_HOST") return nobody;
      return std::nullopt;
    };
    return loop.run(choose_model(Ctx{}, std::move(config), catalogue, *http, lookup));
  }
  static std::string dead_address(Loop& on) {
    auto acceptor = on.run(net::listen_tcp("127.0.0.1", 0)).value();
    std::string address = fmt::format("127.0.0.1:{}", acceptor->port());
    acceptor->close();
    return address;
  }
};

LlmConfig with(std::string provider, std::string model = {}) {
  LlmConfig config;
  config.provider = std::move(provider);
  config.model = std::move(model);
  return config;
}

TEST(ChooseModel, TakesTheFirstKeyInTheEnvironment) {
  Chooser chooser;
  chooser.env = {{"ANTHROPIC_API_KEY", " k1 "}, {"OPENAI_API_KEY", "k2"}};
  auto choice = chooser.choose();
  ASSERT_TRUE(choice);
  EXPECT_EQ(choice->config.provider, "anthropic");
  EXPECT_EQ(choice->config.model, "claude-sonnet-4-5-20250929");
  EXPECT_EQ(choice->config.api_key.reveal(), "k1");
  EXPECT_EQ(choice->why, "ANTHROPIC_API_KEY is set");
  chooser.env.erase("ANTHROPIC_API_KEY");
  choice = chooser.choose();
  ASSERT_TRUE(choice);
  EXPECT_EQ(choice->config.provider, "openai");
  EXPECT_EQ(choice->config.model, "gpt-4o");
  EXPECT_EQ(choice->why, "OPENAI_API_KEY is set");
  chooser.env = {{"GOOGLE_API_KEY", "k3"}};
  choice = chooser.choose();
  ASSERT_TRUE(choice);
  EXPECT_EQ(choice->config.provider, "gemini");
  EXPECT_EQ(choice->config.api_key.reveal(), "k3");
  EXPECT_EQ(choice->why, "GOOGLE_API_KEY is set");
}

TEST(ChooseModel, FindsALocalOllama) {
  Chooser chooser;
  chooser.env = {{"ANTHROPIC_API_KEY", ""}, {"OLLAMA_HOST", chooser.ollama.address()}};
  chooser.ollama.tags = R"({"models":[{"name":"llama3.2:3b"},{"name":"qwen3:latest"}]})";
  auto choice = chooser.choose();
  ASSERT_TRUE(choice);
  EXPECT_EQ(choice->config.provider, "ollama");
  EXPECT_EQ(choice->config.model, "llama3.2:3b");
  EXPECT_EQ(choice->why, "Ollama answers on " + chooser.ollama.address() + " (llama3.2:3b)");
  choice = chooser.choose(with("", "qwen3"));
  ASSERT_TRUE(choice);
  EXPECT_EQ(choice->config.model, "qwen3");
  EXPECT_EQ(choice->config.provider, "ollama");
}

TEST(ChooseModel, FallsBackToDemoAndSaysWhy) {
  Chooser chooser;
  auto choice = chooser.choose();
  ASSERT_TRUE(choice);
  EXPECT_EQ(choice->config.provider, "demo");
  EXPECT_EQ(choice->why, "no key and no Ollama found");
  chooser.env = {{"OLLAMA_HOST", chooser.ollama.address()}};
  choice = chooser.choose();
  ASSERT_TRUE(choice);
  EXPECT_EQ(choice->config.provider, "demo");
  EXPECT_EQ(choice->why,
            "no key found, and the Ollama on " + chooser.ollama.address() + " has no model");
}

TEST(ChooseModel, SplitsTheProviderOffAtTheFirstColonOnly) {
  Chooser chooser;
  auto choice = chooser.choose(with("", "ollama:llama3.2:3b"));
  ASSERT_TRUE(choice);
  EXPECT_EQ(choice->config.provider, "ollama");
  EXPECT_EQ(choice->config.model, "llama3.2:3b");
  choice = chooser.choose(with("ollama", "llama3.2:3b"));
  ASSERT_TRUE(choice);
  EXPECT_EQ(choice->config.model, "llama3.2:3b");
}

TEST(ChooseModel, GuessesTheProviderFromModelKeyOrUrl) {
  Chooser chooser;
  chooser.env = {{"ANTHROPIC_API_KEY", "k1"}, {"OPENAI_API_KEY", "k2"}};
  EXPECT_EQ(chooser.choose(with("", "claude-haiku-4-5"))->config.provider, "anthropic");
  EXPECT_EQ(chooser.choose(with("", "gpt-4.1"))->config.provider, "openai");
  LlmConfig config;
  config.api_key = Secret("sk-ant-xyz");
  EXPECT_EQ(chooser.choose(config)->config.provider, "anthropic");
  config = {};
  config.base_url = "http://127.0.0.1:8000/v1";
  EXPECT_EQ(chooser.choose(config)->config.provider, "openai");
}

TEST(ChooseModel, RefusesWhatCannotWorkWithASentence) {
  Chooser chooser;
  const std::vector<std::pair<LlmConfig, std::string>> table = {
      {with("antropic"), "did you mean \"anthropic\"?"},
      {with("anthropic"), "anthropic needs a key: set ANTHROPIC_API_KEY or [llm] api_key"},
      {with("openai"), "openai needs a key: set OPENAI_API_KEY or [llm] api_key"},
      {with("", "strange-model"), "set [llm] provider"}};
  for (const auto& [config, sentence] : table) {
    auto choice = chooser.choose(config);
    ASSERT_FALSE(choice);
    EXPECT_EQ(choice.error().code, Code::kInvalid);
    EXPECT_NE(choice.error().message.find(sentence), std::string::npos) << choice.error().message;
  }
  auto choice = chooser.choose(with("ollama"));
  ASSERT_FALSE(choice);
  EXPECT_EQ(choice.error().code, Code::kUnavailable);
  EXPECT_NE(choice.error().message.find("start it, or set [llm] model"), std::string::npos)
      << choice.error().message;
}

TEST(ChooseModel, AsksNoKeyForAServerOfOnesOwn) {
  Chooser chooser;
  LlmConfig config = with("openai", "local");
  config.base_url = "http://127.0.0.1:8000/v1";
  auto choice = chooser.choose(config);
  ASSERT_TRUE(choice);
  EXPECT_TRUE(choice->config.api_key.empty());
}

TEST(LlmConfig, ReadsItsSection) {
  auto file = ConfigFile::parse(R"([llm]
provider = "ollama"
model = "llama3.2"
host = "localhost:11434"
max_tokens_per_request = 100
temperature = 0.5
timeout = 7
)",
                                "skep.toml")
                  .value();
  LlmConfig config = LlmConfig::read(file.root().child("llm"), *Catalogue::open());
  EXPECT_TRUE(file.problems().empty());
  EXPECT_EQ(config.provider, "ollama");
  EXPECT_EQ(config.base_url, "localhost:11434");
  EXPECT_EQ(config.max_tokens_per_request, 100);
  EXPECT_EQ(config.temperature, 0.5);
  EXPECT_EQ(config.timeout, std::chrono::seconds(7));
}

TEST(ChooseNamed, WaitsForNobody) {
  const Catalogue catalogue = *Catalogue::open();
  const EnvLookup env = [](std::string_view name) -> std::optional<std::string> {
    return name == "GROQ_API_KEY" ? std::optional<std::string>("k") : std::nullopt;
  };
  LlmConfig config = with("groq");
  config.fallbacks = {with("ollama", "llama3.2"), with("", "demo:x")};
  auto chosen = choose_named(std::move(config), catalogue, env);
  ASSERT_TRUE(chosen) << chosen.error().message;
  EXPECT_EQ(chosen->api_key.reveal(), "k");
  EXPECT_FALSE(chosen->model.empty());
  EXPECT_EQ(chosen->fallbacks.at(0).model, "llama3.2");
  EXPECT_EQ(chosen->fallbacks.at(1).provider, "demo");
  for (const LlmConfig& open : {with("ollama"), with("nobody", "x"), with("openai", "gpt-4o")})
    EXPECT_EQ(choose_named(open, catalogue, env).error().code, Code::kInvalid) << open.provider;
}

TEST(LlmConfig, ReportsWhatIsWrong) {
  auto file = ConfigFile::parse(R"([llm]
host = "a"
base_url = "b"
temperature = 9
timeout = 0
retries = -1
modle = "x"
)",
                                "skep.toml")
                  .value();
  (void)LlmConfig::read(file.root().child("llm"), *Catalogue::open());
  EXPECT_EQ(file.problems().size(), 5u);
}

TEST(ChooseModel, KnowsEveryProviderOfTheCatalogueByItsKey) {
  const Catalogue catalogue = *Catalogue::open();
  for (const ProviderInfo& provider : catalogue.providers()) {
    if (!provider.key_required) continue;
    Chooser chooser;
    chooser.env = {{provider.key_variables.back(), "k"}};
    auto choice = chooser.choose();
    ASSERT_TRUE(choice) << provider.id;
    EXPECT_EQ(choice->config.provider, provider.id);
    EXPECT_EQ(choice->config.model, provider.default_model);
    EXPECT_EQ(choice->config.wire, provider.wire);
    ASSERT_TRUE(choice->config.info) << provider.id;
    EXPECT_EQ(choice->config.info->provider, provider.id);
  }
}

TEST(ChooseModel, TakesAnAliasForWhatItStandsFor) {
  Chooser chooser;
  chooser.env = {{"ANTHROPIC_API_KEY", "k"}, {"GROQ_API_KEY", "k"}};
  auto choice = chooser.choose(with("", "sonnet"));
  ASSERT_TRUE(choice) << choice.error().message;
  EXPECT_EQ(choice->config.model, "claude-sonnet-4-5-20250929");
  choice = chooser.choose(with("groq:llama-3.1-8b-instant"));
  EXPECT_FALSE(choice);  // that is no provider
  choice = chooser.choose(with("", "groq:llama-3.1-8b-instant"));
  ASSERT_TRUE(choice) << choice.error().message;
  EXPECT_EQ(choice->config.provider, "groq");
  EXPECT_EQ(choice->config.max_tokens_per_request, 4096);
  choice = chooser.choose(with("ollama", "mistral:latest"));
  ASSERT_TRUE(choice) << choice.error().message;
  EXPECT_EQ(choice->config.model, "mistral:latest");
}

TEST(ChooseModel, AsksALocalServerForItsModels) {
  Chooser chooser;
  auto none = chooser.choose({.provider = "vllm", .base_url = "http://" + chooser.nobody + "/v1"});
  ASSERT_FALSE(none);
  EXPECT_NE(none.error().message.find("no vLLM with a model at"), std::string::npos)
      << none.error().message;
  chooser.ollama.answers({.pieces = {R"({"data":[{"id":"our-own"},{"id":"other"}]})"}});
  auto found = chooser.choose(
      {.provider = "vllm", .base_url = "http://" + chooser.ollama.address() + "/v1"});
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->config.model, "our-own");
  EXPECT_EQ(chooser.ollama.requests.at(0).path, "/v1/models");
}

TEST(Catalogue, AModelThatCannotCallToolsIsToldOfNone) {
  LlmConfig config{.provider = "openai", .model = "gemma"};
  config.info =
      ModelInfo{.id = "gemma", .wire_id = "gemma2-9b-it", .context_tokens = 8192, .tools = false};
  Bench bench(std::move(config));
  bench.server.answers({.status = 401, .pieces = {"{}"}});
  Request request = Bench::hello();
  request.tools = {ToolSpec{"calc", "Calculates.", json::object{{"type", "object"}}}};
  auto answer = bench.loop.run(bench.model->stream(Ctx{}, request, {}, {}));
  ASSERT_FALSE(answer);
  const std::string& body = bench.server.requests.at(0).body;
  EXPECT_EQ(body.find("calc"), std::string::npos) << body;
  EXPECT_NE(body.find("\"gemma2-9b-it\""), std::string::npos) << body;
  EXPECT_EQ(bench.model->driver().context_window_tokens(), 8192);
}

}  // namespace
}  // namespace skep::llm
