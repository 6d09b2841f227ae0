// Frames of one sender look alike: the same members in the same order, texts of the same lengths.
// What was learned from one frame tells of the next, sixteen bytes at a time, whether all that
// gives it its structure is the same and all that may differ is plain text; then every member
// stands where it stood. Only the payload is read anew.
#include <algorithm>
#include <vector>

#include "byte_block.h"
#include "envelope_parts.h"
#include "json_scan.h"
#include "skep/base/text.h"

namespace skep::fabric {
namespace {

constexpr std::size_t kHeadBytesMax = 1'024;   // a longer head is not worth the memory
constexpr std::size_t kPayloadBytesMax = 256;  // of a payload beside its longest text
constexpr std::size_t kLayouts = 4;
constexpr std::size_t kUuidBytes = 36;
constexpr unsigned kPatience = 8;      // layouts learned for nothing, one after the other
constexpr unsigned kLearnSeldom = 64;  // then every so many frames

using Text = std::string_view EnvelopeView::*;
constexpr Text kTexts[] = {
    &EnvelopeView::src_name,  &EnvelopeView::trace,  &EnvelopeView::type,
    &EnvelopeView::msg,       &EnvelopeView::target, &EnvelopeView::scope,
    &EnvelopeView::thread_id, &EnvelopeView::id,     &EnvelopeView::meta,
};

// One block of a head. Bytes of neither mask are the payload's.
struct Expected {
  Block bytes;    // as they were
  Block same;     // these must be the same
  Block plain;    // these are inside texts: anything plain and ASCII
  Block numeral;  // these are digits behind a first one
};

BlockTruth differs(Block bytes, const Expected& expected) {
  const auto truth = [](Block mask) { return std::bit_cast<BlockTruth>(mask); };
  const BlockTruth other = bytes != expected.bytes;
  const BlockTruth odd = ends_plain(bytes) | not_ascii(bytes);
  const BlockTruth no_digit = (bytes - '0') > 9;
  return (other & truth(expected.same)) | (odd & truth(expected.plain)) |
         (no_digit & truth(expected.numeral));
}

// How the part of a frame before its payload is laid out.
class Layout {
 public:
  void learn(const EnvelopeView& view, const EnvelopeNotes& notes);
  [[nodiscard]] bool fits(std::string_view json) const;
  // Of a frame that fits. False: it has to be read the other way.
  bool read(std::string_view json, EnvelopeView& view) const;
  unsigned used = 0;  // when last

 private:
  void learn_payload(const EnvelopeView& view);
  [[nodiscard]] bool same_payload(JsonScan& scan, std::string_view& words) const;

