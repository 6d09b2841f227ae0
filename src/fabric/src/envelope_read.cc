#include <fmt/format.h>

#include <algorithm>

#include "envelope_parts.h"
#include "json_scan.h"
#include "skep/base/text.h"
#include "skep/fabric/envelope.h"

namespace skep::fabric {
namespace {

constexpr std::size_t kTraceBytesMax = 64;
constexpr unsigned kInEnvelope = 1, kInSection = 2;  // containers around a value there

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// A whole number without sign, fraction or exponent, at most `max`.
bool parse_unsigned(std::string_view text, std::uint64_t max, std::uint64_t& out) {
  if (text.empty() || text.size() > 20) return false;
  out = 0;
  for (char c : text) {
    if (c < '0' || c > '9') return false;
    const auto digit = static_cast<std::uint64_t>(c - '0');
    if (out > (max - digit) / 10) return false;
    out = out * 10 + digit;
  }
  return true;
}

// Keys are compared as they are written, so no key may spell a plain character as an escape.
// (Escapes that keys need, such as those of other scripts, never spell the name of a member that
// counts.)
bool needless_escape(std::string_view key) {
  for (std::size_t at = key.find('\\'); at != std::string_view::npos; at = key.find('\\', at + 2)) {
    if (key[at + 1] != 'u') continue;
    if (key.substr(at + 2, 2) == "00" && key[at + 4] >= '2' && key[at + 4] <= '7') return true;
  }
  return false;
}

// One member as it stands.
struct Member {
  std::string_view key, value;
  bool escaped;  // the value is a string with an escape
  std::uint32_t comma_before, begin, end, comma_after;
  [[nodiscard]] bool is_null() const { return value == "null"; }
};

// The whole member with one comma: the one behind it if there is one.
struct Removable {
  Member member{};
  bool here = false, last = false;
};

class Reader {
 public:
  Reader(EnvelopeView& view, EnvelopeNotes* notes) : scan_(view.json), view_(view), notes_(notes) {}

  Result<void> run() {
    if (!envelope() || (scan_.non_ascii() && !is_valid_utf8(view_.json)))
      return fail(Code::kCorrupt, fmt::format("the frame is no JSON envelope (near byte {} of {})",
                                              scan_.offset(), view_.json.size()));
    require();
    if (bad_.empty()) return {};
    return fail(Code::kInvalid, fmt::format("the envelope's \"{}\" is missing or wrong", bad_));
  }

 private:
  enum Seen : std::uint32_t {
    kRouting = 1,
    kMeta = 2,
    kPayload = 4,
    kSrc = 8,
    kSrcName = 16,
    kDst = 32,
    kTtl = 64,
    kTrace = 128,
    kVpn = 256,
    kType = 512,
    kMsg = 1024,
    kTarget = 2048,
    kScope = 4096,
    kThread = 8192,
    kId = 16384,
    kThreadSeq = 32768,
    kActionClass = 65536,
    kAck = 131072,
  };

  // The object the scan stands at. Calls `each` for every member once its value has been read, and
  // says whether it was the last.
  template <class Each>
  bool object(unsigned depth, Each each) {
    if (!scan_.take('{')) return false;
    std::uint32_t comma = 0;
    scan_.space();
    if (scan_.take('}')) return true;
    for (;;) {
      scan_.space();
      Member member{};
      member.comma_before = comma;
      member.begin = scan_.offset();
      if (!scan_.string(member.key)) return false;
      if (scan_.escaped() && needless_escape(member.key)) spoil("name of a member");
      scan_.space();
      if (!scan_.take(':')) return false;
      scan_.space();
      const std::uint32_t from = scan_.offset();
      if (scan_.at('"')) {
        std::string_view raw;
        if (!scan_.string(raw)) return false;
        member.escaped = scan_.escaped();
      } else if (!read(depth, member.key)) {
        return false;
      }
      member.end = scan_.offset();
      member.value = view_.json.substr(from, member.end - from);
      scan_.space();
      member.comma_after = comma = scan_.offset();
      const bool last = !scan_.take(',');
      if (notes_ != nullptr && depth == kInSection) note(member);
      each(member, last);
      if (last) return scan_.take('}');
    }
  }

