// The four bytes in front of a frame.
#pragma once

#include <string>

#include "skep/fabric/envelope.h"

namespace skep::fabric {

// Leaves room for the length; gives the place for end_frame().
inline std::size_t begin_frame(std::string& out, std::size_t bytes_about) {
  const std::size_t header = out.size();
  if (out.capacity() < header + bytes_about + kFrameHeaderBytes)
    out.reserve(std::max(2 * out.capacity(), header + bytes_about + kFrameHeaderBytes));
  out.append(kFrameHeaderBytes, '\0');
  return header;
}

inline std::size_t frame_bytes_since(const std::string& out, std::size_t header) {
  return out.size() - header - kFrameHeaderBytes;
}

inline void end_frame(std::string& out, std::size_t header) {
  const std::size_t length = frame_bytes_since(out, header);
  for (std::size_t i = 0; i < kFrameHeaderBytes; ++i)
    out[header + i] = static_cast<char>(length >> (8 * (kFrameHeaderBytes - 1 - i)) & 0xFF);
}

}  // namespace skep::fabric
