#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

#include "command_line.h"
#include "configure.h"
#include "skep/api/api.h"
#include "skep/base/log.h"
#include "skep/base/text.h"
#include "skep/net/stream.h"
#include "skep/sandbox/sandbox.h"
#include "skep/store/append_file.h"

namespace skep::cli {

namespace {

struct Finding {
  enum class Level { kOk, kWarn, kFail };
  std::string check;
  Level level = Level::kOk;
  std::string text;
};

constexpr std::string_view level_name(Finding::Level level) {
  switch (level) {
    case Finding::Level::kOk:
      return "ok";
    case Finding::Level::kWarn:
      return "warn";
    case Finding::Level::kFail:
      return "fail";
  }
  return "fail";
}

// Looks at one thing after the other; changes nothing but making the home's folders.
class Doctor {
 public:
  Doctor(Loop& loop, const Options& options) : loop_(loop), options_(options) {}

  Task<std::vector<Finding>> examine() {
    check_home();
    check_disk();
    check_config();
    check_config_mode();
    co_await check_daemon();
    check_database();
    co_await check_sandbox();
    if (config_) {
      co_await check_model();
      co_await check_server();
    }
    co_return std::move(findings_);
  }

 private:
  using Level = Finding::Level;
  void add(std::string check, Level level, std::string text) {
    findings_.push_back({std::move(check), level, std::move(text)});
  }

  void check_home() {
    const Result<void> made = store::make_directories(options_.home + "/run");
    if (!made) return add("home", Level::kFail, made.error().message);
    if (access(options_.home.c_str(), W_OK) != 0)
      return add("home", Level::kFail, options_.home + " is not writable");
    add("home", Level::kOk, options_.home);
  }

  void check_disk() {
    struct statvfs disk{};
    if (statvfs(options_.home.c_str(), &disk) != 0) return;
    const std::uint64_t free_bytes = static_cast<std::uint64_t>(disk.f_bavail) * disk.f_frsize;
    const bool low = free_bytes < (100u << 20);
    add("disk", low ? Level::kWarn : Level::kOk, human_size(free_bytes) + " free");
  }

  void check_config() {
    std::vector<ConfigProblem> problems;
    Result<kernel::KernelConfig> config = configure(options_, problems);
    for (const ConfigProblem& problem : problems) {
      add("configuration", Level::kFail, problem.where + ": " + problem.message);
    }
    if (!config && problems.empty()) add("configuration", Level::kFail, config.error().message);
    if (!config) return;
    config_ = *std::move(config);
    add("configuration", Level::kOk, config_path().empty() ? "none: defaults" : config_path());
  }

  void check_config_mode() {
    struct stat info{};
    const std::string path = config_path();
    if (path.empty() || stat(path.c_str(), &info) != 0) return;
    if ((info.st_mode & 077) != 0) {
      add("configuration", Level::kWarn,
          path + " can be read by others; if it holds keys: chmod 600 " + path);
    }
  }

  Task<void> check_daemon() {
    auto client = co_await find_daemon();
    if (client) {
      add("daemon", Level::kOk,
          fmt::format("running, pid {}, http://{}", (*client)->daemon().pid,
                      (*client)->daemon().address));
    } else if (const auto lock = kernel::HomeLock::take(options_.home); !lock) {
      add("daemon", Level::kWarn, lock.error().message + ", but it does not answer");
    } else {
      add("daemon", Level::kOk, "not running");
    }
  }

  Task<Result<std::unique_ptr<api::Client>>> find_daemon() {
    SKEP_CO_TRY_VOID(open_http());
    const Ctx ctx;
    co_return co_await api::Client::find(ctx, *http_, options_.home);
  }

  Result<void> open_http() {
    net::HttpClient::Deps deps{.loop = loop_};
    SKEP_TRY(http_, net::HttpClient::open(std::move(deps)));
    return {};
  }

  void check_database() {
    const std::string path = options_.home + "/state.db";
    if (access(path.c_str(), F_OK) != 0) return add("database", Level::kOk, "not made yet");
    std::ifstream file(path, std::ios::binary);
    std::string head(15, '\0');
    if (!file.read(head.data(), 15) || head != "SQLite format 3") {
      return add("database", Level::kFail,
                 path + " is no SQLite database; move it away and skep makes a new one");
    }
    add("database", Level::kOk, path);
  }

  Task<void> check_sandbox() {
    const Ctx ctx;
    const auto layers = co_await sandbox::probe(ctx.within(std::chrono::seconds(10)));
    add("sandbox", layers ? Level::kOk : Level::kWarn,
        layers ? *layers : layers.error().message + "; tools that run programs will refuse to");
  }

  Task<void> check_model() {
    const Ctx ctx;
    const EnvLookup env = process_env();
    const auto choice =
        co_await llm::choose_model(ctx, config_->llm, *config_->catalogue, *http_, env);
    if (!choice) {
      add("model", Level::kFail, choice.error().message);
    } else if (choice->config.provider == "demo") {
      add("model", Level::kWarn,
          "demo: " + choice->why +
              "; set ANTHROPIC_API_KEY, OPENAI_API_KEY or GEMINI_API_KEY, run Ollama, or configure "
              "[llm]");
    } else {
      add("model", Level::kOk,
          fmt::format("{} {}: {}", choice->config.provider, choice->config.model, choice->why));
    }
  }

  Task<void> check_server() {
    if (!config_->xmpp || config_->xmpp->link.host.empty()) {
      add("xmpp", Level::kOk,
          config_->xmpp ? "the server is found by DNS (SRV) when connecting" : "not configured");
      co_return;
    }
    const std::string host = config_->xmpp->link.host;
    const std::uint16_t port = config_->xmpp->link.port_or_default();
    const Ctx ctx;
    const Ctx brief = ctx.within(std::chrono::seconds(3));
    const auto stream = co_await net::connect_tcp(brief, host, port);
    add("xmpp", stream ? Level::kOk : Level::kFail,
        fmt::format("{}:{} {}", host, port, stream ? "answers" : stream.error().message));
  }

  std::string config_path() const {
    if (options_.config_path) return *options_.config_path;
    const std::string usual = options_.home + "/skep.toml";
    return access(usual.c_str(), F_OK) == 0 ? usual : "";
  }

  Loop& loop_;
  const Options& options_;
  std::vector<Finding> findings_;
  std::optional<kernel::KernelConfig> config_;
  std::unique_ptr<net::HttpClient> http_;
};

void print_json(const std::vector<Finding>& findings, bool healthy) {
  json::array checks;
  for (const Finding& finding : findings) {
    checks.push_back(json::object{
        {"check", finding.check}, {"status", level_name(finding.level)}, {"text", finding.text}});
  }
  fmt::print("{}\n", to_json(json::object{{"ok", healthy}, {"checks", std::move(checks)}}));
}

}  // namespace

int run_doctor(const Options& options) {
  log::configure({.level = log::Level::kError});
  Loop loop;
  Doctor doctor(loop, options);
  const std::vector<Finding> findings = loop.run(doctor.examine());
  bool healthy = true;
  for (const Finding& finding : findings) healthy &= finding.level != Finding::Level::kFail;
  if (options.json) {
    print_json(findings, healthy);
  } else {
    for (const Finding& finding : findings) {
      fmt::print("{:4}  {:14} {}\n", level_name(finding.level), finding.check, finding.text);
    }
  }
  return healthy ? 0 : kExitCheckFailed;
}

}  // namespace skep::cli
