#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "frame_header.h"
#include "skep/base/json.h"
#include "skep/fabric/envelope.h"

namespace skep::fabric {
namespace {

// Puts `text` in the place of a range of the JSON.
struct Edit {
  EnvelopeView::Range at;
  std::string text;
};

std::string routing_head(const Stamp& stamp) {
  std::string head;
  if (!stamp.src_name.empty()) {
    head += R"("src_l2_name":)";
    append_json_string(head, stamp.src_name);
    head += ',';
  }
  if (stamp.vpn) fmt::format_to(std::back_inserter(head), R"("vpn":{},)", *stamp.vpn);
  return head;
}

std::string meta_head(const EnvelopeView& view, const Stamp& stamp) {
  std::string head;
  if (stamp.thread_seq && !view.has_thread_seq)
    fmt::format_to(std::back_inserter(head), R"("thread_seq":{},)", *stamp.thread_seq);
  if (!stamp.action_class.empty() && !view.has_action_class) {
    head += R"("action_class":)";
    append_json_string(head, stamp.action_class);
    head += ',';
  }
  return head;
}

EnvelopeView::Range behind_brace(EnvelopeView::Range object) {
  return {object.begin + 1, object.begin + 1};
}

std::string quoted(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

}  // namespace

void append_stamped(std::string& out, const EnvelopeView& view, const Stamp& stamp) {
  // Neither object is ever empty, so a comma may end what goes in front.
  std::array<Edit, 6> edits{{{behind_brace(view.routing_at), routing_head(stamp)},
                             {behind_brace(view.meta_at), meta_head(view, stamp)},
                             {view.ttl_at, std::to_string(stamp.ttl)},
                             {view.src_name_at, {}},
                             {view.vpn_at, {}},
                             {{}, {}}}};
  if (stamp.dst) edits[5] = {view.dst_at, quoted(*stamp.dst)};
  // Stable: what goes in front stands before a member that is taken off from the same place.
  std::ranges::stable_sort(edits, {}, [](const Edit& edit) { return edit.at.begin; });
  const std::size_t header = begin_frame(out, view.json.size() + kStampBytesMax);
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
