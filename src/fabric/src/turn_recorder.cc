// Turns as nodes of this router take them.
#include <deque>

#include "core.h"
#include "skep/base/log.h"
#include "skep/base/text.h"
#include "skep/fabric/turns.h"

namespace skep::fabric {

namespace {

// `envelope` with `outcome` in its meta, whatever the sender put there; all else as it stands.
Result<std::string> with_outcome(const std::string& envelope, json::object outcome) {
  SKEP_TRY(const EnvelopeView view, read_envelope(envelope));
  SKEP_TRY(json::value meta, parse_json(view.meta));
  if (!meta.is_object()) return fail(Code::kInvalid, "meta is no object");
  meta.as_object()["outcome"] = std::move(outcome);
  std::string out = envelope.substr(0, view.meta_at.begin);
  out += to_json(meta);
  out += std::string_view(envelope).substr(view.meta_at.end);
  return out;
}

// By the sender's name, for its UUID may be another after a restart, when it says again what it may
// have said before.
std::string turn_id(std::string_view sender, std::string_view message) {
  constexpr std::size_t kBytesMax = 256;
  std::string id = fmt::format("{}/{}", sender, message.empty() ? mint_ulid() : message);
  return id.size() <= kBytesMax ? id : hex_encode(sha256(id));
}

class Recorder final : public TurnRecorder, public Witness {
 public:
  Recorder(Router& router, Turns& turns) : core_(router.core()), turns_(turns) {
    core_.set_witness(this);
  }
  ~Recorder() override { core_.set_witness(nullptr); }

  std::uint64_t begins(const NodeAt& to, const Packet& packet) override {
    Open open{.turn = record(to, packet)};
    open_.push_back(std::move(open));
    return first_ + open_.size() - 1;
  }

  // A receiver that answers before it returns has its answer behind the question.
  void ends(std::uint64_t number, bool taken) override {
    Open& ended = open_[number - first_];
    ended.done = true;
    if (!taken) ended.turn = std::nullopt;
    while (!open_.empty() && open_.front().done) {
      if (open_.front().turn) keep(*std::move(open_.front().turn));
      open_.pop_front();
      ++first_;
    }
  }

 private:
  struct Open {
    std::optional<Result<Turns::Turn>> turn;
    bool done = false;
  };

  Result<Turns::Turn> record(const NodeAt& to, const Packet& packet) const {
    json::object outcome{{"result", "delivered"},
                         {"name", to.name.str()},
                         {"node", to.id.uuid.str()},
                         {"router", core_.config().name.str()},
                         {"at", format_rfc3339(Clock::system().now(), true)}};
    SKEP_TRY(const std::string envelope, packet.envelope());
    SKEP_TRY(std::string text, with_outcome(envelope, std::move(outcome)));
    const EnvelopeView& view = packet.view();
    const bool to_all = view.to == EnvelopeView::To::kBroadcast;
    const std::string_view id = to_all ? packet.known_by() : view.id;
    return Turns::Turn{.id = turn_id(packet.stamp.src_name, id), .envelope = std::move(text)};
  }

  void keep(Result<Turns::Turn> turn) {
    auto kept = turn ? turns_.append(*std::move(turn)) : std::unexpected(turn.error());
    const std::string problem = kept ? std::string() : kept.error().message;
    if (std::exchange(problem_, problem) != problem && !kept)
      log::warn("fabric", "turns are delivered, but not kept for storage: {}", problem);
  }

  Core& core_;
  Turns& turns_;
  std::deque<Open> open_;    // handed over right now: more than one when receivers send
  std::uint64_t first_ = 0;  // the number of the first of them
  std::string problem_;
};

}  // namespace

std::unique_ptr<TurnRecorder> TurnRecorder::open(Router& router, Turns& turns) {
  return std::make_unique<Recorder>(router, turns);
}

void number_threads(Router& router, ThreadSeq* seq) {
  if (seq == nullptr) return router.core().set_thread_seq({});
  router.core().set_thread_seq([seq](std::string_view thread) { return seq->next(thread); });
}

}  // namespace skep::fabric
