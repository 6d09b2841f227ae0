#include "turn_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "skep/base/json.h"
#include "skep/base/text.h"

namespace skep::fabric {

namespace {

constexpr std::size_t kSumDigits = 8, kReadBytes = 256u << 10;
constexpr std::string_view kSuffix = ".turns";

std::string sum_of(std::string_view text) { return hex_encode(sha256(text)).substr(0, kSumDigits); }

std::string line_of(const Turns::Turn& turn) {
  std::string text = "[";
  append_json_string(text, turn.id);
  text += ',';
  append_json_string(text, turn.envelope);
  text += ']';
  return sum_of(text) + " " + text;
}

Result<Turns::Turn> turn_of(std::string_view line) {
  const bool shaped = line.size() > kSumDigits && line[kSumDigits] == ' ';
  const std::string_view text = shaped ? line.substr(kSumDigits + 1) : std::string_view();
  if (!shaped || sum_of(text) != line.substr(0, kSumDigits))
    return fail(Code::kCorrupt, "a line of the turns is damaged");
  SKEP_TRY(const json::value value, parse_json(text));
  const json::array* pair = value.if_array();
  if (pair == nullptr || pair->size() != 2 || !pair->at(0).is_string() || !pair->at(1).is_string())
    return fail(Code::kCorrupt, "a line of the turns is damaged");
  return Turns::Turn{std::string(pair->at(0).get_string()), std::string(pair->at(1).get_string())};
}

std::optional<std::uint64_t> number_of(const std::filesystem::path& file) {
  if (file.extension() != kSuffix) return std::nullopt;
  const std::string stem = file.stem();
  std::uint64_t number = 0;
  const auto read = std::from_chars(stem.data(), stem.data() + stem.size(), number);
  if (read.ec != std::errc() || read.ptr != stem.data() + stem.size()) return std::nullopt;
  return number;
}

}  // namespace

std::string TurnFiles::path_of(std::uint64_t first) const {
  return fmt::format("{}/{:020}{}", directory_, first, kSuffix);
}

Result<TurnFiles> TurnFiles::open(std::string directory, std::uint64_t bytes_max,
                                  store::Sync sync) {
  SKEP_TRY_VOID(store::make_directories(directory));
  TurnFiles files(std::move(directory), bytes_max, sync);
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(files.directory_, error)) {
    if (const auto first = number_of(entry.path()))
      files.segments_.push_back({*first, entry.file_size(error)});
  }
  if (error) return fail(errno_error("reading " + files.directory_, error.value()));
  std::ranges::sort(files.segments_, {}, &Segment::first);
  if (files.segments_.empty()) {
    SKEP_TRY_VOID(files.begin_segment());
    return files;
  }
  Segment& last = files.segments_.back();
  SKEP_TRY(files.file_, store::AppendFile::open(files.path_of(last.first), sync));
  last.bytes = files.file_->size();
  SKEP_TRY(const std::string text, store::read_file(files.path_of(last.first)));
  files.next_ = last.first + static_cast<std::uint64_t>(std::ranges::count(text, '\n'));
  for (const Segment& segment : files.segments_) files.bytes_ += segment.bytes;
  return files;
}

Result<void> TurnFiles::begin_segment() {
  SKEP_TRY(store::AppendFile file, store::AppendFile::open(path_of(next_), sync_));
  file_ = std::move(file);
  segments_.push_back({next_, 0});
  return {};
}

std::uint64_t TurnFiles::first() const { return segments_.front().first; }

Result<std::uint64_t> TurnFiles::append(const Turns::Turn& turn) {
  const std::string line = line_of(turn);
  if (line.size() > kTurnBytesMax)
    return fail(Code::kTooLarge,
                fmt::format("a turn of {} bytes is over {}", line.size(), kTurnBytesMax));
  if (bytes_ + line.size() + 1 > bytes_max_)
    return fail(Code::kExhausted,
                fmt::format("{} holds {} bytes of turns that are not taken; no more than {} are "
                            "kept (streams.bytes_max)",
                            directory_, bytes_, bytes_max_));
  if (segments_.back().bytes > 0 && segments_.back().bytes + line.size() > kSegmentBytes)
    SKEP_TRY_VOID(begin_segment());
  SKEP_TRY_VOID(file_->append(line));
  segments_.back().bytes += line.size() + 1;
  bytes_ += line.size() + 1;
  return next_++;
}

void TurnFiles::forget_below(std::uint64_t number) {
  while (segments_.size() > 1 && segments_[1].first <= number) {
    ::unlink(path_of(segments_.front().first).c_str());
    bytes_ -= segments_.front().bytes;
    segments_.pop_front();
  }
}

std::vector<std::string> TurnFiles::newest_ids(std::size_t count) const {
  const std::uint64_t from = last() >= count ? last() - count + 1 : 1;
  Reader reader(*this, std::max(from, first()));
  std::vector<std::string> ids;
  while (true) {
    auto turn = reader.read();
    if (!turn && turn.error().code == Code::kCorrupt) continue;  // passed over
    if (!turn || !*turn) return ids;
    ids.push_back(std::move((*turn)->id));
  }
}

// More of the segment that holds `next_`.
Result<void> TurnFiles::Reader::refill() {
  const auto& segments = files_.segments_;
  const auto after = std::ranges::upper_bound(segments, next_, {}, &Segment::first);
  const Segment& segment = after == segments.begin() ? segments.front() : *std::prev(after);
  const bool moved = segment.first != segment_;
  std::uint64_t to_skip = 0;
  if (moved) {
    next_ = std::max(next_, segment.first);
    to_skip = next_ - segment.first;
    segment_ = segment.first;
    offset_ = 0;
    ahead_.clear();
  } else {
    offset_ += at_;
    ahead_.erase(0, at_);
  }
  at_ = 0;
  const int fd = ::open(files_.path_of(segment_).c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return fail(errno_error("reading " + files_.path_of(segment_), errno));
  while (true) {
    for (std::size_t end; to_skip > 0 && (end = ahead_.find('\n', at_)) != std::string::npos;)
      at_ = end + 1, --to_skip;
    if (to_skip == 0 && ahead_.find('\n', at_) != std::string::npos) break;
    const std::size_t had = ahead_.size();
    ahead_.resize(had + kReadBytes);
    const ssize_t got =
        ::pread(fd, ahead_.data() + had, kReadBytes, static_cast<off_t>(offset_ + had));
    ahead_.resize(had + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got <= 0) break;
  }
  ::close(fd);
  return {};
}

Result<std::optional<Turns::Turn>> TurnFiles::Reader::read() {
  if (next_ > files_.last()) return std::nullopt;
  std::size_t end = ahead_.find('\n', at_);
  if (end == std::string::npos) {
    SKEP_TRY_VOID(refill());
    end = ahead_.find('\n', at_);
  }
  if (end == std::string::npos) return fail(Code::kUnavailable, "a segment of turns is short");
  const std::string_view line = std::string_view(ahead_).substr(at_, end - at_);
  at_ = end + 1;
  ++next_;
  SKEP_TRY(Turns::Turn turn, turn_of(line));
  return turn;
}

}  // namespace skep::fabric
