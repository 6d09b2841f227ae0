// The daemon's HTTP face and the client of it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "skep/async/ctx.h"
#include "skep/async/task.h"
#include "skep/kernel/kernel.h"
#include "skep/net/http_server.h"

namespace skep::api {

// <home>/run/daemon.json (0600): how other processes of the same user find the daemon and prove who
// they are.
struct DaemonFile {
  int pid = 0;
  std::string address;     // "127.0.0.1:4545"
  std::string token;       // bearer for every route but health
  std::string started_at;  // RFC 3339
  std::string version;
  static Result<DaemonFile> read(const std::string& home);
  Result<void> write(const std::string& home) const;
  static void remove(const std::string& home);
};

// Routes, from one table (src/routes.cc; docs/api.md lists them, and a test compares the two). Host
// and Origin headers of foreign sites are refused (DNS rebinding).
class Api {
 public:
  struct Deps {
    Loop& loop;
    kernel::Kernel& kernel;
    std::function<void()> shutdown;
    std::function<std::string()> reload = {};  // KernelOptions::reload
  };
  static Task<Result<std::unique_ptr<Api>>> open(std::string listen, std::string home, Deps deps);
  virtual ~Api() = default;  // close() first
  [[nodiscard]] virtual std::string address() const = 0;
  virtual Task<void> close(Ctx ctx) = 0;  // also removes daemon.json
};

// Talks to a running daemon.
class Client {
 public:
  // Reads daemon.json and asks for health (1 s); kNotFound when no daemon runs, with the reason.
  static Task<Result<std::unique_ptr<Client>>> find(Ctx ctx, net::HttpClient& http,
                                                    const std::string& home);
  virtual ~Client() = default;
  virtual Task<Result<json::value>> get(Ctx ctx, std::string path) = 0;
  virtual Task<Result<json::value>> post(Ctx ctx, std::string path, json::value body) = 0;
  virtual Task<Result<json::value>> remove(Ctx ctx, std::string path, json::value body) = 0;
  // Streams one chat answer; `on_event(name, data)` for each event. The final event is "reply".
  virtual Task<Result<void>> chat(
      Ctx ctx, json::value body,
      std::function<void(std::string_view, const json::value&)> on_event) = 0;
  [[nodiscard]] virtual const DaemonFile& daemon() const = 0;
};

}  // namespace skep::api
