#include "skep/identity/contacts.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace skep::identity {
namespace {

class ContactsTest : public testing::Test {
 protected:
  ContactsTest() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "skep-contacts-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    file_ = folder_ + "/contacts.json";
  }
  ~ContactsTest() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<Contacts> open() {
    return Contacts::open(file_, Clock::system(),
                          [this](const FirstContact& one, bool known, std::string_view by) {
                            return note(one, known, by);
                          })
        .value();
  }
  Result<void> note(const FirstContact& one, bool known, std::string_view by) {
    if (refuses_) return fail(Code::kExhausted, "the disk is full");
    notes_.push_back(fmt::format("{} {} {} by {}", known ? "+" : "-", one.person, one.contact, by));
    return {};
  }

  std::string folder_, file_;
  std::vector<std::string> notes_;
  bool refuses_ = false;
};

TEST_F(ContactsTest, KnowsWhoWasConfirmedForWhomOverARestart) {
  auto contacts = open();
  EXPECT_FALSE(contacts->knows("ann@ex", "bob@ex"));
  ASSERT_TRUE(contacts->add("ann@ex", "bob@ex", "ann@ex"));
  ASSERT_TRUE(contacts->add("ann@ex", "bob@ex", "ann@ex"));
  contacts = open();
  EXPECT_TRUE(contacts->knows("ann@ex", "bob@ex"));
  EXPECT_FALSE(contacts->knows("eve@ex", "bob@ex")) << "one's yes is nobody else's";
  EXPECT_EQ(contacts->entries().size(), 1u);
  EXPECT_EQ(notes_, std::vector<std::string>{"+ ann@ex bob@ex by ann@ex"});
}

TEST_F(ContactsTest, AnAdministratorTakesItBack) {
  auto contacts = open();
  ASSERT_TRUE(contacts->add("ann@ex", "bob@ex", "ann@ex"));
  ASSERT_TRUE(contacts->add("eve@ex", "bob@ex", "eve@ex"));
  EXPECT_EQ(contacts->forget("bob@ex", "eve@ex", "adm@ex"), 1u);
  EXPECT_TRUE(contacts->knows("ann@ex", "bob@ex"));
  EXPECT_EQ(contacts->forget("bob@ex", "", "adm@ex"), 1u);
  EXPECT_FALSE(contacts->knows("ann@ex", "bob@ex"));
  EXPECT_EQ(contacts->forget("bob@ex", "", "adm@ex").error().code, Code::kNotFound);
  EXPECT_EQ(notes_.back(), "- ann@ex bob@ex by adm@ex");
  EXPECT_TRUE(open()->entries().empty());
}

TEST_F(ContactsTest, WhatCannotBeWrittenDownIsNotRemembered) {
  auto contacts = open();
  refuses_ = true;
  EXPECT_FALSE(contacts->add("ann@ex", "bob@ex", "ann@ex"));
  EXPECT_FALSE(contacts->knows("ann@ex", "bob@ex"));
}

TEST_F(ContactsTest, ADamagedFileIsNoLicence) {
  std::ofstream(file_) << "{\"entries\":[{\"person\":\"ann@ex\"}]}";
  EXPECT_EQ(Contacts::open(file_, Clock::system()).error().code, Code::kCorrupt);
}

}  // namespace
}  // namespace skep::identity
