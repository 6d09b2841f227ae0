// skep hive keygen | join | list: files in <home>/credentials, which a running daemon reads anew
// with each connection.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "command_line.h"
#include "configure.h"

namespace skep::cli {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kCertificateBytesMax = 256u << 10;

Result<std::string> read_pem(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(kCertificateBytesMax + 1, '\0');
  if (!file) return fail(Code::kNotFound, fmt::format("cannot read {}", path));
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > kCertificateBytesMax) {
    return fail(Code::kTooLarge, fmt::format("{} is too long for a certificate", path));
  }
  return text;
}

struct Certificate {
  std::string pem, hive, fingerprint;
};
Result<Certificate> read_certificate(const std::string& path) {
  Certificate certificate;
  SKEP_TRY(certificate.pem, read_pem(path));
  auto hive = fabric::hive_of_certificate(certificate.pem);
  if (!hive) return fail(std::move(hive).error().in(path));
  certificate.hive = *std::move(hive);
  SKEP_TRY(certificate.fingerprint, fabric::certificate_fingerprint(certificate.pem));
  return certificate;
}

bool confirmed(const Options& options) {
  if (options.yes) return true;
  fmt::print("Is that the fingerprint which the other hive's people see? [y/N] ");
  std::fflush(stdout);
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "y" || answer == "Y" || answer == "yes";
}

// Beside and renamed: a running daemon never reads half of it.
Result<void> keep(const std::string& path, const std::string& pem) {
  std::error_code error;
  fs::create_directories(fs::path(path).parent_path(), error);
  const std::string beside = path + ".new";
  {
    std::ofstream out(beside, std::ios::binary | std::ios::trunc);
    out << pem;
    out.flush();
    if (!out) return fail(Code::kUnavailable, "cannot write " + beside);
  }
  if (std::rename(beside.c_str(), path.c_str()) != 0) {
    return fail(errno_error("writing " + path, errno));
  }
  return {};
}

}  // namespace

int run_hive_keygen(const Options& options) {
  const auto config = configure_or_report(options);
  if (!config) return kExitConfig;
  const fabric::GatewayConfig& gateway = config->gateway;
  auto made = fabric::make_hive_key(gateway.key, gateway.certificate, config->hive);
  if (!made) return report(made.error());
  auto certificate = read_certificate(gateway.certificate);
  if (!certificate) return report(certificate.error());
  fmt::print(
      "hive         {}\nfingerprint  {}\nkey          {} (keep it here)\ncertificate  {} (give "
      "it to the other hives: skep hive join FILE)\n",
      certificate->hive, certificate->fingerprint, gateway.key, gateway.certificate);
  return 0;
}

int run_hive_join(const Options& options) {
  const auto config = configure_or_report(options);
  if (!config) return kExitConfig;
  auto certificate = read_certificate(options.file);
  if (!certificate) return report(certificate.error());
  if (certificate->hive == config->hive) {
    return report({Code::kInvalid, fmt::format("{} is of hive \"{}\", which is this hive's own id",
                                               options.file, config->hive)});
  }
  const std::string path =
      fmt::format("{}/{}.crt", config->gateway.hives_directory, certificate->hive);
  fmt::print("hive         {}\nfingerprint  {}\n", certificate->hive, certificate->fingerprint);
  if (const auto before = read_certificate(path); before && before->pem != certificate->pem) {
    fmt::print("replaces     {}\n", before->fingerprint);
  }
  if (!confirmed(options)) {
    fmt::print("nothing was changed\n");
    return kExitCheckFailed;
  }
  if (auto kept = keep(path, certificate->pem); !kept) return report(kept.error());
  fmt::print("kept         {}\n", path);
  const auto& allowed = config->gateway.authorized_hives;
  if (std::ranges::find(allowed, certificate->hive) == allowed.end()) {
    fmt::print("next         add \"{}\" to [hive] authorized_hives in skep.toml\n",
               certificate->hive);
  }
  return 0;
}

int run_hive_list(const Options& options) {
  const auto config = configure_or_report(options);
  if (!config) return kExitConfig;
  std::error_code error;
  std::vector<std::string> files;
  for (const auto& entry : fs::directory_iterator(config->gateway.hives_directory, error)) {
    if (entry.path().extension() == ".crt") files.push_back(entry.path().string());
  }
  std::ranges::sort(files);
  json::array list;
  const auto& allowed = config->gateway.authorized_hives;
  for (const std::string& file : files) {
    auto certificate = read_certificate(file);
    if (!certificate) {
      fmt::print(stderr, "skep: {}\n", certificate.error().message);
      continue;
    }
    const bool authorized = std::ranges::find(allowed, certificate->hive) != allowed.end();
    list.push_back(json::object{{"hive", certificate->hive},
                                {"fingerprint", certificate->fingerprint},
                                {"authorized", authorized},
                                {"file", file}});
    if (options.json) continue;
    fmt::print("{:<20} {} {}\n", certificate->hive,
               authorized ? "authorized    " : "not authorized", certificate->fingerprint);
  }
  if (options.json) fmt::print("{}\n", to_json(list));
  if (!options.json && files.empty()) {
    fmt::print("no certificates of other hives are kept in {}\n", config->gateway.hives_directory);
  }
  return 0;
}

}  // namespace skep::cli
