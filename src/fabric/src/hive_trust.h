// Which hive a peer's certificate proves (docs/fabric.md "Several hives").
#pragma once

#include <openssl/x509.h>

#include <memory>
#include <span>
#include <string>

#include "skep/base/result.h"

namespace skep::fabric {

struct FreeX509 {
  void operator()(X509* certificate) const { X509_free(certificate); }
};
using X509Ptr = std::unique_ptr<X509, FreeX509>;

inline constexpr std::string_view kHiveUri = "skep:hive:";
inline constexpr std::size_t kHiveFileBytesMax = 256u << 10;

// The hive of the one "skep:hive:" URI in the certificate. kInvalid when there is none, more than
// one, or no valid hive id in it.
Result<std::string> hive_of(X509* certificate);

// The hive that `chain` (DER, the peer's own first) proves: it must be, or be signed by, a
// certificate in <directory>/<hive>.crt, and in date. The file is read anew each time, so a hive is
// trusted or forgotten without a restart. kUnauthenticated says why not and what to do.
Result<std::string> proven_hive(const std::string& directory, std::span<const std::string> chain);

}  // namespace skep::fabric
