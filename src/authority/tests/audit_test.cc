#include "skep/authority/audit.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "home.h"

namespace skep::authority {
namespace {

TEST(AuditLog, KeepsWhatWasDoneAcrossProcesses) {
  TestHome home;
  {
    auto log = home.open();
    ASSERT_TRUE(log->append(entry("shell_exec", "make", "allow")));
    ASSERT_TRUE(log->append(entry("file_read", "a.txt", "deny")));
    EXPECT_EQ(log->size(), 2U);
  }
  auto log = home.open();
  EXPECT_EQ(log->size(), 2U);
  ASSERT_TRUE(log->append(entry("approval", "k7f3", "allow")));
  EXPECT_EQ(verify_audit(home.path()).value(), 3U);
  const auto all = read_audit(home.path(), 10, [](const AuditEntry&) { return true; }).value();
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0].prev, std::string(64, '0'));
  EXPECT_EQ(all[1].prev, all[0].hash);
  EXPECT_EQ(all[2].resource, "k7f3");
  EXPECT_EQ(all[2].seq, 3U);
}

TEST(AuditLog, GivesTheNewestThatAreWanted) {
  TestHome home;
  auto log = home.open();
  for (int i = 0; i < 10; ++i)
    ASSERT_TRUE(log->append(entry("file_read", std::to_string(i), i % 2 == 0 ? "allow" : "deny")));
  const auto denied =
      read_audit(home.path(), 2, [](const AuditEntry& e) { return e.outcome == "deny"; }).value();
  ASSERT_EQ(denied.size(), 2U);
  EXPECT_EQ(denied[0].resource, "7");
  EXPECT_EQ(denied[1].resource, "9");
}

TEST(AuditLog, HoldsNoKeysAndNoEndlessTexts) {
  TestHome home;
  auto log = home.open();
  AuditEntry said = entry("shell_exec", std::string(1000, 'r'), "allow");
  said.detail = "curl -H 'Authorization: Bearer abcdefgh12345678' " + std::string(1000, 'd');
  said.agent = "bad \xff byte";
  ASSERT_TRUE(log->append(said));
  const auto all = read_audit(home.path(), 1, [](const AuditEntry&) { return true; }).value();
  EXPECT_LE(all[0].detail.size(), 200U);
  EXPECT_LE(all[0].resource.size(), 256U);
  EXPECT_EQ(all[0].detail.find("abcdefgh12345678"), std::string::npos);
  EXPECT_EQ(all[0].agent, "bad \xef\xbf\xbd byte");
  EXPECT_EQ(verify_audit(home.path()).value(), 1U);
}

TEST(AuditLog, IsForItsOwnerOnly) {
  TestHome home;
  auto log = home.open();
  for (std::string_view file : {"/audit/audit.jsonl", "/audit/head", "/credentials/audit.key"}) {
    struct stat info{};
    ASSERT_EQ(::stat((home.path() + std::string(file)).c_str(), &info), 0) << file;
    EXPECT_EQ(info.st_mode & 0777, 0600U) << file;
  }
}

TEST(AuditLog, CutsATornLastLine) {
  TestHome home;
  {
    auto log = home.open();
    ASSERT_TRUE(log->append(entry("shell_exec", "make", "allow")));
  }
  std::ofstream(home.log(), std::ios::app) << R"({"seq":2,"time":"2026-)";
  EXPECT_EQ(verify_audit(home.path()).value(), 1U);  // as a daemon that is writing looks
  auto log = home.open();
  EXPECT_EQ(log->size(), 1U);
  ASSERT_TRUE(log->append(entry("shell_exec", "ls", "allow")));
  EXPECT_EQ(verify_audit(home.path()).value(), 2U);
}

TEST(AuditLog, MayBeLongerThanItsHeadSays) {
  TestHome home;
  std::string head;
  {
    auto log = home.open();
    ASSERT_TRUE(log->append(entry("shell_exec", "make", "allow")));
  }
  head = home.read(home.head());
  {
    auto log = home.open();
    ASSERT_TRUE(log->append(entry("shell_exec", "ls", "allow")));
  }
  home.write(home.head(), head);  // as a kill in the second before the head is written leaves it
  EXPECT_EQ(verify_audit(home.path()).value(), 2U);
  EXPECT_EQ(home.open()->size(), 2U);
}

