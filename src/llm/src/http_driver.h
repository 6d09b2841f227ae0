// What the drivers over HTTP have in common: where they ask, with which key, and as which model.
#pragma once

#include <fmt/format.h>

#include <string>
#include <utility>

#include "families.h"
#include "http_attempt.h"
#include "skep/llm/driver.h"
#include "skep/llm/model.h"

namespace skep::llm {

class HttpDriver : public Driver {
 public:
  [[nodiscard]] std::string describe() const override {
    return fmt::format("{} ({})", name_, options_.model);
  }
  [[nodiscard]] std::string model() const override { return options_.model; }
  [[nodiscard]] bool takes_images() const override { return options_.images; }
  [[nodiscard]] int context_window_tokens() const override { return family_.window_tokens; }

 protected:
  // `name` of the provider, for people; `http` outlives it.
  HttpDriver(std::string name, const LlmConfig& config, net::HttpClient& http, std::string url)
      : http_(http),
        name_(std::move(name)),
        url_(std::move(url)),
        key_(config.api_key),
        patience_{config.timeout, config.idle_timeout},
        family_(family_of(config)),
        options_{.model = wire_model(config),
                 .temperature = config.temperature,
                 .images = family_.images} {}

  [[nodiscard]] WireOptions options_for(const Request& request) const {
    WireOptions options = options_;
    if (request.temperature) options.temperature = request.temperature;
    return options;
  }

  // The question, without a key in its headers.
  [[nodiscard]] HttpAttempt attempt_with(std::string body, const Request& request) const {
    return {.provider = name_,
            .request = json_post(url_, std::move(body), patience_),
            .key = key_,
            .raw = request.raw};
  }

  // The key goes into a header: in the URL it would reach logs.
  void add_key(net::HttpRequest& request, std::string header) const {
    if (!key_.empty()) request.headers.emplace_back(std::move(header), key_.reveal());
  }
  void add_bearer(net::HttpRequest& request) const {
    if (!key_.empty())
      request.headers.emplace_back("authorization", fmt::format("Bearer {}", key_.reveal()));
  }

  net::HttpClient& http_;
  std::string name_;
  std::string url_;
  Secret key_;
  Patience patience_;
  Family family_;
  WireOptions options_;
};

}  // namespace skep::llm