  std::vector<Expected> blocks_;
  std::uint32_t payload_begin_ = 0, src_begin_ = 0;
  std::array<char, kUuidBytes> src_{};  // the text of view_.src
  EnvelopeView view_;                   // its texts are gone
  std::array<EnvelopeView::Range, std::size(kTexts)> texts_;
  // Of a payload whose longest text alone differs from frame to frame: what stands before and
  // behind that text, to the frame's end.
  std::string before_, behind_;
  std::uint32_t behind_payload_ = 0;  // bytes of behind_
  bool is_words_ = false;             // the payload is that text and nothing else
};

std::string_view longest_text(std::string_view payload) {
  std::string_view longest;
  for (std::size_t at = payload.find('"'); at != std::string_view::npos;) {
    JsonScan scan(payload, at);
    std::string_view text;
    if (!scan.string(text)) break;
    if (text.data() != nullptr && text.size() >= longest.size()) longest = text;
    at = payload.find('"', scan.offset());
  }
  return longest;
}

void set(std::vector<Expected>& blocks, Block Expected::* mask, std::size_t begin,
         std::size_t end) {
  for (std::size_t i = begin; i < end; ++i) (blocks[i / kBlockBytes].*mask)[i % kBlockBytes] = 0xff;
}

void Layout::learn(const EnvelopeView& view, const EnvelopeNotes& notes) {
  payload_begin_ = notes.payload_begin;
  src_begin_ = notes.src_begin;
  view_ = view;
  view.json.copy(src_.data(), kUuidBytes, src_begin_);
  for (std::size_t i = 0; i < std::size(kTexts); ++i) {
    const std::string_view text = view.*kTexts[i];
    const auto begin =
        text.empty() ? 0 : static_cast<std::uint32_t>(text.data() - view.json.data());
    texts_[i] = {begin, begin + static_cast<std::uint32_t>(text.size())};
  }
  blocks_.assign((payload_begin_ + kBlockBytes - 1) / kBlockBytes, Expected{});
  for (std::size_t i = 0; i < payload_begin_; ++i) {
    blocks_[i / kBlockBytes].bytes[i % kBlockBytes] = static_cast<unsigned char>(view.json[i]);
  }
  std::size_t at = 0;
  for (std::size_t i = 0; i < notes.count; ++i) {  // in their order
    const EnvelopeNotes::Free& free = notes.free[i];
    set(blocks_, &Expected::same, at, free.begin);
    set(blocks_, free.digits ? &Expected::numeral : &Expected::plain, free.begin, free.end);
    at = free.end;
  }
  set(blocks_, &Expected::same, at, payload_begin_);
  learn_payload(view);
}

void Layout::learn_payload(const EnvelopeView& view) {
  before_.clear();
  behind_.clear();
  const std::string_view text = longest_text(view.payload);
  if (text.empty()) return;
  const char* end = view.json.data() + view.json.size();
  const std::string_view before(view.payload.data(), text.data());
  const std::string_view behind(text.data() + text.size() + 1, end);
  if (before.size() + behind.size() > kPayloadBytesMax) return;
  before_ = before.substr(0, before.size() - 1);  // without the quote
  behind_ = behind;
  behind_payload_ = static_cast<std::uint32_t>(end - view.payload.data() - view.payload.size());
  is_words_ =
      before_ == kBeforeWords && behind.substr(0, behind.size() - behind_payload_) == kBehindWords;
}

bool Layout::same_payload(JsonScan& scan, std::string_view& words) const {
  std::string_view text;
  const bool same = !behind_.empty() && scan.literal(before_) && scan.string(text) &&
                    scan.literal(behind_) && scan.done();
  if (same && is_words_ && !scan.escaped()) words = text;
  return same;
}

bool Layout::fits(std::string_view json) const {
  const std::size_t bytes = blocks_.size() * kBlockBytes;
  if (bytes == 0 || json.size() < bytes) return false;  // a payload of less than a block: as ever
  BlockTruth bad{};
  const char* at = json.data();
  for (const Expected& expected : blocks_) {
    bad |= differs(load_block(at), expected);
    at += kBlockBytes;
  }
  return bits_of(bad) == 0;
}

bool Layout::read(std::string_view json, EnvelopeView& view) const {
  JsonScan scan(json, payload_begin_);
  std::size_t payload_end = json.size() - behind_payload_;
  std::string_view words;
  if (!same_payload(scan, words)) {
    scan = JsonScan(json, payload_begin_);
    if (!scan.value(1)) return false;
    payload_end = scan.offset();
    scan.space();
    if (!scan.take('}') || (scan.space(), !scan.done())) return false;
  }
  if (scan.non_ascii() && !is_valid_utf8(json.substr(payload_begin_))) return false;
  view = view_;
  view.json = json;
  for (std::size_t i = 0; i < std::size(kTexts); ++i)
    view.*kTexts[i] = json.substr(texts_[i].begin, texts_[i].end - texts_[i].begin);
  view.payload = json.substr(payload_begin_, payload_end - payload_begin_);
  view.words = words;
  if (view.to != EnvelopeView::To::kNull)
    set_destination(view,
                    json.substr(view.dst_at.begin + 1, view.dst_at.end - view.dst_at.begin - 2));
  const std::string_view src = json.substr(src_begin_, kUuidBytes);
  if (std::memcmp(src.data(), src_.data(), kUuidBytes) == 0) return true;
  return parse_uuid(src, view.src.uuid);
}

}  // namespace

struct EnvelopeReader::Layouts {
  EnvelopeView view;  // of the last frame
  std::array<Layout, kLayouts> layouts;
  std::size_t last = 0;  // that fitted
  unsigned clock = 0;    // frames
  unsigned in_vain = 0;  // layouts learned since one fitted

  bool read(std::string_view json) {
    ++clock;
    for (std::size_t i = 0; i < kLayouts; ++i) {
      const std::size_t at = (last + i) % kLayouts;
      Layout& layout = layouts[at];
      if (!layout.fits(json)) continue;
      if (!layout.read(json, view)) return false;
      layout.used = clock;
      last = at;
      in_vain = 0;
      return true;
    }
    return false;
  }

  // A sender whose frames never look alike costs no more than the looking.
  [[nodiscard]] bool learns() const { return in_vain < kPatience || clock % kLearnSeldom == 0; }

  void learn(const EnvelopeNotes& notes) {
    if (notes.payload_begin == 0 || notes.payload_begin > kHeadBytesMax || !notes.ascii_head)
      return;
    if (notes.count == EnvelopeNotes::kFreeMax) return;
    ++in_vain;
    const auto oldest = std::ranges::min_element(layouts, {}, &Layout::used);
    oldest->learn(view, notes);
    oldest->used = clock;
    last = static_cast<std::size_t>(oldest - layouts.begin());
  }
};

EnvelopeReader::EnvelopeReader() = default;
EnvelopeReader::~EnvelopeReader() = default;
EnvelopeReader::EnvelopeReader(EnvelopeReader&&) noexcept = default;
EnvelopeReader& EnvelopeReader::operator=(EnvelopeReader&&) noexcept = default;

Result<const EnvelopeView*> EnvelopeReader::read(std::string_view json) {
  if (!layouts_) layouts_ = std::make_unique<Layouts>();
  EnvelopeView& view = layouts_->view;
  if (layouts_->read(json)) return &view;
  if (!layouts_->learns()) {
    SKEP_TRY(view, read_envelope(json));
    return &view;
  }
  EnvelopeNotes notes;
  SKEP_TRY(view, read_envelope(json, &notes));
  layouts_->learn(notes);
  return &view;
}

void EnvelopeReader::forget() { layouts_.reset(); }

}  // namespace skep::fabric
