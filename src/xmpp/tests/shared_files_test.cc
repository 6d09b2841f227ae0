#include "skep/xmpp/shared_files.h"

#include <gtest/gtest.h>

#include "skep/xmpp/stanza.h"

namespace skep::xmpp {
namespace {

constexpr std::string_view kEmptyHash = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
constexpr std::string_view kEmptyHex =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

Element parsed(std::string_view xml) { return parse_element(xml, kNsClient).value(); }

std::vector<SharedFile> files(std::string_view children) {
  return read_shared_files(parsed(fmt::format("<message>{}</message>", children)));
}

TEST(SharedFiles, OutOfBandAndStatelessSharingOfOneUrlAreOneFile) {
  const auto read = files(fmt::format(
      "<x xmlns='jabber:x:oob'><url> https://up.ex/abc/c.pdf?x=1 </url></x>"
      "<file-sharing xmlns='urn:xmpp:sfs:0'><file xmlns='urn:xmpp:file:metadata:0'>"
      "<name>../my report.pdf</name><size>12</size><media-type>application/pdf</media-type>"
      "<hash xmlns='urn:xmpp:hashes:2' algo='sha-1'>AAAA</hash>"
      "<hash xmlns='urn:xmpp:hashes:2' algo='sha-256'>{}</hash></file><sources><url-data "
      "xmlns='http://jabber.org/protocol/url-data' target='https://up.ex/abc/c.pdf?x=1'/>"
      "</sources></file-sharing>",
      kEmptyHash));
  const std::vector<SharedFile> expected{{.url = "https://up.ex/abc/c.pdf?x=1",
                                          .name = "my report.pdf",
                                          .media_type = "application/pdf",
                                          .size = 12,
                                          .sha256 = std::string(kEmptyHex)}};
  EXPECT_EQ(read, expected);
}

TEST(SharedFiles, NamesAreOneLineWithoutAPath) {
  EXPECT_EQ(file_name_of("https://up.ex/abc/report.pdf?x=1"), "report.pdf");
  EXPECT_EQ(file_name_of("https://up.ex/"), "attachment");
  EXPECT_EQ(file_name_of("https://up.ex/a\\b"), "b");
}

TEST(SharedFiles, WhatMakesNoSenseIsLeftOut) {
  const auto read = files(
      "<x xmlns='jabber:x:oob'><url>has spaces in it</url></x>"
      "<x xmlns='other'><url>https://a/1</url></x>"
      "<file-sharing xmlns='urn:xmpp:sfs:0'><file xmlns='urn:xmpp:file:metadata:0'>"
      "<name>n</name><size>-1</size><hash xmlns='urn:xmpp:hashes:2' algo='sha-256'>AAAA</hash>"
      "</file></file-sharing>");
  EXPECT_EQ(read, (std::vector<SharedFile>{{.name = "n"}}));
}

TEST(SharedFiles, WhatWeSayIsReadAsItWasMeant) {
  const SharedFile file{.url = "https://up.ex/1/a.png",
                        .name = "a.png",
                        .media_type = "image/png",
                        .size = 3,
                        .sha256 = std::string(kEmptyHex)};
  Element message("message", std::string(kNsClient));
  add_shared_file(message, file);
  EXPECT_EQ(read_shared_files(message), std::vector{file});
  EXPECT_EQ(message.child_text("body", kNsClient), file.url);
  EXPECT_EQ(message.child("file-sharing", kNsFileSharing)->attribute("disposition"), "inline");
  EXPECT_EQ(message.child("fallback", "urn:xmpp:fallback:0")->attribute("for"), kNsFileSharing);
}

TEST(UploadSlot, KeepsTheThreeHeadersThatAreAllowedAndNoLineBreaks) {
  const auto slot = read_slot(
      parsed("<iq type='result'><slot xmlns='urn:xmpp:http:upload:0'><put url='https://up.ex/p'>"
             "<header name='authorization'>Basic&#10; x</header><header name='Host'>evil</header>"
             "<header name='Cookie'>a=b</header><header name='Cookie'>c=d</header>"
             "<header name='Expires'>0</header></put><get url='https://up.ex/g'/></slot></iq>"));
  ASSERT_TRUE(slot) << slot.error().to_string();
  EXPECT_EQ(slot->put, "https://up.ex/p");
  EXPECT_EQ(slot->get, "https://up.ex/g");
  const std::vector<std::pair<std::string, std::string>> headers{
      {"Authorization", "Basic x"}, {"Cookie", "a=b"}, {"Expires", "0"}};
  EXPECT_EQ(slot->headers, headers);
  EXPECT_EQ(slot->headers_dropped, 2u);
}

TEST(UploadSlot, IsRefusedWithoutBothAddresses) {
  for (const std::string_view inside :
       {"", "<slot xmlns='urn:xmpp:http:upload:0'><put url='https://a/b'/></slot>",
        "<slot xmlns='urn:xmpp:http:upload:0'><put url='https://a/b'/><get url=''/></slot>",
        "<slot xmlns='urn:xmpp:http:upload:0'><put/><get url='https://a/b'/></slot>",
        "<slot xmlns='other'><put url='https://a/b'/><get url='https://a/b'/></slot>"}) {
    const auto slot = read_slot(parsed(fmt::format("<iq type='result'>{}</iq>", inside)));
    ASSERT_FALSE(slot) << inside;
    EXPECT_EQ(slot.error().code, Code::kCorrupt);
  }
}

TEST(UploadService, SaysHowMuchItTakes) {
  const std::string_view info =
      "<iq type='result'><query xmlns='http://jabber.org/protocol/disco#info'>"
      "<feature var='urn:xmpp:http:upload:0'/>"
      "<x xmlns='jabber:x:data' type='result'><field var='FORM_TYPE'><value>other</value></field>"
      "<field var='max-file-size'><value>1</value></field></x>"
      "<x xmlns='jabber:x:data' type='result'><field var='FORM_TYPE'>"
      "<value>urn:xmpp:http:upload:0</value></field>"
      "<field var='max-file-size'><value>5242880</value></field></x></query></iq>";
  const UploadService service = read_upload_service(parsed(info));
  EXPECT_TRUE(service.uploads);
  EXPECT_EQ(service.file_bytes_max, 5242880u);
  EXPECT_FALSE(read_upload_service(parsed("<iq type='result'/>")).uploads);
}

}  // namespace
}  // namespace skep::xmpp
