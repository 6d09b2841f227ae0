#include "skep/identity/allow_list.h"

#include <gtest/gtest.h>

namespace skep::identity {
namespace {

struct Case {
  const char* name;
  AllowListConfig config;
  const char* address;
  Verdict verdict;
};

const AllowListConfig kDefault{.addresses = {"*"}, .own_domains = {"example.org"}};
const AllowListConfig kComponent{.addresses = {"*"},
                                 .own_domains = {"agent.example.org", "example.org"}};
const AllowListConfig kListed{.domains = {"example.org", "other.org"},
                              .addresses = {"ann@example.org", "@other.org"},
                              .own_domains = {"agent.example.org"},
                              .admins = {"root@elsewhere.net"}};
const AllowListConfig kOpen{.domains = {"*"}, .addresses = {"*"}, .own_domains = {"example.org"}};

const AllowListConfig kPeople{
    .domains = {"example.org"},
    .addresses = {"*"},
    .admins = {"root@elsewhere.net"},
    .people = People({{"Ann", Role::kViewer, {"ann@other.org"}},
                      {"Ops", Role::kAdmin, {"ops@example.org", "ops@cli"}}})};

const Case kCases[] = {
    {"with users: one of them", kPeople, "ann@other.org", Verdict::kAllowed},
    {"with users: nobody else", kPeople, "bob@example.org", Verdict::kNotListed},
    {"with users: nobody of a server called cli", kPeople, "ops@cli", Verdict::kNotListed},
    {"with users: administrators", kPeople, "root@elsewhere.net", Verdict::kAllowed},
    {"own domain by default", kDefault, "ann@example.org", Verdict::kAllowed},
    {"foreign domain by default", kDefault, "mal@other.org", Verdict::kForeignDomain},
    {"subdomain is another domain", kDefault, "mal@sub.example.org", Verdict::kForeignDomain},
    {"domain that only ends alike", kDefault, "mal@notexample.org", Verdict::kForeignDomain},
    {"parent domain in component mode", kComponent, "ann@example.org", Verdict::kAllowed},
    {"bare domain address", kDefault, "example.org", Verdict::kAllowed},
    {"nobody is listed", {.own_domains = {"example.org"}}, "ann@example.org", Verdict::kNotListed},
    {"listed address", kListed, "ann@example.org", Verdict::kAllowed},
    {"not listed", kListed, "bob@example.org", Verdict::kNotListed},
    {"whole domain listed", kListed, "anyone@other.org", Verdict::kAllowed},
    {"explicit domains replace our own", kListed, "x@agent.example.org", Verdict::kForeignDomain},
    {"admin from elsewhere", kListed, "root@elsewhere.net", Verdict::kAllowed},
    {"others from elsewhere", kListed, "rot@elsewhere.net", Verdict::kForeignDomain},
    {"open to all", kOpen, "x@anywhere.net", Verdict::kAllowed},
    {"no address at all", kOpen, "", Verdict::kForeignDomain},
    {"star for domains alone lists nobody", {.domains = {"*"}}, "x@y.net", Verdict::kNotListed},
    {"star for addresses alone opens no domain",
     {.addresses = {"*"}},
     "x@y.net",
     Verdict::kForeignDomain},
    {"a localpart cannot smuggle a domain", kDefault, "mal@evil.net@example.org",
     Verdict::kForeignDomain},
};

TEST(AllowList, ChecksDomainThenAddress) {
  for (const Case& c : kCases) {
    EXPECT_EQ(AllowList(c.config).check(c.address), c.verdict) << c.name;
  }
}

TEST(AllowList, KnowsItsAdmins) {
  const AllowList list(kListed);
  EXPECT_TRUE(list.is_admin("root@elsewhere.net"));
  EXPECT_FALSE(list.is_admin("ann@example.org"));
  EXPECT_FALSE(AllowList({.admins = {""}}).is_admin(""));
}

TEST(AllowList, DescribesItself) {
  EXPECT_EQ(AllowList(kDefault).describe(), "domain example.org; everybody there");
  EXPECT_EQ(AllowList(kListed).describe(), "domains example.org, other.org; 2 addresses; 1 admin");
  EXPECT_EQ(AllowList(kOpen).describe(), "all domains; everybody there");
  EXPECT_EQ(AllowList({}).describe(), "no domain; nobody");
  EXPECT_EQ(AllowList({.domains = {"a", "b", "c", "d", "e", "f", "g"}}).describe(),
            "domains a, b, c, d, e and 2 more; nobody");
}

TEST(AllowList, UsersWithARoleAreItsAdministrators) {
  const AllowList list(kPeople);
  EXPECT_TRUE(list.is_admin("ops@example.org"));
  EXPECT_FALSE(list.is_admin("ann@other.org"));
  EXPECT_EQ(list.role_of("root@elsewhere.net"), Role::kOwner);
  EXPECT_EQ(list.role_of("bob@example.org"), Role::kNone);
  EXPECT_EQ(list.administrators(),
            (std::vector<std::string>{"root@elsewhere.net", "ops@example.org"}));
}

}  // namespace
}  // namespace skep::identity
