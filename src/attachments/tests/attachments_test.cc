#include "skep/attachments/attachments.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "skep/base/text.h"
#include "skep/net/http_server.h"

namespace skep::attachments {
namespace {

using namespace std::string_literals;

constexpr std::chrono::seconds kPatience{30};
const std::string kPng = "\x89PNG\r\n\x1a\n and so on";

struct Page {
  int status = 200;
  std::string body;
  std::string type = "application/octet-stream";
  std::string location;
  std::size_t endless = 0;  // pieces of 64 KB without an announced length
};

// A one-page PDF that says `words`. Without a table of references: readers mend that.
std::string pdf(const std::string& words) {
  const std::string content = "BT /F1 24 Tf 72 720 Td (" + words + ") Tj ET";
  return "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
         "2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
         "3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources"
         "<</Font<</F1 5 0 R>>>>>>endobj\n"
         "4 0 obj<</Length " +
         std::to_string(content.size()) + ">>stream\n" + content +
         "\nendstream endobj\n"
         "5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj\n"
         "trailer<</Root 1 0 R>>\n%%EOF\n";
}

class AttachmentsTest : public testing::Test {
 protected:
  AttachmentsTest() : pool(loop) {
    std::string path = (std::filesystem::temp_directory_path() / "skep-attach-XXXXXX").string();
    home = ::mkdtemp(path.data());
    memory = memory::Memory::open({.path = home + "/memory"}).value();
    auto serve = [this](Ctx, const net::ServerRequest& request, net::Responder& responder) {
      return answer(request, responder);
    };
    server = std::move(
        *loop.run(net::HttpServer::open("127.0.0.1:0", {.loop = loop, .handler = serve})));
    config.allowed_hosts = {server->address()};
  }
  ~AttachmentsTest() override {
    files.reset();
    loop.run(server->close(Ctx{}.within(std::chrono::seconds(5))));
    std::filesystem::remove_all(home);
  }
  Task<void> answer(const net::ServerRequest& request, net::Responder& responder) {
    asked.push_back(request.path);
    Page page = pages.contains(request.path) ? pages[request.path] : Page{.status = 404};
    net::Headers headers{{"content-type", page.type}};
    if (!page.location.empty()) headers.emplace_back("location", page.location);
    if (page.endless == 0) {
      (void)co_await responder.send(page.status, std::move(headers), std::move(page.body));
      co_return;
    }
    (void)co_await responder.start_stream(200, std::move(headers));
    for (std::size_t i = 0; i < page.endless; ++i) {
      const auto written = co_await responder.write_piece(std::string(64 << 10, 'x'));
      if (!written) co_return;
    }
  }
  [[nodiscard]] std::string at(std::string_view path) const {
    return fmt::format("http://{}{}", server->address(), path);
  }
  std::vector<AttachedFile> take(std::vector<Part> parts) {
    if (!files) open();
    Message message;
    message.id = MessageId("01MESSAGE");
    message.conversation = {.channel = "xmpp", .peer = "ann@ex.test"};
    message.parts = std::move(parts);
    return loop.run(files->take(Ctx{}.within(kPatience), std::move(message)));
  }
  AttachedFile take_one(FilePart file) {
    auto all = take({TextPart{"look"}, std::move(file)});
    EXPECT_EQ(all.size(), 1u);
    return all.empty() ? AttachedFile{} : all.front();
  }
  void open() {
    auto opened = Attachments::open(config, {.loop = loop, .pool = pool, .memory = *memory});
    files = *std::move(opened);
  }
  [[nodiscard]] std::size_t kept() const {
    std::size_t count = 0;
    std::error_code none;
    for (const auto& entry :
         std::filesystem::directory_iterator(home + "/memory/ann@ex.test/files", none))
      count += entry.is_regular_file();
    return count;
  }

  Loop loop;
  Pool pool;
  std::string home;
  std::unique_ptr<memory::Memory> memory;
  std::map<std::string, Page> pages;
  std::vector<std::string> asked;
  std::unique_ptr<net::HttpServer> server;
  AttachmentsConfig config;
  std::unique_ptr<Attachments> files;
};

TEST_F(AttachmentsTest, AnImageIsGivenAsOneWhateverItsNameSays) {
  pages["/a.bin"] = {.body = kPng};
  const AttachedFile got = take_one({.filename = "a.bin", .url = at("/a.bin")});
  ASSERT_TRUE(got.image);
  EXPECT_EQ(*got.image, (ImagePart{"image/png", kPng}));
  EXPECT_EQ(got.note, "");
  EXPECT_EQ(got.file.media_type, "image/png");
  EXPECT_EQ(got.file.size_bytes, kPng.size());
  EXPECT_EQ(kept(), 1u);
}

TEST_F(AttachmentsTest, TextIsGivenAndCutWhereItIsLong) {
  config.text_bytes_max = 1000;
  pages["/a.csv"] = {.body = "a,b\n1,2\n"};
  pages["/long.txt"] = {.body = std::string(5000, 'y')};
  const auto all = take({FilePart{.filename = "a.csv", .url = at("/a.csv")},
                         FilePart{.filename = "long.txt", .url = at("/long.txt")}});
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].text, "a,b\n1,2\n");
  EXPECT_EQ(all[0].file.media_type, "text/csv");
  EXPECT_EQ(all[1].text, std::string(1000, 'y'));
  EXPECT_EQ(all[1].note, "only its first 1000 bytes are shown");
}

TEST_F(AttachmentsTest, TheTextOfAPdfIsTakenOutInTheSandbox) {
  pages["/a.pdf"] = {.body = pdf("Bees can count to four")};
  const AttachedFile got = take_one({.filename = "a.pdf", .url = at("/a.pdf")});
  EXPECT_NE(got.text.find("Bees can count to four"), std::string::npos) << got.note;
  EXPECT_EQ(got.file.media_type, "application/pdf");
}

