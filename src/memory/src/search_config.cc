#include <algorithm>
#include <cmath>

#include "skep/memory/search.h"

namespace skep::memory {

SearchConfig SearchConfig::read(ConfigSection memory, const std::string& memory_path) {
  SearchConfig config;
  config.shared_path = memory_path + "/shared";
  memory.child("shared").read("path", config.shared_path);
  ConfigSection search = memory.child("search");
  search.read("enabled", config.enabled);
  std::vector<std::string> sources{"memory", "sessions", "shared"};
  if (search.read("sources", sources)) {
    for (const std::string& one : sources) {
      if (one != "memory" && one != "sessions" && one != "shared")
        search.problem("sources", "its entries are \"memory\", \"sessions\" and \"shared\"");
    }
  }
  const auto has = [&](std::string_view name) {
    return std::ranges::find(sources, name) != sources.end();
  };
  config.memory = has("memory");
  config.sessions = has("sessions");
  config.shared = has("shared");
  ConfigSection hybrid = search.child("hybrid");
  const bool vectors = hybrid.read("vector_weight", config.vector_weight);
  const bool keywords = hybrid.read("keyword_weight", config.keyword_weight);
  if (vectors && !keywords) config.keyword_weight = 1 - config.vector_weight;
  if (keywords && !vectors) config.vector_weight = 1 - config.keyword_weight;
  const bool good = config.vector_weight >= 0 && config.keyword_weight >= 0 &&
                    std::abs(config.vector_weight + config.keyword_weight - 1) < 1e-6;
  if (!good) hybrid.problem("", "vector_weight and keyword_weight are 0 to 1, and together 1");
  search.read("provider", config.provider);
  search.read("model", config.model);
  search.read("base_url", config.base_url);
  search.read("api_key", config.api_key);
  search.read("indexes_open_max", config.indexes_open_max, {.min = 2, .max = 1000});
  search.read("vector_mb_max", config.vector_mb_max, {.min = 1, .max = 1 << 20});
  search.read("embedded_max", config.embedded_max, {.min = 1, .max = 100'000});
  if (config.provider == "local" && !(config.model.empty() && config.base_url.empty()))
    search.problem("provider", "model and base_url need a provider other than \"local\"");
  return config;
}

}  // namespace skep::memory
