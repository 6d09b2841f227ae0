// Outputs that are too large for a stanza: ours are put where the asker can fetch them, or cut
// visibly where that cannot be; those of others are fetched, and are what they were said to be.
#pragma once

#include <functional>
#include <string>

#include "counts.h"
#include "post.h"
#include "skep/federation/config.h"
#include "skep/xmpp/agent_protocol.h"
#include "skep/xmpp/shared_files.h"

namespace skep::federation {

// Gives the file with its URL, size and hash. kUnsupported: there is no service; kTooLarge,
// kDenied: trying again is no use; anything else may pass.
using Upload = std::function<Task<Result<xmpp::SharedFile>>(Ctx, xmpp::SharedFile, std::string)>;
// The bytes behind a URL, through the egress guard; the message of a failure is a sentence.
using Fetch = std::function<Task<Result<std::string>>(Ctx, std::string url, std::uint64_t)>;

// Loop thread only.
class Outputs {
 public:
  static constexpr std::size_t kWholeBytesMax = 2u << 20;  // of a result; what is more is cut
  static constexpr int kTriesMax = 3;                      // of one upload

  struct Deps {
    const FederationConfig& config;
    Post& post;
    Counts& counts;
    Upload upload;  // empty: nothing is uploaded here
    Fetch fetch;    // empty: nothing is fetched here
  };
  explicit Outputs(Deps deps) : deps_(std::move(deps)) {}

  // Cut to what is kept at all.
  [[nodiscard]] xmpp::ExecResult bounded(xmpp::ExecResult result) const;
  // It can go into a stanza as it is.
  [[nodiscard]] bool fits(const xmpp::ExecResult& result) const;
  // One that fits. `name`: of the files, for people. nullopt: the Ctx has ended.
  Task<std::optional<xmpp::ExecResult>> pack(Ctx ctx, xmpp::ExecResult result, std::string name);
  // With the texts that its outputs name. One that cannot be had, or is not what was announced, is
  // the result's error, and says so in its place.
  Task<xmpp::ExecResult> unpack(Ctx ctx, xmpp::ExecResult result);

 private:
  Task<Result<xmpp::SharedFile>> put(Ctx ctx, xmpp::SharedFile file, std::string bytes);
  Task<Result<std::string>> get(Ctx ctx, xmpp::ExecOutput output, std::size_t bytes_left);
  void cut(xmpp::ExecResult& result, std::size_t index, std::string_view why) const;

  Deps deps_;
};

}  // namespace skep::federation