TEST(AuditLog, SaysThatThereIsNone) {
  TestHome home;
  EXPECT_EQ(verify_audit(home.path()).error().code, Code::kNotFound);
  EXPECT_EQ(read_audit(home.path(), 1, {}).error().code, Code::kNotFound);
}

TEST(AuditLog, RefusesWhenTheDiskIsFullAndGoesOnAfterwards) {
  TestHome home;
  auto log = home.open();
  ASSERT_TRUE(log->append(entry("shell_exec", "make", "allow")));
  {
    FileSizeLimit full(std::filesystem::file_size(home.log()));
    EXPECT_EQ(log->append(entry("shell_exec", "ls", "allow")).error().code, Code::kExhausted);
    EXPECT_EQ(log->size(), 1U);
  }
  ASSERT_TRUE(log->append(entry("shell_exec", "ls", "allow")));
  EXPECT_EQ(verify_audit(home.path()).value(), 2U);
}

std::vector<std::string> files_of(const TestHome& home) {
  std::vector<std::string> names;
  for (const auto& file : std::filesystem::directory_iterator(home.path() + "/audit")) {
    const std::string name = file.path().filename().string();
    if (name.starts_with("audit-")) names.push_back(name);
  }
  std::ranges::sort(names);
  return names;
}

constexpr std::uint64_t kSmall = 1000;  // bytes: some three lines

std::unique_ptr<AuditLog> open_small(const TestHome& home) {
  return AuditLog::open(home.path(), Clock::system(), kSmall).value();
}

void fill(AuditLog& log, int entries) {
  for (int i = 0; i < entries; ++i)
    ASSERT_TRUE(log.append(entry("file_read", std::to_string(i), "allow")));
}

TEST(AuditLog, AFullFileIsPutAsideAndTheChainGoesOn) {
  TestHome home;
  {
    fill(*open_small(home), 20);
  }
  const std::vector<std::string> aside = files_of(home);
  ASSERT_GE(aside.size(), 3U);
  EXPECT_EQ(aside[0], "audit-00000000000000000001.jsonl");
  EXPECT_EQ(verify_audit(home.path()).value(), 20U);
  {
    fill(*open_small(home), 20);
  }  // also right behind a border, and with a head in an older file
  EXPECT_EQ(verify_audit(home.path()).value(), 40U);
  const auto all = read_audit(home.path(), 100, [](const AuditEntry&) { return true; }).value();
  ASSERT_EQ(all.size(), 40U);
  for (std::size_t i = 1; i < all.size(); ++i) EXPECT_EQ(all[i].prev, all[i - 1].hash);
}

TEST(AuditLog, ADeathBetweenPuttingAsideAndTheNextLineLosesNothing) {
  TestHome home;
  {
    fill(*open_small(home), 2);
  }
  const std::string folder = home.path() + "/audit/";
  std::filesystem::rename(folder + "audit.jsonl", folder + "audit-00000000000000000001.jsonl");
  EXPECT_EQ(verify_audit(home.path()).value(), 2U);
  {
    fill(*open_small(home), 2);
  }
  EXPECT_EQ(verify_audit(home.path()).value(), 4U);
}

TEST(AuditLog, AFileThatIsTakenAwayOrChangedIsMissed) {
  TestHome home;
  {
    fill(*open_small(home), 20);
  }
  const std::string folder = home.path() + "/audit/";
  const std::vector<std::string> aside = files_of(home);
  for (const std::string& name : {aside[0], aside[1], aside.back()}) {
    std::filesystem::rename(folder + name, home.path() + "/kept");
    EXPECT_EQ(verify_audit(home.path()).error().code, Code::kCorrupt) << name;
    std::filesystem::rename(home.path() + "/kept", folder + name);
  }
  EXPECT_EQ(verify_audit(home.path()).value(), 20U);
  std::filesystem::resize_file(folder + aside[1],
                               std::filesystem::file_size(folder + aside[1]) - 1);
  EXPECT_EQ(verify_audit(home.path()).error().code, Code::kCorrupt);
}

}  // namespace
}  // namespace skep::authority
