#include "region_layout.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <charconv>

#include "bytes_io.h"
#include "skep/base/text.h"
#include "skep/store/crc32c.h"

namespace skep::fabric {

namespace {

constexpr std::string_view kMagic = "SKEPRGN\n";
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kPreludeBytes = 20;  // magic, version, length, checksum

std::uint32_t half_crc(const HalfHeader& header, std::string_view content) {
  BytesOut fields;
  fields.u64(header.sequence);
  fields.u64(header.generation);
  fields.u64(header.written_at);
  fields.u64(header.length);
  return store::crc32c(content, store::crc32c(fields.view()));
}

std::unexpected<Error> corrupt(std::string what) { return fail(Code::kCorrupt, std::move(what)); }

Result<RegionHeader> decode_fields(std::string_view body) {
  BytesIn in(body);
  RegionHeader header;
  const std::uint32_t kind = in.u32();
  header.generation = in.u64();
  header.capacity = in.u64();
  header.owner_pid = in.u32();
  header.owner_start = in.u64();
  header.hive = in.text();
  header.writer = in.text();
  if (!in.at_end()) return corrupt("its header is broken");
  if (kind < 1 || kind > 3) return corrupt(fmt::format("its kind {} is unknown", kind));
  header.kind = static_cast<RegionKind>(kind);
  if (header.capacity < kRegionHalfHeaderBytes ||
      header.capacity > kRegionContentMax + kRegionHalfHeaderBytes) {
    return corrupt("its size makes no sense");
  }
  return header;
}

}  // namespace

std::string encode_header(const RegionHeader& header) {
  BytesOut body;
  body.u32(static_cast<std::uint32_t>(header.kind));
  body.u64(header.generation);
  body.u64(header.capacity);
  body.u32(header.owner_pid);
  body.u64(header.owner_start);
  body.text(std::string_view(header.hive).substr(0, 64));
  body.text(std::string_view(header.writer).substr(0, 256));
  BytesOut out;
  out.raw(kMagic);
  out.u32(kVersion);
  out.u32(static_cast<std::uint32_t>(body.view().size()));
  out.u32(store::crc32c(body.view()));
  out.raw(body.view());
  return std::move(out).take();
}

Result<RegionHeader> decode_header(std::string_view bytes) {
  BytesIn in(bytes);
  if (in.raw(kMagic.size()) != kMagic || !in.ok()) return corrupt("it is no region of Skep");
  const std::uint32_t version = in.u32();
  const std::uint32_t length = in.u32();
  const std::uint32_t crc = in.u32();
  if (!in.ok()) return corrupt("it is cut short");
  if (version != kVersion) {
    return corrupt(
        fmt::format("it has version {}, this program reads version {}", version, kVersion));
  }
  if (length > kRegionPublishedAt - kPreludeBytes) return corrupt("its header is broken");
  const std::string_view body = in.raw(length);
  if (!in.ok()) return corrupt("it is cut short");
  if (store::crc32c(body) != crc) return corrupt("its header's checksum is wrong");
  return decode_fields(body);
}

std::string encode_half(HalfHeader header, std::string_view content) {
  header.length = content.size();
  BytesOut out;
  out.u64(header.sequence);
  out.u64(header.generation);
  out.u64(header.written_at);
  out.u64(header.length);
  out.u32(half_crc(header, content));
  out.u32(0);
  out.raw(content);
  return std::move(out).take();
}

HalfHeader decode_half_header(std::string_view bytes) {
  BytesIn in(bytes);
  HalfHeader header;
  header.sequence = in.u64();
  header.generation = in.u64();
  header.written_at = in.u64();
  header.length = in.u64();
  header.crc = in.u32();
  return header;
}

bool half_is_whole(const HalfHeader& header, std::string_view content) {
  return header.length == content.size() && header.crc == half_crc(header, content);
}

std::uint64_t process_start(std::uint32_t pid) {
  const int fd = ::open(fmt::format("/proc/{}/stat", pid).c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  char buffer[1'024];
  const ssize_t bytes = ::read(fd, buffer, sizeof buffer);
  ::close(fd);
  if (bytes <= 0) return 0;
  // "pid (comm) state …": comm may hold anything, so from the last parenthesis; starttime is field
  // 22.
  std::string_view line(buffer, static_cast<std::size_t>(bytes));
  line.remove_prefix(std::min(line.size(), line.rfind(')') + 1));
  const std::vector<std::string_view> words = split_words(line);
  // A zombie is dead for us: it writes nothing any more.
  if (words.size() < 20 || words[0] == "Z" || words[0] == "X") return 0;
  std::uint64_t ticks = 0;
  std::from_chars(words[19].data(), words[19].data() + words[19].size(), ticks);
  return ticks;
}

}  // namespace skep::fabric
