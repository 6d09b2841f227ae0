#include "skep/fabric/tracer.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <unordered_map>

#include "core.h"
#include "hops.h"
#include "skep/async/wait.h"
#include "skep/base/log.h"

namespace skep::fabric {
namespace {

constexpr std::chrono::milliseconds kAnswersWithin{700};
constexpr std::size_t kIdBytesMax = 64;
constexpr std::size_t kAnswersMax = 256;   // routers heard for one question
constexpr std::size_t kQuestionsMax = 64;  // open at once
constexpr std::string_view kAsk = "TRACE_REQUEST", kAnswer = "TRACE_HOPS";

Result<void> check_id(std::string_view trace) {
  const bool printable =
      std::ranges::all_of(trace, [](unsigned char c) { return c > ' ' && c < 0x7f; });
  if (!trace.empty() && trace.size() <= kIdBytesMax && printable) return {};
  return fail(Code::kInvalid, fmt::format("a trace id has 1 to {} characters", kIdBytesMax));
}

// Message by message, each in the order in which it passed: the clock is coarse, but every router
// takes one off the ttl.
void sort_hops(json::array& hops) {
  std::map<std::string, std::string, std::less<>> begun;  // id -> its first time
  for (const json::value& hop : hops) {
    const std::string time(get_string(hop, "time"));
    auto [at, fresh] = begun.try_emplace(std::string(get_string(hop, "id")), time);
    if (!fresh) at->second = std::min(at->second, time);
  }
  const auto key = [&begun](const json::value& hop) {
    const std::string_view id = get_string(hop, "id");
    return std::tuple(std::string_view(begun.find(id)->second), id,
                      -get_int(hop, "ttl").value_or(0), get_string(hop, "time"));
  };
  std::ranges::stable_sort(hops, std::less<>(), key);
}

class TracerImpl final : public Tracer {
 public:
  TracerImpl(Loop& loop, Core& core) : core_(core), gate_(loop) {
    core_.on_control(std::string(kAsk),
                     [this](const Origin& from, const Packet& packet) { asked(from, packet); });
    core_.on_control(std::string(kAnswer),
                     [this](const Origin& from, const Packet& packet) { heard(from, packet); });
  }
  ~TracerImpl() override {
    core_.on_control(std::string(kAsk), {});
    core_.on_control(std::string(kAnswer), {});
  }

  Task<Result<json::object>> trace(Ctx ctx, std::string trace) override {
    SKEP_CO_TRY_VOID(check_id(trace));
    if (questions_.size() >= kQuestionsMax)
      co_return fail(Code::kExhausted, "too many traces are asked for; try again in a second");
    const std::string number = mint_ulid();
    Question& question = questions_[number];
    question.take(core_.config().name.str(), hops_of(trace));
    if (core_.neighbours() > 0) {
      say(Broadcast{"RT.*@*"}, kAsk, json::object{{"question", number}, {"trace", trace}});
      const Ctx brief = ctx.within(kAnswersWithin);
      while (!question.complete(core_)) {
        if (!co_await changed_.wait(brief)) break;
      }
    }
    json::object found{{"trace", trace},
                       {"hops", std::move(question.hops)},
                       {"routers", std::move(question.routers)}};
    questions_.erase(number);
    sort_hops(found["hops"].as_array());
    co_return found;
  }

  Task<void> close() override { return gate_.close(); }

 private:
  struct Question {
    json::array hops, routers;
    void take(std::string_view router, json::array more) {
      routers.emplace_back(router);
      for (json::value& hop : more) {
        hop.as_object()["router"] = router;
        hops.push_back(std::move(hop));
      }
    }
    // Of other hives nobody knows how many routers they have.
    [[nodiscard]] bool complete(const Core& core) const {
      return !core.beyond() && routers.size() > core.neighbours();
    }
  };

  json::array hops_of(std::string_view trace) const {
    json::array hops;
    core_.hops().each(trace, [&](const Hop& hop) {
      if (hops.size() >= kTraceHopsMax) hops.erase(hops.begin());
      hops.push_back(hop_json(hop));
    });
    return hops;
  }

