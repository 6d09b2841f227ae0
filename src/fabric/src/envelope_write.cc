#include <fmt/format.h>

#include <array>
#include <iterator>
#include <span>
#include <utility>

#include "frame_header.h"
#include "skep/base/json.h"
#include "skep/fabric/envelope.h"

namespace skep::fabric {
namespace {

// Puts `text` in the place of a range of the JSON.
struct Edit {
  EnvelopeView::Range at;
  std::string_view text;
};

void append_routing_head(std::string& head, const Stamp& stamp) {
  if (!stamp.src_name.empty()) {
    head += R"("src_l2_name":)";
    append_json_string(head, stamp.src_name);
    head += ',';
  }
  if (stamp.vpn) fmt::format_to(std::back_inserter(head), R"("vpn":{},)", *stamp.vpn);
}

void append_meta_head(std::string& head, const EnvelopeView& view, const Stamp& stamp) {
  if (stamp.thread_seq && !view.has_thread_seq)
    fmt::format_to(std::back_inserter(head), R"("thread_seq":{},)", *stamp.thread_seq);
  if (!stamp.action_class.empty() && !view.has_action_class) {
    head += R"("action_class":)";
    append_json_string(head, stamp.action_class);
    head += ',';
  }
}

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

// What is spliced in, one after the other, with the ends of the pieces. Keeps its memory.
struct Pieces {
  std::string text;
  std::array<std::size_t, 4> ends{};
  [[nodiscard]] std::string_view piece(std::size_t index) const {
    const std::size_t begin = index == 0 ? 0 : ends[index - 1];
    return std::string_view(text).substr(begin, ends[index] - begin);
  }
};

void make_pieces(Pieces& out, const EnvelopeView& view, const Stamp& stamp) {
  out.text.clear();
  append_routing_head(out.text, stamp);
  out.ends[0] = out.text.size();
  append_meta_head(out.text, view, stamp);
  out.ends[1] = out.text.size();
  fmt::format_to(std::back_inserter(out.text), "{}", stamp.ttl);
  out.ends[2] = out.text.size();
  if (stamp.dst) append_json_string(out.text, *stamp.dst);
  out.ends[3] = out.text.size();
}

}  // namespace

void append_stamped(std::string& out, const EnvelopeView& view, const Stamp& stamp) {
  thread_local Pieces pieces;  // a stamp allocates nothing
  make_pieces(pieces, view, stamp);
  // Neither object is ever empty, so a comma may end what goes in front.
  std::array<Edit, 6> edits{{{behind_brace(view.routing_at), pieces.piece(0)},
                             {behind_brace(view.meta_at), pieces.piece(1)},
                             {view.ttl_at, pieces.piece(2)},
                             {view.src_name_at, {}},
                             {view.vpn_at, {}},
                             {{}, {}}}};
  if (stamp.dst) edits[5] = {view.dst_at, pieces.piece(3)};
  sort_by_place(edits);
  const std::size_t header = begin_frame(out, view.json.size() + pieces.text.size());
  std::uint32_t copied = 0;
  for (const Edit& edit : edits) {
    out += view.json.substr(copied, edit.at.begin - copied);
    out += edit.text;
    copied = edit.at.end;
  }
  out += view.json.substr(copied);
  end_frame(out, header);
}

}  // namespace skep::fabric
