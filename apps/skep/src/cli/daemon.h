// A kernel with its HTTP face, in this process: what `skep up` runs, and what `skep chat` runs when
// no daemon does.
#pragma once

#include <memory>

#include "skep/api/api.h"
#include "skep/kernel/kernel.h"

namespace skep::cli {

// Loop thread only.
class Daemon {
 public:
  struct Callbacks {
    std::function<void()> shutdown;            // somebody asked over HTTP
    std::function<void(const Error&)> fatal;   // a channel gave up for good
    std::function<std::string()> reload = {};  // an administrator wants it: KernelOptions::reload
    std::vector<std::string> node_arguments = {};  // KernelOptions
  };
  static Task<Result<std::unique_ptr<Daemon>>> start(Loop& loop, kernel::KernelConfig config,
                                                     bool networks, Callbacks callbacks);
  // Ends everything; within about nine seconds.
  Task<void> stop();

  [[nodiscard]] std::string address() const { return api_->address(); }
  [[nodiscard]] kernel::Kernel& kernel() { return *kernel_; }

 private:
  std::unique_ptr<kernel::Kernel> kernel_;
  std::unique_ptr<api::Api> api_;
};

}  // namespace skep::cli