  // A member's value; routing and meta are read member by member.
  bool read(unsigned depth, std::string_view key) {
    if (depth == kInEnvelope && scan_.at('{')) {
      if (notes_ != nullptr && key == "payload") note_payload();
      if (key == "routing" && (seen_ & kRouting) == 0) return routing();
      if (key == "meta" && (seen_ & kMeta) == 0) return meta();
    }
    return scan_.value(depth);
  }

  // What may differ in the next frame of the sender. Members read here that are no texts may not.
  void note(const Member& m) {
    const char first = m.value.front();
    const bool number = first >= '0' && first <= '9' && m.value.size() <= 18 && m.key != "ttl" &&
                        m.key != "vpn" && std::ranges::all_of(m.value, is_digit);
    if ((first != '"' || m.escaped) && !number) return;
    if (notes_->count == EnvelopeNotes::kFreeMax) return;
    const auto begin = static_cast<std::uint32_t>(m.end - m.value.size() + 1);
    notes_->free[notes_->count++] = {begin, number ? m.end : m.end - 1, number};
  }

  void note_payload() {
    constexpr std::uint32_t kHead = kRouting | kMeta;
    if ((seen_ & (kHead | kPayload)) != kHead) return;
    notes_->payload_begin = scan_.offset();
    notes_->ascii_head = !scan_.non_ascii();
  }

  bool envelope() {
    scan_.space();
    const bool read = object(kInEnvelope, [this](const Member& m, bool) { section(m); });
    scan_.space();
    constexpr std::uint32_t kAll = kRouting | kMeta | kPayload;
    return read && scan_.done() && (seen_ & kAll) == kAll;
  }

  void section(const Member& m) {
    const EnvelopeView::Range at{static_cast<std::uint32_t>(m.end - m.value.size()), m.end};
    if (m.key == "routing") {
      once(kRouting, m);
      view_.routing_at = at;
    } else if (m.key == "meta") {
      once(kMeta, m);
      view_.meta = m.value;
      view_.meta_at = at;
    } else if (m.key == "payload") {
      once(kPayload, m);
      view_.payload = m.value;
      return;
    } else {
      return;
    }
    if (m.value.front() != '{') spoil(m.key);
  }

  bool routing() {
    const bool good = object(kInSection, [this](const Member& m, bool last) { hop(m, last); });
    if (good) place_removables();
    return good;
  }

  void hop(const Member& m, bool last) {
    if (m.key == "src") {
      once(kSrc, m);
      if (notes_ != nullptr)
        notes_->src_begin = m.end - static_cast<std::uint32_t>(m.value.size()) + 1;
      if (!parse_uuid(text(m), view_.src.uuid)) spoil(m.key);
    } else if (m.key == "dst") {
      once(kDst, m);
      destination(m);
    } else if (m.key == "ttl") {
      once(kTtl, m);
      view_.ttl = static_cast<std::uint8_t>(number(m, 255));
      view_.ttl_at = {static_cast<std::uint32_t>(m.end - m.value.size()), m.end};
    } else if (m.key == "trace_id") {
      once(kTrace, m);
      view_.trace = text(m);
      if (view_.trace.empty() || view_.trace.size() > kTraceBytesMax) spoil(m.key);
    } else if (m.key == "src_l2_name") {
      once(kSrcName, m);
      if (!m.is_null()) view_.src_name = text(m);
      src_name_ = {m, true, last};
    } else if (m.key == "vpn") {
      once(kVpn, m);
      if (!m.is_null()) view_.vpn = static_cast<std::uint32_t>(number(m, UINT32_MAX));
      vpn_ = {m, true, last};
    }
  }

  void destination(const Member& m) {
    view_.dst_at = {static_cast<std::uint32_t>(m.end - m.value.size()), m.end};
    if (m.is_null()) return;
    const std::string_view name = text(m);
    if (name.empty()) return spoil(m.key);
    set_destination(view_, name);
  }

  bool meta() {
    return object(kInSection, [this](const Member& m, bool) { about(m); });
  }

