// The node protocol's frames and envelopes (docs/fabric.md "Frames"). Pure functions and values.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "skep/base/result.h"
#include "skep/model/message.h"

namespace skep::fabric {

inline constexpr std::size_t kFrameHeaderBytes = 4;
inline constexpr std::size_t kFrameBytesMax = 131'072;  // without the four length bytes
// What routers splice in must not make the longest frame of a node undeliverable: whoever reads
// from a router (nodes, peers, gateways) takes frames that much longer.
inline constexpr std::size_t kStampBytesMax = 1'024;
inline constexpr std::size_t kStampedBytesMax = kFrameBytesMax + kStampBytesMax;
inline constexpr std::size_t kOffloadBytes = 65'536;  // a larger text payload becomes a blob
inline constexpr std::size_t kOffloadOverheadBytes = 2'048;

// Cuts a byte stream into frames. Owns one buffer that grows to one frame and a read's worth; the
// reader fills it in place. After an error it stays failed. Not thread-safe.
class FrameReader {
 public:
  // A router reading from a node keeps the default; who reads from a router gives kStampedBytesMax.
  explicit FrameReader(std::size_t frame_bytes_max = kFrameBytesMax)
      : frame_bytes_max_(frame_bytes_max) {}
  // Where to read the next bytes to: at least `bytes_min`. Valid until the next call.
  std::span<char> space(std::size_t bytes_min);
  void filled(std::size_t bytes);
  // The next whole frame's JSON, or an empty view when more bytes are needed. The view lives until
  // the next space(). kTooLarge: a length over the most allowed; kInvalid: a length of 0.
  Result<std::string_view> next();
  [[nodiscard]] bool empty() const;  // nothing of a next frame has come: an end here is clean
 private:
  std::size_t frame_bytes_max_;
  std::string buffer_;
  std::size_t begin_ = 0, end_ = 0;
  bool failed_ = false;
};

// What routers read of an envelope. Views point into the JSON it was read from.
struct EnvelopeView {
  std::string_view json;
  NodeId src;
  std::string_view src_name;  // claimed; routers stamp their own
  enum class To : std::uint8_t { kNull, kNode, kName, kBroadcast } to = To::kNull;
  NodeId dst_node;            // kNode
  std::string_view dst_text;  // as written, without quotes; a name is not validated here
  std::uint8_t ttl = 0;
  std::uint32_t vpn = 0;  // between routers
  std::string_view trace;
  std::string_view type, msg, target, scope, thread_id, id;  // of meta; empty: absent
  bool has_thread_seq = false, has_action_class = false, ack = false;
  std::string_view meta, payload;  // whole JSON values, as they stand
  // What the payload says, when EnvelopeReader saw that it is a text without escapes and nothing
  // else, as append_frame() writes one; null data: to be looked for.
  std::string_view words;

  // Where things stand, for stamp(): offsets into `json`.
  struct Range {
    std::uint32_t begin = 0, end = 0;
  };
  Range routing_at, meta_at;  // the objects, braces included
  Range ttl_at, dst_at;       // the values, quotes included
  Range src_name_at, vpn_at;  // the whole members with one comma; empty: absent; never overlap
};

// Reads without copying or building a tree, and checks the whole text, payload included: a router
// passes on nothing that its receiver could not read. Strings with escapes in the fields above are
// kInvalid (none of them needs any). kInvalid with the field's name; kCorrupt when it is no such
// JSON (nested deeper than 64, half surrogate pairs) or not UTF-8. Absent and null are the same in
// `meta`, but a thread_seq or action_class of null counts as there. A second of a member read here
// is kInvalid: parsers differ in which one they would believe; so is a name spelt with escapes that
// it does not need. Cost aim: under 300 ns for 512 bytes.
Result<EnvelopeView> read_envelope(std::string_view json);

// Reads envelopes of one sender: the same results as read_envelope(), several times as fast for a
// frame laid out like an earlier one of the last few layouts, as most are (docs/decisions/0025).
// Some KiB once used; not thread-safe.
class EnvelopeReader {
 public:
  EnvelopeReader();
  ~EnvelopeReader();
  EnvelopeReader(EnvelopeReader&&) noexcept;
  EnvelopeReader& operator=(EnvelopeReader&&) noexcept;

  // The view ends with the next call of either.
  Result<const EnvelopeView*> read(std::string_view json);
  void forget();  // gives the memory back

 private:
  struct Layouts;
  std::unique_ptr<Layouts> layouts_;
};

// What a router writes into an envelope on its way.
struct Stamp {
  std::string_view src_name;         // empty: leave out; a name, or text as it stands in JSON
  std::optional<std::uint32_t> vpn;  // towards routers; absent: taken off
  std::uint8_t ttl = 0;
  std::optional<std::string_view> dst;  // a new destination, as text; absent: as it is
  std::optional<std::uint64_t> thread_seq;
  std::string_view action_class;  // empty: leave as it is; as src_name
};
// Appends length and JSON to `out`: the bytes of `view.json` with the stamp spliced in. A
// thread_seq or action_class that is there stays. At most kStampBytesMax longer, with names of at
// most 256 bytes.
void append_stamped(std::string& out, const EnvelopeView& view, const Stamp& stamp);

// A Message as a frame (length and JSON). `src` and `dst` are the message's (unless the stamp has a
// `dst`), ttl and src_name the stamp's. A trace that is empty is the message's id. A `payload` goes
// out as it is and stands before `parts`. kTooLarge over kFrameBytesMax; kInvalid for what cannot
// be written: a payload that is no JSON, no trace, a kControl that claims one of the four types,
// bad UTF-8. Nothing is appended then. `bytes_max`: another bound for what is no link's.
Result<void> append_frame(std::string& out, const Message& message, const Stamp& stamp,
                          std::size_t bytes_max = kFrameBytesMax);
// The Message that a frame holds, for an inbox in this process; `src`, `src_name`, `trace`, `dst`
// and `ttl` are taken from the routing part. Meta members that no field holds go to Message::meta,
// `ack` and an unusual thread_id too. A `dst` that is no full name ("AI.a@*") reads as Unresolved:
// the message has arrived. A text payload that is a reference to a blob stays in `payload`
// (skep/fabric/blobs.h).
Result<Message> message_from_envelope(const EnvelopeView& view);
// "thread:sha256:<hex>" of a conversation (docs/fabric.md).
std::string thread_id_of(const Conversation& conversation);

}  // namespace skep::fabric
