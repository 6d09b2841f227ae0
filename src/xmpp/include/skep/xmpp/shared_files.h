// Files in messages (XEP-0066, 0446, 0447) and the place where they are put first (XEP-0363). Pure:
// nothing here is believed about a URL; whoever fetches or uploads looks at it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "skep/base/result.h"
#include "skep/xmpp/xml.h"

namespace skep::xmpp {

inline constexpr std::string_view kNsFileSharing = "urn:xmpp:sfs:0";             // XEP-0447
inline constexpr std::string_view kNsFileMetadata = "urn:xmpp:file:metadata:0";  // XEP-0446
inline constexpr std::string_view kNsHashes = "urn:xmpp:hashes:2";               // XEP-0300
inline constexpr std::string_view kNsUrlData = "http://jabber.org/protocol/url-data";
inline constexpr std::string_view kNsHttpUpload = "urn:xmpp:http:upload:0";  // XEP-0363

inline constexpr std::size_t kSharedFilesMax = 16;     // of one message; more are not read
inline constexpr std::size_t kFileNameBytesMax = 255;  // longer ones are cut
inline constexpr std::size_t kUrlBytesMax = 4096;      // a longer one is none

struct SharedFile {
  std::string url;   // empty: offered in a way that we do not know
  std::string name;  // as the sender says, else of the URL; one line, no path
  std::string media_type;
  std::uint64_t size = 0;  // 0: unknown
  std::string sha256;      // hex; empty: unknown
  bool operator==(const SharedFile&) const = default;
};
// What a message shares, each URL once, in order.
std::vector<SharedFile> read_shared_files(const Element& message);
// "https://up.example/abc/report.pdf?x=1" -> "report.pdf"
std::string file_name_of(std::string_view url);

// Adds what every client understands to a message: the URL as body and out of band, the metadata,
// and that the body is a stand-in (XEP-0428).
void add_shared_file(Element& message, const SharedFile& file);

// XEP-0363 5
Element make_slot_request(const SharedFile& file);
struct UploadSlot {
  std::string put;
  std::string get;
  std::vector<std::pair<std::string, std::string>> headers;  // the three that are allowed, one line
  std::size_t headers_dropped = 0;                           // others
};
// kCorrupt when the answer holds no slot.
Result<UploadSlot> read_slot(const Element& answer);

// Of a disco#info answer: whether it uploads, and the largest file it takes (0: it does not say).
struct UploadService {
  bool uploads = false;
  std::uint64_t file_bytes_max = 0;
};
UploadService read_upload_service(const Element& info);

}  // namespace skep::xmpp
