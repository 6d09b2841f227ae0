#include "skep/net/egress.h"

#include <gtest/gtest.h>

namespace skep::net {
namespace {

struct UrlCase {
  std::string_view url;
  std::optional<Code> refused;  // nullopt: allowed
};

const UrlCase kUrls[] = {
    {"http://example.com/", {}},
    {"https://example.com", {}},
    {"HTTPS://Example.COM:443/a?b#c", {}},
    {"http://8.8.8.8/", {}},
    {"https://[2606:4700::1111]/", {}},
    {"http://[::ffff:8.8.8.8]/", {}},
    {"http://[64:ff9b::808:808]/", {}},
    {"http://localhostage.example/", {}},
    {"http://mylocal.example/", {}},
    {"http://xn--bcher-kva.example/", {}},
    // Not the web.
    {"", Code::kInvalid},
    {"http://", Code::kInvalid},
    {"http://b\xC3\xBC"
     "cher.example/",
     Code::kInvalid},
    {"http://exa mple.com/", Code::kInvalid},
    {"http://example.com/\r\nX: y", Code::kInvalid},
    {"http://example.com\\@127.0.0.1/", Code::kInvalid},
    {"file:///etc/passwd", Code::kDenied},
    {"gopher://example.com/", Code::kDenied},
    {"ftp://example.com/", Code::kDenied},
    {"data:text/plain,hi", Code::kInvalid},
    // Who and where.
    {"http://user@example.com/", Code::kDenied},
    {"http://user:pass@example.com/", Code::kDenied},
    {"http://:pass@example.com/", Code::kDenied},
    {"http://example.com@127.0.0.1/", Code::kDenied},
    {"http://example.com:22/", Code::kDenied},
    {"http://example.com:8080/", Code::kDenied},
    {"http://example.com:0/", Code::kDenied},
    {"http://example.com:99999/", Code::kInvalid},
    // Local by name.
    {"http://localhost/", Code::kDenied},
    {"http://LOCALHOST/", Code::kDenied},
    {"http://localhost./", Code::kDenied},
    {"http://a.localhost/", Code::kDenied},
    {"http://printer.local/", Code::kDenied},
    {"http://metadata.google.internal/", Code::kDenied},
    {"http://router.home.arpa/", Code::kDenied},
    {"http://\xE2\x93\x9Bocalhost/", Code::kInvalid},
    {"http://localhost.localdomain/", Code::kDenied},
    // Local by number, however it is written.
    {"http://127.0.0.1/", Code::kDenied},
    {"http://127.0.0.1./", Code::kDenied},
    {"http://127.1/", Code::kDenied},
    {"http://127.0.1/", Code::kDenied},
    {"http://2130706433/", Code::kDenied},
    {"http://0x7f000001/", Code::kDenied},
    {"http://0x7f.1/", Code::kDenied},
    {"http://017700000001/", Code::kDenied},
    {"http://0177.0.0.1/", Code::kDenied},
    {"http://0/", Code::kDenied},
    {"http://0.0.0.0/", Code::kDenied},
    {"http://10.0.0.1/", Code::kDenied},
    {"http://172.16.0.1/", Code::kDenied},
    {"http://192.168.1.1/", Code::kDenied},
    {"http://169.254.169.254/latest/meta-data/", Code::kDenied},
    {"http://2852039166/", Code::kDenied},
    {"http://100.64.0.1/", Code::kDenied},
    {"http://%31%32%37.0.0.1/", Code::kDenied},
    {"http://loc%61lhost/", Code::kDenied},
    {"http://\xEF\xBC\x91\xEF\xBC\x92\xEF\xBC\x97.0.0.1/", Code::kInvalid},
    {"http://127\xE3\x80\x82"
     "0\xE3\x80\x82"
     "0\xE3\x80\x82"
     "1/",
     Code::kInvalid},
    {"http://%EF%BC%91%EF%BC%92%EF%BC%97.0.0.1/", Code::kInvalid},
    {"http://[::]/", Code::kDenied},
    {"http://[::1]/", Code::kDenied},
    {"http://[0:0:0:0:0:0:0:1]/", Code::kDenied},
    {"http://[::ffff:127.0.0.1]/", Code::kDenied},
    {"http://[::ffff:10.0.0.1]/", Code::kDenied},
    {"http://[::ffff:7f00:1]/", Code::kDenied},
    {"http://[::127.0.0.1]/", Code::kDenied},
    {"http://[64:ff9b::7f00:1]/", Code::kDenied},
    {"http://[2002:7f00:1::]/", Code::kDenied},
    {"http://[fe80::1]/", Code::kDenied},
    {"http://[fe80::1%25eth0]/", Code::kDenied},
    {"http://[fd00:ec2::254]/", Code::kDenied},
    // More ways to write the same.
    {"http://127.0.0.1:80/", Code::kDenied},
    {"http://127.127.127.127/", Code::kDenied},
    {"http://0x7F000001/", Code::kDenied},
    {"http://0X7f.0x0.0x0.0x1/", Code::kDenied},
    {"http://0177.1/", Code::kDenied},
    {"http://00000177.0.0.1/", Code::kDenied},
    {"http://127.0.0x1/", Code::kDenied},
    {"http://127.00.00.01/", Code::kDenied},
    {"http://0x7f.0.1/", Code::kDenied},
    {"http://0.0.0.0:80/", Code::kDenied},
    {"http://0x0/", Code::kDenied},
    {"http://00/", Code::kDenied},
    {"http://0xA9FEA9FE/", Code::kDenied},
    {"http://0251.0376.0251.0376/", Code::kDenied},
    {"http://169.254.43518/", Code::kDenied},
    {"http://3232235777/", Code::kDenied},
    {"http://0300.0250.1.1/", Code::kDenied},
    {"http://100.100.100.200/latest/meta-data/", Code::kDenied},
    {"http://168.63.129.16/", Code::kDenied},
    {"http://192.0.0.192/", Code::kDenied},
    {"http://198.18.0.1/", Code::kDenied},
    {"http://224.0.0.251/", Code::kDenied},
    {"http://255.255.255.255/", Code::kDenied},
    {"http://[::ffff:a9fe:a9fe]/", Code::kDenied},
    {"http://[::ffff:169.254.169.254]/", Code::kDenied},
    {"http://[0:0:0:0:0:ffff:127.0.0.1]/", Code::kDenied},
    {"http://[::7f00:1]/", Code::kDenied},
    {"http://[::ffff:0:127.0.0.1]/", Code::kDenied},
    {"http://[64:ff9b::10.0.0.1]/", Code::kDenied},
    {"http://[64:ff9b:1::1]/", Code::kDenied},
    {"http://[2001:0:7f00:1::1]/", Code::kDenied},
    {"http://[fc00::1]/", Code::kDenied},
    {"http://[fec0::1]/", Code::kDenied},
    {"http://[ff02::1]/", Code::kDenied},
    {"http://[2606:4700::5efe:127.0.0.1]/", Code::kDenied},
    // Who is the host?
    {"http://127.0.0.1#@example.com/", Code::kDenied},
    {"http://127.0.0.1?@example.com/", Code::kDenied},
    {"http://127.0.0.1/@example.com/", Code::kDenied},
    {"http://example.com:80@127.0.0.1/", Code::kDenied},
    {"http://example.com%40127.0.0.1/", Code::kInvalid},
    {"http://example.com@@127.0.0.1/", Code::kInvalid},
    {"http://@127.0.0.1/", Code::kDenied},
    {"http:////127.0.0.1/", Code::kInvalid},
    {"http:127.0.0.1/", Code::kInvalid},
    {"http:/127.0.0.1/", Code::kDenied},
    {"//127.0.0.1/", Code::kInvalid},
    {"127.0.0.1", Code::kInvalid},
    {"http://127.0.0.1%00.example.com/", Code::kInvalid},
    {"http://127.0.0.1%2f.example.com/", Code::kInvalid},
    {"http://127.0.0.1\t.example.com/", Code::kInvalid},
    {"http://[127.0.0.1]/", Code::kInvalid},
    {"http://[::1/", Code::kInvalid},
    {"http://[::1]x/", Code::kInvalid},
    {"http://[::1%lo]/", Code::kDenied},
    // Names that mean something here and nothing outside.
    {"http://LocalHost.:80/", Code::kDenied},
    {"http://localhost6/", Code::kDenied},
    {"http://ip6-localhost/", Code::kDenied},
    {"http://ip6-loopback/", Code::kDenied},
    {"http://foo.localhost./", Code::kDenied},
    {"http://metadata/", Code::kDenied},
    {"http://instance-data/latest/", Code::kDenied},
    {"http://metadata.aws.internal/", Code::kDenied},
    {"http://METADATA.GOOGLE.INTERNAL./", Code::kDenied},
    {"http://router/", Code::kDenied},
    {"http://router./", Code::kDenied},
    {"http://kubernetes.default.svc.cluster.local/", Code::kDenied},
    {"http://kubernetes.default.svc/", Code::kDenied},
    {"http://nas.lan/", Code::kDenied},
    {"http://wiki.intranet/", Code::kDenied},
    {"http://git.corp/", Code::kDenied},
    {"http://box.home/", Code::kDenied},
    {"http://db.private/", Code::kDenied},
    {"http://%6c%6f%63%61%6c%68%6f%73%74/", Code::kDenied},
    {"http://%6C%4F%43%41%4C%48%4F%53%54%2E/", Code::kDenied},
    // Other protocols that libcurl may speak.
    {"dict://example.com:11211/stat", Code::kDenied},
    {"ldap://example.com/", Code::kDenied},
    {"smb://example.com/share", Code::kDenied},
    {"telnet://example.com/", Code::kDenied},
    {"tftp://example.com/x", Code::kDenied},
    {"ws://example.com/", Code::kDenied},
    {"file://localhost/etc/passwd", Code::kDenied},
    {"jar:http://example.com/!/x", Code::kInvalid},
    {"http://example.com:6379/", Code::kDenied},
    {"http://example.com:25/", Code::kDenied},
    {"http://example.com:65536/", Code::kInvalid},
    {"http://example.com:-80/", Code::kInvalid},
    {"http://example.com:80:80/", Code::kInvalid},
};

TEST(EgressGuard, ChecksTheTableOfUrls) {
  const EgressGuard guard;
  for (const UrlCase& c : kUrls) {
    const auto checked = guard.check_url(c.url);
    if (!c.refused) {
      EXPECT_TRUE(checked) << c.url << ": " << checked.error().to_string();
    } else {
      ASSERT_FALSE(checked) << c.url;
      EXPECT_EQ(checked.error().code, *c.refused) << c.url << ": " << checked.error().to_string();
    }
  }
}

TEST(EgressGuard, RefusesAtLeastEightyTricks) {
  EXPECT_GE(std::ranges::count_if(kUrls, [](const UrlCase& c) { return c.refused.has_value(); }),
            80);
}

struct AddressCase {
  std::string_view address;
  std::string_view why;  // empty: allowed
};

const AddressCase kAddresses[] = {
    {"1.1.1.1", ""},
    {"9.255.255.255", ""},
    {"11.0.0.0", ""},
    {"100.63.255.255", ""},
    {"100.128.0.0", ""},
    {"172.15.255.255", ""},
    {"172.32.0.0", ""},
    {"192.0.1.0", ""},
    {"223.255.255.255", ""},
    {"2606:4700::1111", ""},
    {"2a00:1450:4001::1", ""},
    {"64:ff9b::101:101", ""},
    {"2002:101:101::1", ""},
    {"0.1.2.3", "unspecified"},
    {"10.255.255.255", "private"},
    {"100.64.0.0", "carrier-grade NAT"},
    {"100.127.255.255", "carrier-grade NAT"},
    {"127.255.255.254", "loopback"},
    {"168.63.129.16", "cloud metadata"},
    {"169.254.169.254", "link-local"},
    {"172.31.255.255", "private"},
    {"192.0.0.8", "reserved"},
    {"192.0.2.1", "for documentation"},
    {"192.88.99.1", "a 6to4 relay"},
    {"192.168.255.255", "private"},
    {"198.19.255.255", "for benchmarks"},
    {"198.51.100.7", "for documentation"},
    {"203.0.113.7", "for documentation"},
    {"224.0.0.1", "multicast"},
    {"239.255.255.255", "multicast"},
    {"240.0.0.1", "reserved"},
    {"255.255.255.255", "broadcast"},
    {"::", "unspecified"},
    {"::1", "loopback"},
    {"::ffff:127.0.0.1", "loopback"},
    {"::ffff:0:10.0.0.1", "private"},
    {"::10.0.0.1", "private"},
    {"64:ff9b::169.254.169.254", "link-local"},
    {"64:ff9b:1::1", "local NAT64"},
    {"2002:0a00:1::1", "private"},
    {"2001:0:7f00:1::", "loopback"},
    {"2001:0:0101:0101:0:0:80ff:fffe", "loopback"},
    {"2606:4700::5efe:10.0.0.1", "private"},
    {"2606:4700::200:5efe:10.0.0.1", "private"},
    {"100::1", "discarded"},
    {"2001:2::1", "for benchmarks"},
    {"2001:10::1", "an identifier (ORCHID)"},
    {"2001:2f::1", "an identifier (ORCHID)"},
    {"2001:db8::1", "for documentation"},
    {"3fff:fff::1", "for documentation"},
    {"fc00::1", "private"},
    {"fdff::1", "private"},
    {"fe80::1", "link-local"},
    {"febf::1", "link-local"},
    {"fec0::1", "site-local"},
    {"ff02::1", "multicast"},
    {"4000::1", "reserved"},
    {"5f00::1", "reserved"},
    {"127.0.0.1x", "no IP address"},
    {"", "no IP address"},
};

TEST(EgressGuard, ChecksTheTableOfAddresses) {
  const EgressGuard guard;
  for (const AddressCase& c : kAddresses) {
    const auto checked = guard.check_address(c.address, 443, "example.com");
    if (c.why.empty()) {
      EXPECT_TRUE(checked) << c.address << ": " << checked.error().to_string();
    } else {
      const Error expected{Code::kDenied, fmt::format("example.com has the address {}, which is {}",
                                                      c.address, c.why)};
      ASSERT_FALSE(checked) << c.address;
      EXPECT_EQ(checked.error(), expected);
    }
  }
}

TEST(EgressGuard, ChecksThePortConnectedTo) {
  const EgressGuard guard({.ports = {443}});
  EXPECT_TRUE(guard.check_address("1.1.1.1", 443, "example.com"));
  EXPECT_EQ(guard.check_address("1.1.1.1", 80, "example.com").error().code, Code::kDenied);
  EXPECT_EQ(guard.check_url("http://example.com/").error().code, Code::kDenied);
}

TEST(EgressGuard, AllowsWhatTheOperatorNames) {
  const EgressGuard guard(
      {.allow = {"127.0.0.1:8080", "wiki.internal", "[::1]:9000", "Host.Example:81"}});
  for (const char* url :
       {"http://127.0.0.1:8080/", "http://0x7f.1:8080/", "http://wiki.internal/",
        "https://wiki.internal:8443/", "http://[::1]:9000/", "http://host.example:81/"}) {
    EXPECT_TRUE(guard.check_url(url)) << url;
  }
  for (const char* url :
       {"http://127.0.0.1:8081/", "http://127.0.0.1/", "http://127.0.0.2:8080/",
        "http://a.wiki.internal/", "http://[::1]:9001/", "http://host.example:82/"}) {
    EXPECT_EQ(guard.check_url(url).error().code, Code::kDenied) << url;
  }
  EXPECT_TRUE(guard.check_address("10.0.0.7", 80, "wiki.internal"));
  EXPECT_FALSE(guard.check_address("10.0.0.7", 80, "example.com"));
}

TEST(EgressGuard, DeniesWhatTheOperatorNamesEvenWhenAllowed) {
  const EgressGuard guard(
      {.allow = {"bad.example"}, .deny = {"bad.example", "*.evil.example", "8.8.8.8"}});
  for (const char* url : {"http://bad.example/", "http://BAD.example./", "http://a.evil.example/",
                          "http://a.b.evil.example/", "http://8.8.8.8/", "http://134744072/"}) {
    EXPECT_EQ(guard.check_url(url).error().code, Code::kDenied) << url;
  }
  EXPECT_TRUE(guard.check_url("http://evil.example/"));
  EXPECT_TRUE(guard.check_url("http://a.bad.example/"));
  EXPECT_FALSE(guard.check_address("8.8.8.8", 80, "dns.example"))
      << "a name that leads to a denied address";
}

TEST(EgressGuard, SaysWhichRule) {
  const EgressGuard guard;
  EXPECT_EQ(guard.check_url("http://127.1/").error().message,
            "127.0.0.1 has the address 127.0.0.1, which is loopback");
  EXPECT_EQ(guard.check_url("http://a.local/").error().message, "host a.local is a local name");
  EXPECT_EQ(guard.check_url("http://a.test:22/").error().message, "port 22 is not allowed");
  EXPECT_EQ(guard.check_url("http://a:b@a.test/").error().message,
            "URL carries a user or password");
  EXPECT_EQ(guard.check_url(std::string(10'000, 'a')).error().code, Code::kTooLarge);
}

}  // namespace
}  // namespace skep::net
