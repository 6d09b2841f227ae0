// Envelopes: what is read can be stamped, and what was stamped reads the same but for the stamp; a
// Message made from one can be written again.
#include <cstdlib>

#include "skep/base/json.h"
#include "skep/base/text.h"
#include "skep/fabric/envelope.h"

namespace {

using namespace skep;
using namespace skep::fabric;

void expect(bool good) {
  if (!good) std::abort();
}

void stamp_and_read_again(const EnvelopeView& view) {
  const Stamp stamp{.src_name = "AI.stamped@h",
                    .vpn = 7,
                    .ttl = 3,
                    .dst = "AI.new@h",
                    .thread_seq = 9,
                    .action_class = "send_message"};
  std::string out;
  append_stamped(out, view, stamp);
  expect(out.size() <= kFrameHeaderBytes + view.json.size() + kStampBytesMax);
  Result<EnvelopeView> again = read_envelope(std::string_view(out).substr(kFrameHeaderBytes));
  expect(again.has_value());
  expect(again->payload == view.payload && again->src == view.src && again->trace == view.trace);
  expect(again->src_name == stamp.src_name && again->vpn == 7 && again->ttl == 3);
  expect(again->dst_text == "AI.new@h" && again->has_thread_seq && again->has_action_class);
  expect(again->type == view.type && again->msg == view.msg && again->id == view.id);
  expect(again->target == view.target && again->scope == view.scope && again->ack == view.ack);
  expect(again->meta.ends_with(view.meta.substr(1)));
}

void write_again(const EnvelopeView& view) {
  Result<Message> message = message_from_envelope(view);
  if (!message) return;
  std::string out;
  if (!append_frame(out, *message, {.ttl = message->ttl})) return expect(out.empty());
  Result<EnvelopeView> again = read_envelope(std::string_view(out).substr(kFrameHeaderBytes));
  if (!again) return expect(again.error().code == Code::kInvalid);  // an id that needs escapes
  expect(again->src == view.src && again->ttl == view.ttl);
}

// What was remembered of the inputs before, which differ little, changes nothing.
void read_with_memory(std::string_view text, const Result<EnvelopeView>& view) {
  static EnvelopeReader reader;
  const Result<const EnvelopeView*> quick = reader.read(text);
  expect(quick.has_value() == view.has_value());
  if (!view) return expect(quick.error().message == view.error().message);
  const EnvelopeView& a = *view;
  const EnvelopeView& b = **quick;
  const auto same = [](EnvelopeView::Range x, EnvelopeView::Range y) {
    return x.begin == y.begin && x.end == y.end;
  };
  expect(a.src == b.src && a.to == b.to && a.dst_node == b.dst_node && a.dst_text == b.dst_text);
  expect(a.src_name == b.src_name && a.ttl == b.ttl && a.vpn == b.vpn && a.trace == b.trace);
  expect(a.type == b.type && a.msg == b.msg && a.target == b.target && a.scope == b.scope);
  expect(a.thread_id == b.thread_id && a.id == b.id && a.ack == b.ack);
  expect(a.has_thread_seq == b.has_thread_seq && a.has_action_class == b.has_action_class);
  expect(a.meta == b.meta && a.payload == b.payload && a.json == b.json);
  expect(same(a.routing_at, b.routing_at) && same(a.meta_at, b.meta_at));
  expect(same(a.ttl_at, b.ttl_at) && same(a.dst_at, b.dst_at));
  expect(same(a.src_name_at, b.src_name_at) && same(a.vpn_at, b.vpn_at));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  Result<EnvelopeView> view = read_envelope(text);
  read_with_memory(text, view);
  if (!view) return 0;
  expect(is_valid_utf8(text) && view->json == text);
  stamp_and_read_again(*view);
  write_again(*view);
  return 0;
}
