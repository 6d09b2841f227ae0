#include "capture.h"

#include <fmt/format.h>

namespace skep::sandbox {

void Capture::append(std::string_view bytes) {
  const std::size_t room = half_ - std::min(half_, kept_.head.size());
  kept_.head.append(bytes.substr(0, room));
  if (bytes.size() <= room) return;
  kept_.tail.append(bytes.substr(room));
  if (kept_.tail.size() <= 2 * half_) return;
  const std::size_t surplus = kept_.tail.size() - half_;
  kept_.tail.erase(0, surplus);
  kept_.left_out += surplus;
}

Captured Capture::take() {
  Captured taken = std::exchange(kept_, {});
  if (taken.tail.size() <= half_) return taken;
  const std::size_t surplus = taken.tail.size() - half_;
  taken.tail.erase(0, surplus);
  taken.left_out += surplus;
  return taken;
}

std::string Captured::text() const {
  if (left_out == 0) return head + tail;
  return fmt::format("{}\n[… {} bytes left out here …]\n{}", head, left_out, tail);
}

}  // namespace skep::sandbox
