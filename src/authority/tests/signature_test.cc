#include "skep/authority/signature.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "home.h"
#include "skep/base/text.h"

namespace skep::authority {
namespace {

constexpr std::string_view kManifest = "name = \"support\"\ndescription = \"helps\"\n";

class SignatureTest : public testing::Test {
 protected:
  std::string made(std::string_view text = kManifest, const std::string& name = "support") {
    return key_.sign(text, name, expires_).value();
  }
  std::string refusal(std::string_view text, std::string_view name = "support") {
    const auto who = verify_text(text, name, trusted_, now_);
    if (who) return *who ? "signed by " + (*who)->name : "unsigned";
    EXPECT_EQ(who.error().code, Code::kDenied);
    return who.error().message;
  }

  SigningKey key_ = SigningKey::generate().value();
  std::vector<Signer> trusted_{{"ops", key_.public_key()}};
  WallTime now_ = parse_rfc3339("2026-06-01T12:00:00Z").value();
  WallTime expires_ = parse_rfc3339("2027-06-01T12:00:00Z").value();
};

TEST_F(SignatureTest, IsALastLineThatSaysWhoVouches) {
  const std::string text = made();
  EXPECT_TRUE(text.starts_with(kManifest));
  EXPECT_EQ(refusal(text), "signed by ops");
  EXPECT_EQ(refusal(kManifest), "unsigned");
  EXPECT_EQ(refusal(""), "unsigned");
  EXPECT_EQ(made(text), text);  // signing again replaces it, and Ed25519 always says the same
  EXPECT_EQ(refusal(made("name = \"support\"")), "signed by ops");  // without an end of line
}

TEST_F(SignatureTest, EveryAlteredByteOfTheTextIsRefused) {
  const std::string text = made();
  for (std::size_t i = 0; i < kManifest.size(); ++i) {
    std::string altered = text;
    altered[i] = static_cast<char>(altered[i] ^ 1);
    const bool glued = i + 1 == kManifest.size();  // the end of the line before
    EXPECT_NE(refusal(altered).find(glued ? "a line of its own" : "not the one that was signed"),
              std::string::npos)
        << i;
  }
  EXPECT_NE(refusal("#\n" + text).find("not the one"), std::string::npos);
}

TEST_F(SignatureTest, EveryAlteredCharacterOfTheLineIsRefused) {
  const std::string text = made();
  constexpr std::string_view kMark = "#skep-signature";
  for (std::size_t i = kManifest.size() + kMark.size(); i + 1 < text.size(); ++i) {
    std::string altered = text;
    altered[i] = altered[i] == '1' ? '2' : '1';
    EXPECT_NE(refusal(altered).find("not accepted"), std::string::npos) << altered;
  }
}

TEST_F(SignatureTest, OnlyTrustedSignersCount) {
  const SigningKey other = SigningKey::generate().value();
  const std::string text = other.sign(kManifest, "support", expires_).value();
  EXPECT_NE(refusal(text).find("none of [agents] trusted_signers"), std::string::npos);
  // Their key under a trusted key's name is no signature of that key.
  const std::string forged = replace_all(text, other.public_key(), key_.public_key());
  EXPECT_NE(refusal(forged).find("not of the key"), std::string::npos);
  trusted_.clear();
  EXPECT_NE(refusal(made()).find("trusted_signers"), std::string::npos);
}

TEST_F(SignatureTest, IsForOneAgentAndUntilADay) {
  EXPECT_NE(refusal(made(), "other").find("for an agent called \"support\""), std::string::npos);
  now_ = expires_;
  EXPECT_NE(refusal(made()).find("good until 2027-06-01T12:00:00Z"), std::string::npos);
  EXPECT_TRUE(verify_text(made(), "support", trusted_, std::nullopt).value());
}

TEST_F(SignatureTest, StandsAtTheEndAndOnce) {
  const std::string text = made();
  EXPECT_NE(refusal(text + "name = \"x\"\n").find("must be last"), std::string::npos);
  EXPECT_NE(refusal(text + "\n").find("must be last"), std::string::npos);
  EXPECT_NE(refusal(replace_all(text, "\n#skep", " #skep")).find("of its own"), std::string::npos);
  const std::string line = text.substr(kManifest.size());
  EXPECT_NE(refusal(text + line).find("must be last"), std::string::npos);
  EXPECT_NE(refusal(replace_all(text, " v1 ", " v2 ")).find("unknown version"), std::string::npos);
  EXPECT_NE(refusal(text.substr(0, text.size() - 9)).find("damaged"), std::string::npos);
  EXPECT_NE(refusal(replace_all(text, "\n", "\r\n")).find("damaged"), std::string::npos);
}

TEST_F(SignatureTest, SaysNothingForAnyOtherUseOfTheKey) {
  // The fields alone, without the words that say what they are for, are another message.
  const auto line = split_signature(made()).value().line.value();
  EXPECT_EQ(parse_signature_line(to_text(line)).value(), line);
  EXPECT_FALSE(key_.sign(kManifest, "two words", expires_));
}

TEST_F(SignatureTest, KeysAreFilesThatAreNotOverwritten) {
  const TestHome home;
  const std::string path = home.path() + "/credentials/signing.key";
  ASSERT_TRUE(key_.write(path));
  EXPECT_EQ(SigningKey::read(path).value().public_key(), key_.public_key());
  EXPECT_EQ(std::filesystem::status(path).permissions(), std::filesystem::perms(0600));
  EXPECT_EQ(key_.write(path).error().code, Code::kExists);
  std::ofstream(home.path() + "/other.pem") << "-----BEGIN PRIVATE KEY-----\nAAAA\n";
  EXPECT_EQ(SigningKey::read(home.path() + "/other.pem").error().code, Code::kInvalid);
  EXPECT_EQ(SigningKey::read(home.path() + "/none.pem").error().code, Code::kNotFound);
}

TEST(Signer, IsANameAndAKey) {
  const std::string key(64, 'a');
  EXPECT_EQ(parse_signer("ops:" + key).value(), (Signer{"ops", key}));
  EXPECT_EQ(parse_signer("ops:" + std::string(64, 'A')).value().key, key);
  for (const std::string& bad : {std::string("ops"), "ops:" + key + "0", ":" + key, "Ops:" + key,
                                 "o s:" + key, "ops:" + std::string(64, 'g')})
    EXPECT_EQ(parse_signer(bad).error().code, Code::kInvalid) << bad;
}

}  // namespace
}  // namespace skep::authority
