#include "resolve.h"

#include <gtest/gtest.h>

namespace skep::xmpp {
namespace {

std::uint32_t first(std::uint32_t) { return 0; }

TEST(MergeSrv, OrdersBothKindsByPriority) {
  const std::vector<net::SrvRecord> direct = {{20, 0, 443, "d2.ex"}, {5, 0, 5223, "d1.ex"}};
  const std::vector<net::SrvRecord> starttls = {{10, 0, 5222, "s1.ex"}, {30, 0, 5222, "s2.ex"}};
  EXPECT_EQ(merge_srv(direct, starttls, first), (std::vector<Endpoint>{{"d1.ex", 5223, true},
                                                                       {"s1.ex", 5222, false},
                                                                       {"d2.ex", 443, true},
                                                                       {"s2.ex", 5222, false}}));
}

TEST(MergeSrv, OnePortMayServeBothKinds) {
  const std::vector<net::SrvRecord> both = {{5, 0, 443, "x.ex"}};
  EXPECT_EQ(merge_srv(both, both, first),
            (std::vector<Endpoint>{{"x.ex", 443, true}, {"x.ex", 443, false}}));
}

TEST(MergeSrv, LeavesOutWhatIsNotOffered) {
  EXPECT_EQ(merge_srv({{0, 0, 0, "."}}, {{5, 0, 5222, "x.ex"}}, first),
            (std::vector<Endpoint>{{"x.ex", 5222, false}}));
  EXPECT_TRUE(merge_srv({{0, 0, 0, "."}}, {{0, 0, 0, "."}}, first).empty());
}

TEST(ParseEndpoint, ReadsHostsAndPorts) {
  const struct {
    std::string_view text;
    std::string_view host;
    int port;  // 0: refused
  } table[] = {{"x.ex", "x.ex", 5222},
               {"x.ex:443", "x.ex", 443},
               {"[::1]:443", "::1", 443},
               {"[::1]", "::1", 5222},
               {"::1", "::1", 5222},
               {"x.ex:", "", 0},
               {"x.ex:0", "", 0},
               {"x.ex:99999", "", 0},
               {"x.ex:44x", "", 0},
               {"", "", 0},
               {":443", "", 0}};
  for (const auto& row : table) {
    const auto endpoint = parse_endpoint(row.text, 5222, false);
    EXPECT_EQ(endpoint ? endpoint->port : 0, row.port) << row.text;
    if (endpoint) EXPECT_EQ(endpoint->host, row.host);
  }
}

class FindServers : public ::testing::Test {
 protected:
  Result<std::vector<Endpoint>> find(const XmppConfig& config) {
    return loop.run(find_servers(Ctx{}, config, pool));
  }
  Loop loop;
  Pool pool{loop};
};

TEST_F(FindServers, AnExplicitHostOverridesDns) {
  XmppConfig config{.mode = XmppConfig::Mode::kClient, .host = "10.0.0.1", .jid = "bot@ex.test"};
  EXPECT_EQ(find(config).value(), (std::vector<Endpoint>{{"10.0.0.1", 5222, false}}));
  config.direct_tls = true;
  EXPECT_EQ(find(config).value(), (std::vector<Endpoint>{{"10.0.0.1", 5223, true}}));
  config.port = 443;
  EXPECT_EQ(find(config).value(), (std::vector<Endpoint>{{"10.0.0.1", 443, true}}));
}

}  // namespace
}  // namespace skep::xmpp
