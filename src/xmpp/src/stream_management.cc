#include "stream_management.h"

#include <charconv>

namespace skep::xmpp {

void StreamManagement::sent(std::string xml, Done done) {
  unacked_bytes_ += xml.size();
  unacked_.push_back({std::move(xml), std::move(done)});
}

Result<std::vector<StreamManagement::Done>> StreamManagement::acknowledged(std::uint32_t h) {
  const std::uint32_t fresh = h - acked_;  // modulo 2^32
  if (fresh > unacked_.size()) {
    return fail(Code::kCorrupt,
                fmt::format("the server acknowledges {} stanzas, {} were sent", h, sent_count()));
  }
  std::vector<Done> done;
  for (std::uint32_t i = 0; i < fresh; ++i) {
    unacked_bytes_ -= unacked_.front().xml.size();
    if (unacked_.front().done) done.push_back(std::move(unacked_.front().done));
    unacked_.pop_front();
  }
  acked_ = h;
  return done;
}

std::uint32_t StreamManagement::sent_count() const {
  return acked_ + static_cast<std::uint32_t>(unacked_.size());
}

std::string StreamManagement::again() const {
  std::string xml;
  xml.reserve(unacked_bytes_);
  for (const Unacked& one : unacked_) xml += one.xml;
  return xml;
}

std::vector<StreamManagement::Done> StreamManagement::give_up() {
  std::vector<Done> done;
  for (Unacked& one : std::exchange(unacked_, {})) {
    if (one.done) done.push_back(std::move(one.done));
  }
  unacked_bytes_ = 0;
  return done;
}

void StreamManagement::Received::end(std::uint64_t number) {
  ended[number - handled] = true;
  const std::uint64_t before = handled;
  for (; !ended.empty() && ended.front(); ended.pop_front()) ++handled;
  if (handled != before && changed) changed();
}

std::optional<std::shared_ptr<void>> StreamManagement::received() {
  if (received_->repeats > 0) {
    --received_->repeats;
    return std::nullopt;
  }
  const std::uint64_t number = received_->handled + received_->ended.size();
  received_->ended.push_back(false);
  const std::weak_ptr<Received> weak = received_;
  auto end = [weak, number](void*) {
    if (const auto received = weak.lock()) received->end(number);
  };
  return std::shared_ptr<void>(received_.get(), std::move(end));
}

std::uint32_t StreamManagement::handled() const {
  return static_cast<std::uint32_t>(received_->handled);
}

std::uint32_t StreamManagement::tell() {
  told_ = received_->handled;
  owed_ = !received_->ended.empty();
  return handled();
}

bool StreamManagement::should_tell() const {
  if (owed_ && received_->ended.empty()) return true;
  return received_->handled - told_ >= kAckEvery;
}

// What was received and not handled is in our memory still, and the server, which was not told,
// sends it once more.
void StreamManagement::resumed() {
  received_->repeats = received_->ended.size();
  told_ = received_->handled;
  owed_ = false;
}

Result<std::uint32_t> parse_h(const Element& element) {
  const std::string_view text = element.attribute("h");
  std::uint32_t h = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), h);
  if (text.empty() || problem != std::errc() || end != text.data() + text.size())
    return fail(Code::kCorrupt, "no count of stanzas in <a/>");
  return h;
}

}  // namespace skep::xmpp
