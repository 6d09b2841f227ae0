// What the two ways of reading an envelope share (envelope_read.cc, envelope_reader.cc).
#pragma once

#include <array>

#include "skep/fabric/envelope.h"

namespace skep::fabric {

// What stands before and behind the words of a payload that is nothing else, as append_frame()
// writes it.
inline constexpr std::string_view kBeforeWords = R"({"type":"text","content":)",
                                  kBehindWords = R"(,"attachments":[]})";

// What was seen of a frame on the way: which bytes before the payload may differ in a frame that is
// otherwise laid out alike.
struct EnvelopeNotes {
  // The inside of a string without escapes, or, of a whole number, what follows its first digit.
  struct Free {
    std::uint32_t begin = 0, end = 0;
    bool digits = false;
  };
  static constexpr std::size_t kFreeMax = 32;
  std::array<Free, kFreeMax> free;
  std::size_t count = 0;
  std::uint32_t src_begin = 0;      // the text of "src"
  std::uint32_t payload_begin = 0;  // 0: something stands behind the payload, or it came too early
  bool ascii_head = false;          // nothing but ASCII before the payload
};

// read_envelope(); `notes` may be null, and holds nothing of use after an error.
Result<EnvelopeView> read_envelope(std::string_view json, EnvelopeNotes* notes);

// 36 characters, as Uuid::parse takes them.
bool parse_uuid(std::string_view text, Uuid& out);
void write_uuid(const Uuid& uuid, char* to);  // the 36
// `to`, `dst_node` and `dst_text`; `text` is not empty.
void set_destination(EnvelopeView& view, std::string_view text);

}  // namespace skep::fabric
