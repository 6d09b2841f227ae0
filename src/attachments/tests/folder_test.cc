#include "folder.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "skep/store/append_file.h"

namespace skep::attachments {
namespace {

class FolderTest : public testing::Test {
 protected:
  FolderTest() {
    std::string path = (std::filesystem::temp_directory_path() / "skep-files-XXXXXX").string();
    home_ = ::mkdtemp(path.data());
  }
  ~FolderTest() override { std::filesystem::remove_all(home_); }
  std::string home_;
};

TEST_F(FolderTest, FindsAFileByItsKeyAlone) {
  const Folder folder(home_ + "/files", 1000);
  EXPECT_FALSE(folder.find("01M.0"));
  const auto kept = folder.keep("01M.0", "../a b.txt", "words");
  ASSERT_TRUE(kept) << kept.error().to_string();
  EXPECT_EQ(*kept, home_ + "/files/01M.0__._a_b.txt");
  EXPECT_EQ(folder.find("01M.0"), *kept);
  EXPECT_FALSE(folder.find("01M.1"));
  EXPECT_FALSE(folder.find("01M"));
  EXPECT_EQ(store::read_file(*kept).value(), "words");
  const auto mode = std::filesystem::status(*kept).permissions();
  EXPECT_EQ(mode & (std::filesystem::perms::group_all | std::filesystem::perms::others_all),
            std::filesystem::perms::none);
}

TEST_F(FolderTest, TakesNoMoreThanItsLimit) {
  const Folder folder(home_ + "/files", 10);
  EXPECT_TRUE(folder.keep("1.0", "a", "12345"));
  EXPECT_TRUE(folder.keep("2.0", "a", "12345"));
  const auto refused = folder.keep("3.0", "a", "1");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kExhausted);
  EXPECT_NE(refused.error().message.find("/forget"), std::string::npos);
}

}  // namespace
}  // namespace skep::attachments
