#include "journal_segment.h"

#include <cstring>

#include "skep/store/crc32c.h"

namespace skep::store {
namespace {

constexpr std::string_view kMagic{"SKEPJRN\n", 8};
constexpr std::uint32_t kVersion = 1;
// Looking for valid records behind a damaged one sums at most this much; over it the segment counts
// as damaged.
constexpr std::uint64_t kScanBytesMax = 256u << 20;

void put_u32(std::string& into, std::uint32_t value) {
  for (int shift = 0; shift < 32; shift += 8) into.push_back(static_cast<char>(value >> shift));
}

std::uint32_t get_u32(std::string_view bytes, std::size_t at) {
  std::uint32_t value = 0;
  std::memcpy(&value, bytes.data() + at, 4);
  return value;
}

std::uint64_t get_u64(std::string_view bytes, std::size_t at) {
  std::uint64_t value = 0;
  std::memcpy(&value, bytes.data() + at, 8);
  return value;
}

void put_field(std::string& into, std::string_view field) {
  put_u32(into, static_cast<std::uint32_t>(field.size()));
  into.append(field);
}

std::uint32_t record_sum(std::uint64_t salt, std::uint64_t offset, std::string_view body) {
  std::array<char, 16> seed{};
  std::memcpy(seed.data(), &salt, 8);
  std::memcpy(seed.data() + 8, &offset, 8);
  return crc32c(body, crc32c({seed.data(), seed.size()}));
}

// How many fields each type has: name, key, what.
std::optional<std::array<bool, 3>> fields_of(std::uint8_t type) {
  switch (static_cast<RecordType>(type)) {
    case RecordType::kBegin:
      return std::array{true, true, true};
    case RecordType::kStep:
      return std::array{false, true, true};
    case RecordType::kEnd:
      return std::array{false, true, false};
    case RecordType::kRemember:
      return std::array{true, true, false};
  }
  return std::nullopt;
}

// The fields of a record's body, when they fill it exactly.
std::optional<Record> parse_body(std::string_view body) {
  const auto has = fields_of(static_cast<std::uint8_t>(body[0]));
  if (!has) return std::nullopt;
  Record record{.type = static_cast<RecordType>(body[0]), .name = {}, .key = {}, .what = {}};
  const std::array<std::string_view*, 3> into{&record.name, &record.key, &record.what};
  body.remove_prefix(1);
  for (std::size_t i = 0; i < into.size(); ++i) {
    if (!(*has)[i]) continue;
    if (body.size() < 4) return std::nullopt;
    const std::uint32_t length = get_u32(body, 0);
    if (length > body.size() - 4) return std::nullopt;
    *into[i] = body.substr(4, length);
    body.remove_prefix(4 + std::size_t{length});
  }
  if (!body.empty()) return std::nullopt;
  return record;
}

// The body of the record at `offset` if one could lie there; its sum is not checked.
std::optional<std::string_view> body_at(std::string_view bytes, std::size_t offset) {
  if (bytes.size() - offset < kRecordHeaderBytes + 1) return std::nullopt;
  const std::uint32_t length = get_u32(bytes, offset);
  if (length == 0 || length > bytes.size() - offset - kRecordHeaderBytes) return std::nullopt;
  return bytes.substr(offset + kRecordHeaderBytes, length);
}

std::optional<Record> record_at(std::string_view bytes, std::size_t offset, std::uint64_t salt) {
  const auto body = body_at(bytes, offset);
  if (!body || record_sum(salt, offset, *body) != get_u32(bytes, offset + 4)) return std::nullopt;
  return parse_body(*body);
}

// Whether any valid record begins behind `offset`: then what lies at `offset` is damage, not a torn
// tail. The structure is looked at before the sum, so that the usual offset costs a few
// comparisons.
bool valid_record_behind(std::string_view bytes, std::size_t offset, std::uint64_t salt) {
  std::uint64_t summed = 0;
  while (++offset < bytes.size()) {
    const auto body = body_at(bytes, offset);
    if (!body || !parse_body(*body)) continue;
    if (record_sum(salt, offset, *body) == get_u32(bytes, offset + 4)) return true;
    summed += body->size();
    if (summed > kScanBytesMax) return true;
  }
  return false;
}

// A header that was being written when the process died: nothing was in this segment yet.
bool is_torn_header(std::string_view bytes) {
  if (bytes.size() >= kSegmentHeaderBytes) return false;
  std::string expected(kMagic);
  put_u32(expected, kVersion);
  const std::size_t fixed = std::min(bytes.size(), expected.size());
  return bytes.substr(0, fixed) == std::string_view(expected).substr(0, fixed);
}

Result<std::uint64_t> read_header(std::string_view bytes) {
  if (bytes.size() < kSegmentHeaderBytes || !bytes.starts_with(kMagic)) {
    return fail(Code::kCorrupt, "not a journal segment");
  }
  if (crc32c(bytes.substr(0, kSegmentHeaderBytes - 4)) != get_u32(bytes, kSegmentHeaderBytes - 4)) {
    return fail(Code::kCorrupt, "damaged segment header");
  }
  if (const std::uint32_t version = get_u32(bytes, kMagic.size()); version != kVersion) {
    return fail(Code::kConflict,
                fmt::format("journal version {} is newer than this program", version));
  }
  return get_u64(bytes, kMagic.size() + 4);
}

}  // namespace

std::string segment_header(std::uint64_t salt) {
  std::string header(kMagic);
  put_u32(header, kVersion);
  put_u32(header, static_cast<std::uint32_t>(salt));
  put_u32(header, static_cast<std::uint32_t>(salt >> 32));
  put_u32(header, crc32c(header));
  return header;
}

void append_record(std::string& into, std::uint64_t salt, std::uint64_t offset,
                   const Record& record) {
  const std::size_t start = into.size();
  into.append(kRecordHeaderBytes, '\0');
  into.push_back(static_cast<char>(record.type));
  const auto has = *fields_of(static_cast<std::uint8_t>(record.type));
  if (has[0]) put_field(into, record.name);
  if (has[1]) put_field(into, record.key);
  if (has[2]) put_field(into, record.what);
  const auto body = std::string_view(into).substr(start + kRecordHeaderBytes);
  const std::array<std::uint32_t, 2> head{static_cast<std::uint32_t>(body.size()),
                                          record_sum(salt, offset, body)};
  std::memcpy(into.data() + start, head.data(), kRecordHeaderBytes);
}

Result<void> JournalState::begin(const Record& record) {
  std::string id(record.key);
  if (!by_id_.emplace(id, next_).second) {
    return fail(Code::kCorrupt, fmt::format("entry {} is begun twice", id));
  }
  entries_.emplace(next_++,
                   Entry{std::string(record.name), std::move(id), {std::string(record.what)}});
  return {};
}

void JournalState::remember(const Record& record) {
  Keys& keys = sets_[std::string(record.name)];
  if (!keys.known.emplace(record.key).second) return;
  keys.order.emplace_back(record.key);
  if (keys.order.size() <= Journal::kept_max) return;
  keys.known.erase(keys.order.front());
  keys.order.pop_front();
}

Result<void> JournalState::apply(const Record& record) {
  if (record.type == RecordType::kBegin) return begin(record);
  if (record.type == RecordType::kRemember) {
    remember(record);
    return {};
  }
  const auto found = by_id_.find(std::string(record.key));
  if (found == by_id_.end()) {
    return fail(Code::kCorrupt, fmt::format("entry {} was never begun", record.key));
  }
  if (record.type == RecordType::kStep) {
    entries_.at(found->second).steps.emplace_back(record.what);
  } else {
    entries_.erase(found->second);
    by_id_.erase(found);
  }
  return {};
}

bool JournalState::contains(std::string_view id) const { return by_id_.contains(std::string(id)); }

bool JournalState::remembers(std::string_view set, std::string_view key) const {
  const auto found = sets_.find(set);
  return found != sets_.end() && found->second.known.contains(std::string(key));
}

Result<Recovered> recover_segment(std::string_view bytes) {
  Recovered recovered;
  if (is_torn_header(bytes)) return recovered;
  SKEP_TRY(recovered.salt, read_header(bytes));
  std::size_t offset = kSegmentHeaderBytes;
  while (offset < bytes.size()) {
    const auto record = record_at(bytes, offset, recovered.salt);
    if (!record) break;
    if (auto applied = recovered.state.apply(*record); !applied) {
      return fail(std::move(applied).error().in(fmt::format("record at offset {}", offset)));
    }
    offset += kRecordHeaderBytes + get_u32(bytes, offset);
  }
  if (offset < bytes.size() && valid_record_behind(bytes, offset, recovered.salt)) {
    return fail(Code::kCorrupt, fmt::format("damaged record at offset {}", offset));
  }
  recovered.whole_bytes = offset;
  return recovered;
}

}  // namespace skep::store
