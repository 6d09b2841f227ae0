#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "hive_trust.h"
#include "skep/base/id.h"
#include "skep/base/text.h"
#include "skep/fabric/gateway.h"

namespace skep::fabric {
namespace {

namespace fs = std::filesystem;

class HiveKey : public ::testing::Test {
 protected:
  HiveKey() : dir_(fs::temp_directory_path() / ("skep-hive-" + hex_encode(random_bytes(8)))) {
    fs::create_directories(dir_ / "hives");
  }
  ~HiveKey() override { fs::remove_all(dir_); }
  [[nodiscard]] std::string file(const std::string& name) const { return dir_ / name; }
  std::string make(const std::string& stem, const std::string& hive, int days = 30) const {
    auto made = make_hive_key(file(stem + ".key"), file(stem + ".crt"), hive, days);
    EXPECT_TRUE(made) << made.error().to_string();
    return text(file(stem + ".crt"));
  }
  static std::string text(const std::string& path) {
    std::ifstream in(path);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  static std::string der(const std::string& pem) {
    BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
    X509* certificate = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
    unsigned char* bytes = nullptr;
    const int size = i2d_X509(certificate, &bytes);
    std::string out(reinterpret_cast<char*>(bytes), static_cast<std::size_t>(size));
    OPENSSL_free(bytes);
    X509_free(certificate);
    BIO_free(bio);
    return out;
  }
  void keep(const std::string& hive, const std::string& pem) const {
    std::ofstream(file("hives/" + hive + ".crt")) << pem;
  }
  [[nodiscard]] Result<std::string> prove(const std::string& pem) const {
    const std::vector<std::string> chain{der(pem)};
    return proven_hive(file("hives"), chain);
  }
  fs::path dir_;
};

TEST_F(HiveKey, NamesItsHiveAndIsOnlyOurs) {
  const std::string pem = make("a", "lab");
  EXPECT_EQ(hive_of_certificate(pem), "lab");
  struct stat key{};
  ASSERT_EQ(::stat(file("a.key").c_str(), &key), 0);
  EXPECT_EQ(key.st_mode & 0777, 0600u);
  const auto print = certificate_fingerprint(pem);
  ASSERT_TRUE(print);
  EXPECT_EQ(print->size(), 32 * 3 - 1);
}

TEST_F(HiveKey, IsNeverOverwritten) {
  const std::string pem = make("a", "lab");
  EXPECT_EQ(make_hive_key(file("a.key"), file("a.crt"), "lab").error().code, Code::kExists);
  EXPECT_EQ(text(file("a.crt")), pem);
}

TEST_F(HiveKey, NeedsAHiveIdThatCanBeAName) {
  for (const char* id : {"", "a b", "../x", "a@b"}) {
    EXPECT_EQ(make_hive_key(file("x.key"), file("x.crt"), id).error().code, Code::kInvalid) << id;
  }
  EXPECT_FALSE(fs::exists(file("x.key")));
}

TEST_F(HiveKey, ReplacesACertificateLeftByADeathBeforeTheKey) {
  std::ofstream(file("a.crt")) << "half";
  EXPECT_EQ(hive_of_certificate(make("a", "lab")), "lab");
}

TEST_F(HiveKey, ProvesTheHiveWhoseCertificateIsKept) {
  const std::string pem = make("a", "lab");
  EXPECT_EQ(prove(pem).error().code, Code::kUnauthenticated) << "nothing is kept";
  keep("lab", pem);
  EXPECT_EQ(prove(pem), "lab");
}

TEST_F(HiveKey, DoesNotProveByAnotherCertificateOfTheSameName) {
  keep("lab", make("a", "lab"));
  const auto proven = prove(make("b", "lab"));
  ASSERT_FALSE(proven);
  EXPECT_TRUE(proven.error().message.contains("refused against")) << proven.error().message;
}

TEST_F(HiveKey, IsRefusedOutOfDate) {
  const std::string pem = make("a", "lab", -1);
  keep("lab", pem);
  const auto proven = prove(pem);
  ASSERT_FALSE(proven);
  EXPECT_TRUE(proven.error().message.contains("expired")) << proven.error().message;
}

TEST_F(HiveKey, KeepsTheOldAndTheNewCertificateSideBySide) {
  const std::string old = make("a", "lab"), renewed = make("b", "lab");
  keep("lab", old + renewed);
  EXPECT_EQ(prove(old), "lab");
  EXPECT_EQ(prove(renewed), "lab");
}

TEST_F(HiveKey, DoesNotSignForOthers) {
  keep("lab", make("other", "shop"));  // kept under a name that is not its own
  EXPECT_FALSE(prove(make("a", "lab")));
}

TEST_F(HiveKey, ReadsNoHiveFromSomethingElse) {
  EXPECT_EQ(hive_of_certificate("hello").error().code, Code::kInvalid);
  EXPECT_EQ(certificate_fingerprint("").error().code, Code::kInvalid);
}

}  // namespace
}  // namespace skep::fabric