TEST_F(AttachmentsTest, ADamagedPdfIsASentence) {
  pages["/a.pdf"] = {.body = "%PDF-1.4\n"s + std::string(2000, '\xfe')};
  const AttachedFile got = take_one({.filename = "a.pdf", .url = at("/a.pdf")});
  EXPECT_EQ(got.text, "");
  EXPECT_NE(got.note, "");
  EXPECT_EQ(files->stats().unreadable, 1u);
}

TEST_F(AttachmentsTest, AnAnnouncedSizeOverTheLimitIsNeverFetched) {
  const AttachedFile got =
      take_one({.filename = "a.iso", .size_bytes = 4ull << 30, .url = at("/a.iso")});
  EXPECT_EQ(got.note, "it is larger than 25 MB");
  EXPECT_TRUE(asked.empty());
  EXPECT_EQ(files->stats().too_large, 1u);
}

TEST_F(AttachmentsTest, ABodyOverTheLimitIsLetGoWhileReading) {
  config.file_bytes_max = 200'000;
  pages["/endless"] = {.endless = 100'000};
  pages["/long"] = {.body = std::string(300'000, 'x')};
  const auto all = take({FilePart{.filename = "e", .size_bytes = 10, .url = at("/endless")},
                         FilePart{.filename = "l", .url = at("/long")}});
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].note, "it is larger than 195 KB");
  EXPECT_EQ(all[1].note, "it is larger than 195 KB");
  EXPECT_EQ(kept(), 0u);
  EXPECT_EQ(files->stats().too_large, 2u);
}

TEST_F(AttachmentsTest, AddressesThatMayNotBeAskedAreNot) {
  const std::string other = server->address();
  config.allowed_hosts.clear();
  open();
  for (const std::string& url :
       {at("/x"), "https://"s + other + "/x", "https://localhost/x"s, "https://10.0.0.1/x"s,
        "https://169.254.169.254/latest"s, "http://example.org/x"s, "ftp://example.org/x"s,
        "file:///etc/passwd"s, "aesgcm://example.org/x#00"s, "https://a:b@example.org/x"s, ""s}) {
    const AttachedFile got = take_one({.filename = "x", .url = url});
    EXPECT_NE(got.note, "") << url;
    EXPECT_FALSE(got.image || !got.text.empty()) << url;
  }
  EXPECT_TRUE(asked.empty());
  EXPECT_EQ(files->stats().forbidden, 11u);
}

TEST_F(AttachmentsTest, ARedirectIsLookedAtLikeAFirstAddress) {
  const std::string port = server->address().substr(server->address().rfind(':') + 1);
  pages["/away"] = {.status = 302, .location = "http://localhost:" + port + "/secret"};
  pages["/near"] = {.status = 302, .location = "/there"};
  pages["/there"] = {.body = "words"};
  pages["/secret"] = {.body = "secret"};
  EXPECT_NE(take_one({.filename = "a", .url = at("/away")}).note, "");
  EXPECT_EQ(take_one({.filename = "a", .url = at("/near")}).text, "words");
  EXPECT_EQ(std::ranges::count(asked, "/secret"), 0);
}

TEST_F(AttachmentsTest, WhatWasFetchedIsNotFetchedAgain) {
  pages["/a.txt"] = {.body = "words"};
  const FilePart file{.filename = "a.txt", .url = at("/a.txt")};
  EXPECT_EQ(take_one(file).text, "words");
  files.reset();
  pages.clear();
  EXPECT_EQ(take_one(file).text, "words");
  EXPECT_EQ(asked.size(), 1u);
  EXPECT_EQ(files->stats().reused, 1u);
  EXPECT_EQ(kept(), 1u);
}

TEST_F(AttachmentsTest, OtherContentThanAnnouncedIsRefused) {
  pages["/a.txt"] = {.body = "words"};
  const FilePart good{
      .filename = "a.txt", .url = at("/a.txt"), .sha256 = hex_encode(sha256("words"))};
  FilePart bad = good;
  bad.sha256 = hex_encode(sha256("other words"));
  EXPECT_EQ(take_one(bad).note, "its content is not what was announced");
  EXPECT_EQ(kept(), 0u);
  EXPECT_EQ(take_one(good).text, "words");
  EXPECT_EQ(files->stats().false_hash, 1u);
}

TEST_F(AttachmentsTest, WhatCannotBeReadSaysWhy) {
  config.image_bytes_max = 1024;
  config.files_max = 4;
  pages["/z"] = {.body = "PK\x03\x04\0\0"s, .type = "application/zip"};
  pages["/big.png"] = {.body = kPng + std::string(2000, 'p')};
  pages["/empty"] = {.body = ""};
  const auto all = take({FilePart{.filename = "z", .url = at("/z")},
                         FilePart{.filename = "big.png", .url = at("/big.png")},
                         FilePart{.filename = "none", .url = at("/none")},
                         FilePart{.filename = "empty", .url = at("/empty")},
                         FilePart{.filename = "fifth", .url = at("/z")}});
  ASSERT_EQ(all.size(), 5u);
  EXPECT_EQ(all[0].note, "files of the type application/zip cannot be read");
  EXPECT_EQ(all[1].note, "images over 1 KB are not shown");
  EXPECT_EQ(all[2].note, "its server answered 404");
  EXPECT_EQ(all[3].note, "it is empty");
  EXPECT_EQ(all[4].note, "only 4 files of one message are read");
}

}  // namespace
}  // namespace skep::attachments
