// A throwaway certificate authority for the TLS tests.
#pragma once

#include <string>
#include <vector>

#include "support.h"

namespace skep::net::testing {

// Issues EC certificates, valid for an hour, as PEM files in a directory of its own.
class CertificateAuthority {
 public:
  CertificateAuthority();
  ~CertificateAuthority();
  CertificateAuthority(const CertificateAuthority&) = delete;
  CertificateAuthority& operator=(const CertificateAuthority&) = delete;

  [[nodiscard]] std::string ca_file() const { return dir_.file("ca.pem"); }
  // `names` go into subjectAltName as they are: "DNS:a.test", "IP:127.0.0.1". Files <stem>.crt and
  // <stem>.key.
  TlsServerConfig issue(const std::string& stem, const std::string& names) const;

 private:
  struct Impl;
  TempDir dir_;
  std::unique_ptr<Impl> impl_;
};

}  // namespace skep::net::testing
