// The sender hears what became of a message that could not go on.
#include "core_impl.h"

namespace skep::fabric {
namespace {

constexpr std::uint8_t kSystemTtl = 16;

std::string destination_text(const EnvelopeView& view) {
  if (view.to == EnvelopeView::To::kNode) return view.dst_node.uuid.str();
  if (view.to == EnvelopeView::To::kNull) return "null";
  return std::string(view.dst_text);
}

bool is_told(Drop why) {
  switch (why) {
    case Drop::kSpoofed:
    case Drop::kMalformed:
    case Drop::kRouteDrop:
    case Drop::kDuplicate:
    case Drop::kForeign:
      return false;
    default:
      return true;
  }
}

Message report_of(const Core::Config& router, const EnvelopeView& view, Drop why,
                  const std::optional<Error>& refusal) {
  const bool ttl = why == Drop::kTtlExceeded;
  Message report;
  report.id = MessageId(mint_ulid());
  report.trace = view.trace;
  report.src = router.id;
  report.src_name = router.name;
  report.dst = view.src;
  report.ttl = kSystemTtl;
  report.kind = Kind::kSystem;
  report.action = ttl ? "TTL_EXCEEDED" : "UNREACHABLE";
  report.in_reply_to = MessageId(std::string(view.id));
  json::object payload{{"original_dst", destination_text(view)}, {"reason", drop_reason(why)}};
  if (ttl) payload["last_hop"] = router.name.str();
  if (refusal) payload["message"] = refusal->message;
  report.payload = to_json(payload);
  return report;
}

}  // namespace

void Core::Impl::report(const Origin& from, const Packet& packet, Drop why) {
  if (packet.is_system() || !is_told(why)) return;
  const NodeAt* sender = table.find(packet.view().src);
  const bool here = sender != nullptr && sender->where == NodeAt::Where::kHere;
  Exit* back = here ? exit_of(*sender) : from.exit;
  if (back == nullptr) return;
  Message report = report_of(config, packet.view(), why, packet.refusal);
  if (const Message* cause = packet.as_message()) report.conversation = cause->conversation;
  // A node in this process reads the fields of a Message, others the payload.
  report.meta["original_dst"] = destination_text(packet.view());
  report.meta["reason"] = drop_reason(why);
  if (why == Drop::kTtlExceeded) report.meta["last_hop"] = config.name.str();
  Packet answer(std::move(report));
  answer.stamp.src_name = config.name.str();
  if (auto handed = hand_over(*back, answer, Drop::kNodeNotFound); !handed) count(handed.error());
}

}  // namespace skep::fabric
