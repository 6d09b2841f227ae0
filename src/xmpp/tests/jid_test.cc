#include "skep/xmpp/jid.h"

#include <gtest/gtest.h>

namespace skep::xmpp {
namespace {

std::string normal(std::string_view text) {
  const auto jid = Jid::parse(text);
  return jid ? jid->str() : "refused";
}

TEST(Jid, SplitsAtTheFirstSlashAndTheAtBeforeIt) {
  const Jid jid = Jid::parse("ann@ex.test/a@b/c").value();
  EXPECT_EQ(jid.local(), "ann");
  EXPECT_EQ(jid.domain(), "ex.test");
  EXPECT_EQ(jid.resource(), "a@b/c");
  EXPECT_FALSE(jid.is_bare());
  EXPECT_EQ(jid.bare().str(), "ann@ex.test");
  EXPECT_EQ(jid.bare().with_resource("x").str(), "ann@ex.test/x");
}

TEST(Jid, BecomesOneSpelling) {
  const struct {
    std::string_view in;
    std::string_view out;
  } table[] = {
      {"Ann@EX.Test/Phone", "ann@ex.test/Phone"},
      {"ex.test.", "ex.test"},
      {"ex.test/r", "ex.test/r"},
      {"JÜRGEN@ex.test", "jürgen@ex.test"},
      {"ju\u0308rgen@ex.test", "jürgen@ex.test"},  // decomposed
      {"\uFF21\uFF22@ex.test", "ab@ex.test"},      // full-width A, B
      {"a@MÜLLER.example", "a@müller.example"},
      {"a@xn--mller-kva.example", "a@müller.example"},
      {"a@XN--MLLER-KVA.example", "a@müller.example"},
      {"a@ex.test/caf\u0065\u0301", "a@ex.test/café"},
      {"a@ex.test/two\u00A0words", "a@ex.test/two words"},
      {"a@ex.test/\U0001F469\u200D\U0001F680", "a@ex.test/\U0001F469\u200D\U0001F680"},
      {"a@[::1]", "a@[::1]"},
      {"a@127.0.0.1/x", "a@127.0.0.1/x"},
      {"my_host", "my_host"},
      {"o\\27hara@ex.test", "o\\27hara@ex.test"},  // XEP-0106 stays escaped
  };
  for (const auto& row : table) EXPECT_EQ(normal(row.in), row.out) << row.in;
}

TEST(Jid, RefusesWhatIsNoAddress) {
  using namespace std::string_view_literals;
  const std::string_view table[] = {
      "",
      "@ex.test",
      "ann@",
      "ann@/x",
      "ann@ex.test/",
      "/x",
      ".",
      "a@.",
      "a@b..c",
      "a@.b",
      "a b@ex.test",
      "a\"b@ex.test",
      "a&b@ex.test",
      "a'b@ex.test",
      "a:b@ex.test",
      "a<b@ex.test",
      "a>b@ex.test",
      "a@b@ex.test",
      "a\tb@ex.test",
      "a\x7F@ex.test",
      "a\u00A0b@ex.test",
      "a\u202Eb@ex.test",
      "a\u0378@ex.test",
      "a\uFF20b@ex.test",  // full-width @
      "a@ex test",
      "a@ex_\u00A0.test",
      "a@-ex.test",
      "a@ex-.test",
      "a@xn--a.test",
      "a@\u2603.t\u202E",
      "a@ex.test/\u0007",
      "a\xFF@ex.test",
      "a@ex.test/\xC3",
      "a\0b@ex.test"sv,
      "a@ex.test\0.evil"sv,
  };
  for (const std::string_view text : table) EXPECT_EQ(normal(text), "refused") << text;
}

TEST(Jid, RefusesPartsOver1023Bytes) {
  const std::string long_part(1024, 'a');
  const std::string fits(1023, 'a');
  EXPECT_EQ(normal(long_part + "@ex.test"), "refused");
  EXPECT_EQ(normal("a@ex.test/" + long_part), "refused");
  EXPECT_EQ(normal(long_part), "refused");
  EXPECT_EQ(normal(fits + "@ex.test/" + fits), fits + "@ex.test/" + fits);
}

TEST(Jid, SaysWhyItRefuses) {
  const auto jid = Jid::parse("ann@");
  ASSERT_FALSE(jid);
  EXPECT_EQ(jid.error().code, Code::kInvalid);
  EXPECT_EQ(jid.error().message, "\"ann@\" is no XMPP address: the domain is empty");
}

TEST(Jid, ParsesItsOwnTextToItself) {
  for (const char* text : {"JÜRGEN@MÜLLER.example/Ä b", "İ@ex.test", "ΑΣ@ex.test", "ǅ@ex.test/x"}) {
    const Jid jid = Jid::parse(text).value();
    EXPECT_EQ(Jid::parse(jid.str()).value(), jid) << text;
  }
}

TEST(Jid, GivesTheDomainForDns) {
  EXPECT_EQ(Jid::parse("a@müller.example").value().ascii_domain(), "xn--mller-kva.example");
  EXPECT_EQ(Jid::parse("a@ex.test").value().ascii_domain(), "ex.test");
}

}  // namespace
}  // namespace skep::xmpp
