// skep agent keygen | sign | verify: manifests that somebody vouches for. Files alone; no daemon is
// asked.
#include <fmt/format.h>

#include <cstdio>
#include <filesystem>

#include "command_line.h"
#include "configure.h"
#include "skep/agent/manifest.h"
#include "skep/authority/signature.h"
#include "skep/store/append_file.h"

namespace skep::cli {
namespace {

using authority::SigningKey;

constexpr std::string_view kKeyFile = "/credentials/signing.key";

std::string key_path(const Options& options) {
  if (!options.sign.key.empty()) return options.sign.key;
  const std::string home = options.home.empty() ? kernel::default_home() : options.home;
  return home + std::string(kKeyFile);
}

int keygen(const Options& options) {
  const std::string path = key_path(options);
  auto key = SigningKey::generate();
  if (!key) return report(key.error());
  const authority::Signer signer{.name = options.name.empty() ? "ops" : options.name,
                                 .key = key->public_key()};
  if (auto good = authority::parse_signer(authority::to_text(signer)); !good)
    return report(good.error());
  if (auto written = key->write(path); !written) return report(written.error());
  fmt::print(
      "key      {} (keep it to yourself)\nsigner   {}\nnext     in skep.toml, where its signatures "
      "are to count: [agents] trusted_signers = [\"{}\"]\n",
      path, authority::to_text(signer), authority::to_text(signer));
  return 0;
}

// A file that a person edits keeps its rights.
Result<void> replace(const std::string& path, const std::string& text) {
  std::error_code error;
  const auto rights = std::filesystem::status(path, error).permissions();
  SKEP_TRY_VOID(store::write_file(path, text));
  if (rights != std::filesystem::perms::unknown && rights != std::filesystem::perms::none)
    std::filesystem::permissions(path, rights, error);
  return {};
}

Result<std::string> signed_manifest(const Options& options, const std::string& text,
                                    const std::string& name, WallTime expires) {
  SKEP_TRY(const SigningKey key, SigningKey::read(key_path(options)));
  SKEP_TRY(std::string out, key.sign(text, name, expires));
  if (out.size() > agent::Manifest::bytes_max)
    return fail(Code::kTooLarge, fmt::format("with its signature {} is too long", options.file));
  return out;
}

int sign(const Options& options) {
  auto text = store::read_file(options.file, agent::Manifest::bytes_max);
  if (!text) return report(text.error());
  const auto manifest = agent::Manifest::parse(*text, options.file);
  if (!manifest) return report(manifest.error());
  auto expires = parse_rfc3339(options.sign.until);
  if (!options.sign.until.empty() && !expires)
    return report({Code::kInvalid, "--until wants a time like 2027-11-30T00:00:00Z"});
  if (!expires) expires = Clock::system().now() + std::chrono::days(options.sign.days);
  auto out = signed_manifest(options, *text, manifest->name, *expires);
  if (!out) return report(out.error());
  const std::string& to = options.sign.out.empty() ? options.file : options.sign.out;
  if (auto written = replace(to, *out); !written) return report(written.error());
  fmt::print("{} is signed for the agent {}, good until {}\n", to, manifest->name,
             format_rfc3339(*expires));
  return 0;
}

int verify(const Options& options) {
  const auto config = configure_or_report(options);
  if (!config) return kExitConfig;
  auto text = store::read_file(options.file, agent::Manifest::bytes_max);
  if (!text) return report(text.error());
  const auto manifest = agent::Manifest::parse(*text, options.file);
  if (!manifest) return report(manifest.error());
  const auto signer =
      authority::verify_text(*text, manifest->name, config->agents.signers, Clock::system().now());
  if (!signer) {
    report(signer.error());
    return kExitCheckFailed;
  }
  if (!*signer) {
    fmt::print("{} is not signed\n", options.file);
    return kExitCheckFailed;
  }
  const auto line = authority::split_signature(*text)->line;
  fmt::print("{} is signed by {} for the agent {}, good until {}\n", options.file, (*signer)->name,
             manifest->name, line->expires);
  return 0;
}

}  // namespace

int run_sign(const Options& options) {
  if (options.verb == "keygen") return keygen(options);
  return options.verb == "sign" ? sign(options) : verify(options);
}

}  // namespace skep::cli
