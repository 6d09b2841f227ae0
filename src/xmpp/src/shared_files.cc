#include "skep/xmpp/shared_files.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "skep/base/text.h"
#include "skep/xmpp/references.h"
#include "skep/xmpp/stanza.h"

namespace skep::xmpp {
namespace {

constexpr std::string_view kNsDiscoInfo = "http://jabber.org/protocol/disco#info";
constexpr std::string_view kNsData = "jabber:x:data";
constexpr std::size_t kTypeBytesMax = 128;
constexpr std::size_t kHeaderBytesMax = 4096;
constexpr std::size_t kSha256Bytes = 32;
constexpr std::array<std::string_view, 3> kHeaders = {"Authorization", "Cookie", "Expires"};

Element element(std::string_view name, std::string_view ns) {
  return Element(std::string(name), std::string(ns));
}
Element element(std::string_view name, std::string_view ns, std::string_view text) {
  Element out = element(name, ns);
  return std::move(out.text(std::string(text)));
}

std::uint64_t number(std::string_view text) {
  text = trim(text);
  std::uint64_t value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  return problem == std::errc() && end == text.data() + text.size() ? value : 0;
}

std::string one_line(std::string_view text, std::size_t bytes_max) {
  std::string line(cut_utf8(trim(text), bytes_max));
  std::ranges::replace_if(line, [](unsigned char c) { return c < 0x20 || c == 0x7f; }, ' ');
  return line;
}

// No path: what comes behind the last slash, of either kind.
std::string base_name(std::string_view name) {
  const std::size_t slash = name.find_last_of("/\\");
  return one_line(slash == std::string_view::npos ? name : name.substr(slash + 1),
                  kFileNameBytesMax);
}

std::string url_in(std::string_view text) {
  text = trim(text);
  const bool good = !text.empty() && text.size() <= kUrlBytesMax &&
                    std::ranges::none_of(text, [](unsigned char c) { return c <= 0x20; });
  return good ? std::string(text) : std::string();
}

std::string sha256_in(const Element& file) {
  for (const Element* child : file.children()) {
    if (child->name != "hash" || child->ns != kNsHashes || child->attribute("algo") != "sha-256")
      continue;
    const auto bytes = base64_decode(trim(child->text()));
    if (bytes && bytes->size() == kSha256Bytes) return hex_encode(*bytes);
  }
  return {};
}

SharedFile read_sharing(const Element& sharing) {
  SharedFile out;
  if (const Element* file = sharing.child("file", kNsFileMetadata)) {
    out.name = base_name(file->child_text("name", kNsFileMetadata));
    out.media_type = one_line(file->child_text("media-type", kNsFileMetadata), kTypeBytesMax);
    out.size = number(file->child_text("size", kNsFileMetadata));
    out.sha256 = sha256_in(*file);
  }
  const Element* sources = sharing.child("sources", kNsFileSharing);
  if (sources == nullptr) return out;
  for (const Element* source : sources->children()) {
    if (source->name != "url-data" || source->ns != kNsUrlData) continue;
    out.url = url_in(source->attribute("target"));
    if (!out.url.empty()) break;
  }
  return out;
}

// The same URL out of band and as a shared file is one file: what is known of it counts.
void put(std::vector<SharedFile>& files, SharedFile file) {
  if (file == SharedFile{}) return;
  const auto same = std::ranges::find_if(
      files, [&](const SharedFile& other) { return !file.url.empty() && other.url == file.url; });
  if (same != files.end()) {
    if (file.size > 0 || !file.name.empty()) *same = std::move(file);
  } else if (files.size() < kSharedFilesMax) {
    files.push_back(std::move(file));
  }
}

// XEP-0363 5.1: line breaks are taken out of values, other headers are not sent.
void read_header(UploadSlot& slot, const Element& header) {
  const std::string name = one_line(header.attribute("name"), kHeaderBytesMax);
  std::string value = header.text();
  std::erase_if(value, [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
  const auto known = std::ranges::find_if(kHeaders, [&](std::string_view allowed) {
    return equals_ignoring_ascii_case(allowed, name);
  });
  const bool again = std::ranges::any_of(slot.headers, [&](const auto& header_before) {
    return equals_ignoring_ascii_case(header_before.first, name);
  });
  if (known == kHeaders.end() || again || value.size() > kHeaderBytesMax) {
    ++slot.headers_dropped;
    return;
  }
  slot.headers.emplace_back(std::string(*known), std::move(value));
}

}  // namespace

std::string file_name_of(std::string_view url) {
  url = url.substr(0, url.find_first_of("?#"));
  std::string name = base_name(url);
  return name.empty() ? "attachment" : name;
}

std::vector<SharedFile> read_shared_files(const Element& message) {
  std::vector<SharedFile> files;
  for (const Element* child : message.children()) {
    if (child->name == "x" && child->ns == kNsOob)
      put(files, {.url = url_in(child->child_text("url", kNsOob))});
    if (child->name == "file-sharing" && child->ns == kNsFileSharing)
      put(files, read_sharing(*child));
  }
  for (SharedFile& file : files) {
    if (file.name.empty()) file.name = file_name_of(file.url);
  }
  return files;
}

void add_shared_file(Element& message, const SharedFile& file) {
  message.add(element("body", kNsClient, file.url));
  Element oob = element("x", kNsOob);
  message.add(std::move(oob.add(element("url", kNsOob, file.url))));

  Element about = element("file", kNsFileMetadata);
  if (!file.media_type.empty()) about.add(element("media-type", kNsFileMetadata, file.media_type));
  about.add(element("name", kNsFileMetadata, file.name));
  about.add(element("size", kNsFileMetadata, fmt::format("{}", file.size)));
  if (const auto bytes = hex_decode(file.sha256); bytes && !bytes->empty()) {
    Element hash = element("hash", kNsHashes, base64_encode(*bytes));
    about.add(std::move(hash.set("algo", "sha-256")));
  }
  Element source = element("url-data", kNsUrlData);
  source.set("target", file.url);
  Element sources = element("sources", kNsFileSharing);
  sources.add(std::move(source));
  Element sharing = element("file-sharing", kNsFileSharing);
  sharing.set("disposition", file.media_type.starts_with("image/") ? "inline" : "attachment");
  sharing.add(std::move(about)).add(std::move(sources));
  message.add(std::move(sharing));

  Element fallback = element("fallback", kNsFallback);
  fallback.set("for", std::string(kNsFileSharing));
  message.add(std::move(fallback.add(element("body", kNsFallback))));
}

Element make_slot_request(const SharedFile& file) {
  Element request = element("request", kNsHttpUpload);
  request.set("filename", file.name).set("size", fmt::format("{}", file.size));
  if (!file.media_type.empty()) request.set("content-type", file.media_type);
  return request;
}

Result<UploadSlot> read_slot(const Element& answer) {
  const Element* slot = answer.child("slot", kNsHttpUpload);
  const Element* put = slot == nullptr ? nullptr : slot->child("put", kNsHttpUpload);
  const Element* get = slot == nullptr ? nullptr : slot->child("get", kNsHttpUpload);
  if (put == nullptr || get == nullptr) return fail(Code::kCorrupt, "the answer holds no slot");
  UploadSlot out{.put = url_in(put->attribute("url")), .get = url_in(get->attribute("url"))};
  if (out.put.empty() || out.get.empty()) return fail(Code::kCorrupt, "the slot has no URLs");
  for (const Element* header : put->children()) {
    if (header->name == "header" && header->ns == kNsHttpUpload) read_header(out, *header);
  }
  return out;
}

UploadService read_upload_service(const Element& info) {
  UploadService out;
  const Element* query = info.child("query", kNsDiscoInfo);
  if (query == nullptr) return out;
  for (const Element* child : query->children()) {
    if (child->name == "feature" && child->attribute("var") == kNsHttpUpload) out.uploads = true;
    if (child->name != "x" || child->ns != kNsData) continue;
    std::uint64_t size = 0;
    bool ours = false;
    for (const Element* field : child->children()) {
      const std::string value = field->child_text("value", kNsData);
      if (field->attribute("var") == "FORM_TYPE") ours = value == kNsHttpUpload;
      if (field->attribute("var") == "max-file-size") size = number(value);
    }
    if (ours) out.file_bytes_max = size;
  }
  return out;
}

}  // namespace skep::xmpp