  void about(const Member& m) {
    if (m.key == "type") return words(kType, m, view_.type);
    if (m.key == "msg") return words(kMsg, m, view_.msg);
    if (m.key == "target") return words(kTarget, m, view_.target);
    if (m.key == "scope") return words(kScope, m, view_.scope);
    if (m.key == "thread_id") return words(kThread, m, view_.thread_id);
    if (m.key == "id") return words(kId, m, view_.id);
    if (m.key == "thread_seq") {
      once(kThreadSeq, m);
      view_.has_thread_seq = true;
      if (!m.is_null()) number(m, UINT64_MAX);
    } else if (m.key == "action_class") {
      once(kActionClass, m);
      view_.has_action_class = true;
      if (!m.is_null()) text(m);
    } else if (m.key == "ack") {
      once(kAck, m);
      view_.ack = m.value == "true";
      if (!view_.ack && m.value != "false" && !m.is_null()) spoil(m.key);
    }
  }

  void words(Seen bit, const Member& m, std::string_view& out) {
    once(bit, m);
    if (!m.is_null()) out = text(m);
  }

  // The text of a string without escapes.
  std::string_view text(const Member& m) {
    if (m.value.front() == '"' && !m.escaped) return m.value.substr(1, m.value.size() - 2);
    spoil(m.key);
    return {};
  }
  std::uint64_t number(const Member& m, std::uint64_t max) {
    std::uint64_t out = 0;
    if (!parse_unsigned(m.value, max, out)) spoil(m.key);
    return out;
  }
  void once(Seen bit, const Member& m) {
    if ((seen_ & bit) != 0) spoil(m.key);
    seen_ |= bit;
  }
  // The first wrong field sticks. The scan goes on: bad JSON behind it is worse news.
  void spoil(std::string_view field) {
    if (bad_.empty()) bad_ = field;
  }

  void require() {
    constexpr std::pair<Seen, std::string_view> kNeeded[] = {
        {kSrc, "src"}, {kDst, "dst"}, {kTtl, "ttl"}, {kTrace, "trace_id"}};
    for (auto [bit, name] : kNeeded) {
      if ((seen_ & bit) == 0) spoil(name);
    }
    if (view_.type.empty()) spoil("type");
  }

  // Of two neighbours at the object's end each takes the comma before it.
  void place_removables() {
    const bool both = src_name_.here && vpn_.here;
    const bool name_first = both && vpn_.member.comma_before == src_name_.member.comma_after;
    const bool vpn_first = both && src_name_.member.comma_before == vpn_.member.comma_after;
    view_.src_name_at = range_of(src_name_, src_name_.last || (name_first && vpn_.last));
    view_.vpn_at = range_of(vpn_, vpn_.last || (vpn_first && src_name_.last));
  }
  static EnvelopeView::Range range_of(const Removable& removable, bool comma_before) {
    if (!removable.here) return {};
    const Member& m = removable.member;
    if (comma_before) return {m.comma_before, m.end};
    return {m.begin, m.comma_after + 1};
  }

  JsonScan scan_;
  EnvelopeView& view_;
  EnvelopeNotes* notes_;
  std::uint32_t seen_ = 0;
  std::string_view bad_;
  Removable src_name_, vpn_;
};

}  // namespace

void set_destination(EnvelopeView& view, std::string_view text) {
  using To = EnvelopeView::To;
  view.dst_text = text;
  view.dst_node = {};
  if (parse_uuid(text, view.dst_node.uuid)) {
    view.to = To::kNode;
    return;
  }
  view.dst_node = {};
  view.to = text == "broadcast" ? To::kBroadcast : To::kName;
}

Result<EnvelopeView> read_envelope(std::string_view json, EnvelopeNotes* notes) {
  if (json.size() > UINT32_MAX) return fail(Code::kTooLarge, "an envelope over 4 GiB");
  Result<EnvelopeView> view(std::in_place);
  view->json = json;
  SKEP_TRY_VOID(Reader(*view, notes).run());
  return view;
}

Result<EnvelopeView> read_envelope(std::string_view json) { return read_envelope(json, nullptr); }

}  // namespace skep::fabric
