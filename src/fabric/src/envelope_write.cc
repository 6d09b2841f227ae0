#include <array>
#include <charconv>
#include <cstring>
#include <span>
#include <utility>

#include "frame_header.h"
#include "skep/base/json.h"
#include "skep/fabric/envelope.h"

namespace skep::fabric {
namespace {

// What stands in the place of a range of the JSON.
struct Edit {
  enum class Put : std::uint8_t { kNothing, kRoutingHead, kMetaHead, kTtl, kDst } put;
  EnvelopeView::Range at;
};

constexpr std::size_t kMembersBytesMax = 128;  // names of the members spliced in, and numbers

EnvelopeView::Range behind_brace(EnvelopeView::Range object) {
  return {object.begin + 1, object.begin + 1};
}

// Stable, for what goes in front stands before a member that is taken off from the same place; and
// six are sorted faster by hand than by anything general.
void sort_by_place(std::span<Edit> edits) {
  for (std::size_t i = 1; i < edits.size(); ++i) {
    for (std::size_t j = i; j > 0 && edits[j].at.begin < edits[j - 1].at.begin; --j)
      std::swap(edits[j], edits[j - 1]);
  }
}

// Writes where there is room for all of it: twenty small appends to a string cost more than the
// payload's copy.
class Writer {
 public:
  Writer(char* to, const EnvelopeView& view, const Stamp& stamp, std::string_view dst)
      : at_(to), view_(view), stamp_(stamp), dst_(dst) {}

  void put(Edit::Put what) {
    switch (what) {
      case Edit::Put::kNothing:
        break;
      case Edit::Put::kRoutingHead:
        return routing_head();
      case Edit::Put::kMetaHead:
        return meta_head();
      case Edit::Put::kTtl:
        return number(stamp_.ttl);
      case Edit::Put::kDst:
        return text(dst_);
    }
  }
  void text(std::string_view bytes) {
    std::memcpy(at_, bytes.data(), bytes.size());
    at_ += bytes.size();
  }
  [[nodiscard]] char* end() const { return at_; }

 private:
  // Neither object is ever empty, so a comma may end what goes in front.
  void routing_head() {
    if (!stamp_.src_name.empty()) {
      text(R"("src_l2_name":")");
      text(stamp_.src_name);
      text(R"(",)");
    }
    if (!stamp_.vpn) return;
    text(R"("vpn":)");
    number(*stamp_.vpn);
    text(",");
  }
  void meta_head() {
    if (stamp_.thread_seq && !view_.has_thread_seq) {
      text(R"("thread_seq":)");
      number(*stamp_.thread_seq);
      text(",");
    }
    if (stamp_.action_class.empty() || view_.has_action_class) return;
    text(R"("action_class":")");
    text(stamp_.action_class);
    text(R"(",)");
  }
  void number(std::uint64_t value) { at_ = std::to_chars(at_, at_ + 20, value).ptr; }

  char* at_;
  const EnvelopeView& view_;
  const Stamp& stamp_;
  std::string_view dst_;
};

}  // namespace

void append_stamped(std::string& out, const EnvelopeView& view, const Stamp& stamp) {
  using Put = Edit::Put;
  std::array<Edit, 6> place{{{Put::kRoutingHead, behind_brace(view.routing_at)},
                             {Put::kTtl, view.ttl_at},
                             {Put::kMetaHead, behind_brace(view.meta_at)}}};
  std::size_t count = 3;
  for (const EnvelopeView::Range taken_off : {view.src_name_at, view.vpn_at}) {
    if (taken_off.end > 0) place[count++] = {Put::kNothing, taken_off};
  }
  std::string dst;
  if (stamp.dst) {
    append_json_string(dst, *stamp.dst);
    place[count++] = {Put::kDst, view.dst_at};
  }
  const std::span<Edit> edits(place.data(), count);
  sort_by_place(edits);
  const std::size_t bytes_max = view.json.size() + stamp.src_name.size() +
                                stamp.action_class.size() + dst.size() + kMembersBytesMax;
  const std::size_t header = begin_frame(out, bytes_max);
  const std::size_t begin = out.size();
  out.resize_and_overwrite(begin + bytes_max, [&](char* bytes, std::size_t) {
    Writer writer(bytes + begin, view, stamp, dst);
    std::uint32_t copied = 0;
    for (const Edit& edit : edits) {
      writer.text(view.json.substr(copied, edit.at.begin - copied));
      writer.put(edit.put);
      copied = edit.at.end;
    }
    writer.text(view.json.substr(copied));
    return static_cast<std::size_t>(writer.end() - bytes);
  });
  end_frame(out, header);
}

}  // namespace skep::fabric
