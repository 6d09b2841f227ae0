#include "skep/xmpp/sasl.h"

#include <gtest/gtest.h>

#include "skep/base/text.h"

namespace skep::xmpp {
namespace {

std::string choice_text(const Result<SaslChoice>& choice) {
  if (!choice) return std::string(code_name(choice.error().code));
  return choice->mechanism + (choice->binding.empty() ? "" : "/" + choice->binding) +
         (choice->binding_supported_by_us ? "/y" : "");
}

const std::vector<std::string> kAll = {"PLAIN",
                                       "SCRAM-SHA-1",
                                       "SCRAM-SHA-256",
                                       "SCRAM-SHA-512",
                                       "SCRAM-SHA-1-PLUS",
                                       "SCRAM-SHA-256-PLUS",
                                       "SCRAM-SHA-512-PLUS"};

SaslOffer offer(std::vector<std::string> mechanisms) {
  return {.mechanisms = std::move(mechanisms), .encrypted = true, .verified = true};
}

TEST(ChooseMechanism, TakesTheStrongest) {
  EXPECT_EQ(choice_text(choose_mechanism(offer({"PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256"}))),
            "SCRAM-SHA-256");
  EXPECT_EQ(choice_text(choose_mechanism(offer({"SCRAM-SHA-1"}))), "SCRAM-SHA-1");
  EXPECT_EQ(choice_text(choose_mechanism(offer(kAll))), "SCRAM-SHA-512");
}

TEST(ChooseMechanism, BindsTheChannelWhereBothCan) {
  SaslOffer o = offer(kAll);
  o.channel_bindings = {"tls-server-end-point", "tls-exporter"};
  o.bindings_available = {"tls-exporter", "tls-server-end-point"};
  EXPECT_EQ(choice_text(choose_mechanism(o)), "SCRAM-SHA-512-PLUS/tls-exporter");
  o.bindings_available = {"tls-server-end-point", "tls-unique"};
  EXPECT_EQ(choice_text(choose_mechanism(o)), "SCRAM-SHA-512-PLUS/tls-server-end-point");
  o.channel_bindings = {"tls-unique"};
  EXPECT_EQ(choice_text(choose_mechanism(o)), "SCRAM-SHA-512-PLUS/tls-unique");
  o.channel_bindings = {"tls-exotic"};
  EXPECT_EQ(choice_text(choose_mechanism(o)), "SCRAM-SHA-512");
}

TEST(ChooseMechanism, WithoutAListOnlyTheDefaultTypeIsBelieved) {
  SaslOffer o = offer(kAll);
  o.bindings_available = {"tls-server-end-point", "tls-unique"};  // TLS 1.2
  EXPECT_EQ(choice_text(choose_mechanism(o)), "SCRAM-SHA-512-PLUS/tls-unique");
  o.bindings_available = {"tls-exporter", "tls-server-end-point"};  // TLS 1.3
  EXPECT_EQ(choice_text(choose_mechanism(o)), "SCRAM-SHA-512");
  o.mechanisms = {"SCRAM-SHA-1-PLUS"};
  EXPECT_EQ(choice_text(choose_mechanism(o)), "SCRAM-SHA-1-PLUS/tls-exporter");
}

TEST(ChooseMechanism, SaysThatItCouldBind) {
  SaslOffer o = offer({"SCRAM-SHA-256"});
  o.bindings_available = {"tls-exporter"};
  EXPECT_EQ(choice_text(choose_mechanism(o)), "SCRAM-SHA-256/y");
}

TEST(ChooseMechanism, NeverWithoutTls) {
  SaslOffer o = offer(kAll);
  o.encrypted = false;
  o.allow_plain = true;
  EXPECT_EQ(choice_text(choose_mechanism(o)), "unauthenticated");
}

TEST(ChooseMechanism, PlainOnlyWhenAllowedAndVerified) {
  SaslOffer o = offer({"PLAIN"});
  EXPECT_EQ(choice_text(choose_mechanism(o)), code_name(Code::kDenied));
  EXPECT_NE(choose_mechanism(o).error().message.find("allow_plain"), std::string::npos);
  o.allow_plain = true;
  EXPECT_EQ(choice_text(choose_mechanism(o)), "PLAIN");
  o.verified = false;
  EXPECT_EQ(choice_text(choose_mechanism(o)), code_name(Code::kDenied));
  EXPECT_EQ(choice_text(choose_mechanism(offer({"DIGEST-MD5"}))), "unauthenticated");
  EXPECT_EQ(choice_text(choose_mechanism(offer({}))), "unauthenticated");
}

TEST(ChooseMechanism, RefusesADowngrade) {
  SaslOffer o = offer({"SCRAM-SHA-1", "PLAIN"});
  o.strongest_seen = "SCRAM-SHA-256";
  EXPECT_EQ(choice_text(choose_mechanism(o)), "unauthenticated");
  o.strongest_seen = "SCRAM-SHA-1";
  EXPECT_EQ(choice_text(choose_mechanism(o)), "SCRAM-SHA-1");
}

SaslClient::Input input(std::string mechanism, std::string nonce, std::string user = "user",
                        std::string password = "pencil") {
  return {.user = std::move(user),
          .password = Secret(std::move(password)),
          .choice = {.mechanism = std::move(mechanism)},
          .nonce = std::move(nonce)};
}

// RFC 5802 5 and RFC 7677 3.
TEST(Scram, KeepsTheVectorsOfTheRfcs) {
  const struct {
    const char* mechanism;
    const char* nonce;
    const char* challenge;
    const char* answer;
    const char* signature;
  } table[] = {
      {"SCRAM-SHA-1", "fyko+d2lbbFgONRv9qkxdawL",
       "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
       "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
       "v=rmF9pqV8S7suAoZWja4dJRkFsKQ="},
      {"SCRAM-SHA-256", "rOprNGfwEbeRWgbNEkqO",
       "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
       "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+"
       "Ute9ytag9zjfMHgsqmmiz7AndVQ=",
       "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="},
  };
  for (const auto& row : table) {
    auto client = SaslClient::start(input(row.mechanism, row.nonce)).value();
    EXPECT_EQ(client->initial(), fmt::format("n,,n=user,r={}", row.nonce));
    EXPECT_EQ(client->respond(row.challenge).value(), row.answer);
    EXPECT_TRUE(client->finish(row.signature));
  }
}

TEST(Scram, RefusesAForgedOrMissingSignature) {
  const std::string_view forged[] = {"",
                                     "v=",
                                     "v=rmF9pqV8S7suAoZWja4dJRkFsKR=",
                                     "v=AAAAAAAAAAAAAAAAAAAAAAAAAAA=",
                                     "v=!",
                                     "x=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
                                     "e=invalid-proof"};
  for (const std::string_view last : forged) {
    auto client = SaslClient::start(input("SCRAM-SHA-1", "fyko+d2lbbFgONRv9qkxdawL")).value();
    EXPECT_FALSE(client->finish(last)) << "before any challenge";
    ASSERT_TRUE(
        client->respond("r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096"));
    const auto done = client->finish(last);
    ASSERT_FALSE(done) << last;
    EXPECT_EQ(done.error().code, Code::kUnauthenticated);
  }
}

TEST(Scram, RefusesBrokenChallenges) {
  const std::string_view table[] = {
      "",
      "r=",
      "r=other,s=QSXCR+Q6sek8bf92,i=4096",
      "r=mine,s=QSXCR+Q6sek8bf92,i=4096",
      "r=mine2,s=!!,i=4096",
      "r=mine2,s=,i=4096",
      "r=mine2,s=QSXCR+Q6sek8bf92,i=4095",
      "r=mine2,s=QSXCR+Q6sek8bf92,i=10000001",
      "r=mine2,s=QSXCR+Q6sek8bf92,i=99999999999999999999",
      "r=mine2,s=QSXCR+Q6sek8bf92,i=-1",
      "r=mine2,s=QSXCR+Q6sek8bf92,i=4096x",
      "r=mine2,s=QSXCR+Q6sek8bf92",
      "m=ext,r=mine2,s=QSXCR+Q6sek8bf92,i=4096",
      "s=QSXCR+Q6sek8bf92,r=mine2,i=4096",
  };
  for (const std::string_view challenge : table) {
    auto client = SaslClient::start(input("SCRAM-SHA-256", "mine")).value();
    const auto answer = client->respond(challenge);
    ASSERT_FALSE(answer) << challenge;
    EXPECT_EQ(answer.error().code, Code::kUnauthenticated) << challenge;
  }
}

TEST(Scram, IgnoresOptionalExtensionsAndAnswersOnce) {
  auto client = SaslClient::start(input("SCRAM-SHA-512", "mine")).value();
  EXPECT_TRUE(client->respond("r=mine2,s=QSXCR+Q6sek8bf92,i=4096,x=y"));
  EXPECT_FALSE(client->respond("r=mine2,s=QSXCR+Q6sek8bf92,i=4096"));
}

TEST(Scram, EscapesAndPreparesNames) {
  EXPECT_EQ(SaslClient::start(input("SCRAM-SHA-1", "n", "a=b,c")).value()->initial(),
            "n,,n=a=3Db=2Cc,r=n");
  // RFC 4013 3: soft hyphen vanishes, the feminine ordinal becomes a, Roman numeral nine IX.
  EXPECT_EQ(SaslClient::start(input("SCRAM-SHA-1", "n", "I\u00ADX")).value()->initial(),
            "n,,n=IX,r=n");
  EXPECT_EQ(SaslClient::start(input("SCRAM-SHA-1", "n", "\u00AA\u2168")).value()->initial(),
            "n,,n=aIX,r=n");
  EXPECT_FALSE(SaslClient::start(input("SCRAM-SHA-1", "n", "\u0007")));
}

TEST(Scram, ARefusedPasswordIsNotInTheMessage) {
  const auto client = SaslClient::start(input("SCRAM-SHA-1", "n", "user", "hush\u0007"));
  ASSERT_FALSE(client);
  EXPECT_EQ(client.error().message.find("hush"), std::string::npos);
}

TEST(Scram, BindsTheChannel) {
  auto in = input("SCRAM-SHA-256-PLUS", "n");
  in.choice.binding = "tls-exporter";
  in.binding_data = "DATA";
  auto client = SaslClient::start(std::move(in)).value();
  EXPECT_EQ(client->initial(), "p=tls-exporter,,n=user,r=n");
  const auto answer = client->respond("r=n2,s=QSXCR+Q6sek8bf92,i=4096").value();
  EXPECT_TRUE(answer.starts_with("c=" + base64_encode("p=tls-exporter,,DATA") + ",r=n2,p="))
      << answer;
  auto could = input("SCRAM-SHA-256", "n");
  could.choice.binding_supported_by_us = true;
  EXPECT_EQ(SaslClient::start(std::move(could)).value()->initial(), "y,,n=user,r=n");
}

TEST(Scram, MintsAFreshNonce) {
  const auto first = SaslClient::start(input("SCRAM-SHA-1", "")).value()->initial();
  EXPECT_NE(first, SaslClient::start(input("SCRAM-SHA-1", "")).value()->initial());
  EXPECT_EQ(first.size(), std::string_view("n,,n=user,r=").size() + 32);
}

TEST(Plain, SendsOneMessage) {
  auto client = SaslClient::start(input("PLAIN", "", "üser", "pass word")).value();
  EXPECT_EQ(client->initial(), std::string_view("\0üser\0pass word", 16));
  EXPECT_FALSE(client->respond("more"));
  EXPECT_TRUE(client->finish(""));
}

TEST(SaslClient, RefusesAMechanismItDoesNotKnow) {
  EXPECT_EQ(SaslClient::start(input("DIGEST-MD5", "")).error().code, Code::kUnsupported);
}

}  // namespace
}  // namespace skep::xmpp