  json::object hop_json(const Hop& hop) const {
    json::object out{{"time", format_rfc3339(WallTime(Millis(hop.at_ms)), true)},
                     {"id", hop.id.str()},
                     {"type", hop.type.str()},
                     {"from", hop.from.str()},
                     {"from_uuid", hop.from_node.uuid.str()},
                     {"to", hop.to.str()},
                     {"row", row_name(hop.row)},
                     {"ttl", hop.ttl}};
    if (!hop.to_node.uuid.is_nil()) {
      const NodeAt* node = core_.table().find(hop.to_node);
      out["node"] = node != nullptr ? node->name.str() : hop.to_node.uuid.str();
      if (node != nullptr && node->where != NodeAt::Where::kHere)
        out["beyond"] = node->where == NodeAt::Where::kPeer ? "peer" : node->hive;
    }
    out["outcome"] = hop.drop == Drop::kCount ? "handed on" : drop_reason(hop.drop);
    return out;
  }

  void asked(const Origin& from, const Packet& packet) {
    const auto payload = parse_json(packet.view().payload, {.bytes_max = 1'024, .depth_max = 4});
    if (!payload) return;
    std::string trace(get_string(*payload, "trace"));
    std::string number(get_string(*payload, "question"));
    if (!check_id(trace) || number.size() > kIdBytesMax) return;
    if (from.by == Origin::By::kNode) {
      if (from.node->own_user || from.system)
        gate_.spawn("trace", answer_node(gate_.ctx(), packet.view().src, std::move(trace)));
      return;
    }
    if (!packet.stamp.src_name.starts_with("RT.")) return;
    say(Broadcast{"RT.*@*"}, kAnswer, json::object{{"question", number}, {"hops", hops_of(trace)}});
  }

  void heard(const Origin& from, const Packet& packet) {
    if (from.by == Origin::By::kNode || !packet.stamp.src_name.starts_with("RT.")) return;
    const auto payload = parse_json(packet.view().payload, {.bytes_max = 1u << 17, .depth_max = 8});
    if (!payload) return;
    const auto question = questions_.find(std::string(get_string(*payload, "question")));
    const json::array* hops = get_array(*payload, "hops");
    if (question == questions_.end() || hops == nullptr || hops->size() > kTraceHopsMax ||
        question->second.routers.size() >= kAnswersMax ||
        !std::ranges::all_of(*hops, [](const json::value& hop) { return hop.is_object(); })) {
      return;
    }
    question->second.take(packet.stamp.src_name, *hops);
    changed_.notify_all();
  }

  Task<void> answer_node(Ctx ctx, NodeId node, std::string id) {
    auto found = co_await trace(std::move(ctx), std::move(id));
    json::object answer =
        found ? *std::move(found) : json::object{{"error", found.error().message}};
    say(node, kAnswer, std::move(answer));
  }

  void say(Destination dst, std::string_view msg, json::object payload) {
    Message message;
    message.id = MessageId(mint_ulid());
    message.dst = std::move(dst);
    message.kind = Kind::kSystem;
    message.action = msg;
    shorten(payload);
    message.payload = to_json(payload);
    core_.send(std::move(message));
  }

  // A frame's worth; the oldest hops give way.
  static void shorten(json::object& payload) {
    constexpr std::size_t kHopBytes = 600;
    json::value* hops = payload.if_contains("hops");
    if (hops == nullptr) return;
    json::array& all = hops->as_array();
    constexpr std::size_t kFit = kFrameBytesMax / kHopBytes - 10;
    if (all.size() > kFit) all.erase(all.begin(), all.end() - static_cast<std::ptrdiff_t>(kFit));
  }

  Core& core_;
  std::unordered_map<std::string, Question> questions_;
  Signal changed_;
  Gate gate_;
};

}  // namespace

std::string_view row_name(Row row) {
  constexpr std::string_view kNames[] = {"none",
                                         "1: static route",
                                         "2: node of this hive",
                                         "3: node of another hive",
                                         "4: route of another hive",
                                         "5: fallback",
                                         "by id",
                                         "broadcast",
                                         "router"};
  return kNames[static_cast<std::size_t>(row)];
}

std::unique_ptr<Tracer> Tracer::open(Loop& loop, Router& router) {
  return std::make_unique<TracerImpl>(loop, router.core());
}

}  // namespace skep::fabric
