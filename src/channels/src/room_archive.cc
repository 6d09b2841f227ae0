#include "room_archive.h"

#include <algorithm>

#include "skep/base/id.h"
#include "skep/base/json.h"
#include "skep/base/log.h"
#include "skep/base/text.h"
#include "skep/store/append_file.h"

namespace skep::channels {
namespace {

constexpr std::size_t kIdBytesMax = 256;

}  // namespace

RoomArchive::RoomArchive(Deps deps) : deps_(std::move(deps)) { load(); }

void RoomArchive::load() {
  if (deps_.file.empty()) return;
  const auto text = store::read_file(deps_.file);
  if (!text && text.error().code == Code::kNotFound) return;
  const auto value = text ? parse_json(*text) : Result<json::value>(fail(text.error()));
  const json::array* list = value ? get_array(*value, "rooms") : nullptr;
  if (list == nullptr) {
    log::warn("xmpp", "the places in the archives of rooms are lost ({})", deps_.file);
    return;
  }
  for (const json::value& entry : *list) {
    const auto room = xmpp::Jid::parse(get_string(entry, "jid"));
    const auto at = get_int(entry, "at");
    if (room && at)
      rooms_[*room].place = Place{std::string(get_string(entry, "id")), WallTime(Millis(*at))};
  }
}

void RoomArchive::save() {
  if (deps_.file.empty()) return;
  json::array list;
  for (const auto& [room, of] : rooms_) {
    if (!of.place) continue;
    list.push_back(json::object{{"jid", room.str()},
                                {"id", of.place->id},
                                {"at", of.place->at.time_since_epoch().count()}});
  }
  const json::object all{{"version", 1}, {"rooms", std::move(list)}};
  if (auto written = store::write_file(deps_.file, to_json(all)); !written)
    log::warn("xmpp", "{}: {}", deps_.file, written.error().to_string());
}

Task<void> RoomArchive::save_later(Ctx ctx) {
  (void)co_await sleep_for(ctx, kSavePause);
  saving_ = false;
  save();
}

void RoomArchive::noted(const xmpp::Jid& room, const std::string& id) {
  if (id.empty() || id.size() > kIdBytesMax) return;
  Of& of = rooms_[room];
  if (of.reading) {
    of.newest = id;
    return;
  }
  of.place = Place{id, deps_.clock.now()};
  if (!saving_) saving_ = deps_.gate.spawn("xmpp room places", save_later(deps_.gate.ctx()));
}

void RoomArchive::joined(const xmpp::Jid& room) {
  Of& of = rooms_[room];
  if (of.place) of.reading = true;
}

bool RoomArchive::claim(const xmpp::Jid& room) {
  return !std::exchange(rooms_[room].claimed, true);
}

bool RoomArchive::hold(const xmpp::Jid& room, const xmpp::Element& stanza, bool history) {
  const auto found = rooms_.find(room);
  if (found == rooms_.end() || !found->second.reading) return false;
  if (found->second.held.size() >= kHeldMax) return false;
  found->second.held.push_back({stanza, history});
  return true;
}

bool RoomArchive::holds(const xmpp::Jid& room, const xmpp::Element& said) const {
  const auto found = rooms_.find(room);
  if (found == rooms_.end() || said.attribute("id").empty()) return false;
  return std::ranges::any_of(found->second.held, [&](const Held& held) {
    return held.stanza.attribute("id") == said.attribute("id") &&
           held.stanza.attribute("from") == said.attribute("from");
  });
}

std::optional<RoomArchive::Held> RoomArchive::next(const xmpp::Jid& room) {
  Of& of = rooms_[room];
  if (of.held.empty()) {
    of.reading = of.claimed = false;
    of.query.clear();
    of.unread = 0;
    return std::nullopt;
  }
  Held first = std::move(of.held.front());
  of.held.pop_front();
  return first;
}

std::optional<xmpp::Jid> RoomArchive::room_of(const xmpp::Element& message) const {
  const xmpp::Element* result = message.child("result", xmpp::kNsMam);
  if (result == nullptr) return std::nullopt;
  const auto from = xmpp::Jid::parse(message.attribute("from"));
  const auto found = from ? rooms_.find(*from) : rooms_.end();
  const bool asked = found != rooms_.end() && !found->second.query.empty() &&
                     result->attribute("queryid") == found->second.query;
  return asked ? std::optional(*from) : std::nullopt;
}

void RoomArchive::done(const xmpp::Jid& room) {
  Of& of = rooms_[room];
  if (of.unread > 0) --of.unread;
  changed_.notify_all();
}

Task<void> RoomArchive::read(Ctx ctx, xmpp::Jid room, xmpp::Jid from) {
  if (!rooms_[room].reading) co_return;
  const Ctx bounded = ctx.within(kTimeout);
  rooms_[room].query = hex_encode(random_bytes(12));
  const Result<void> read = co_await read_pages(bounded, room, std::move(from));
  while (rooms_[room].unread > 0) {
    const Result<void> waited = co_await changed_.wait(bounded);
    if (!waited) break;
  }
  Of& of = rooms_[room];
  if (!read) {
    log::warn("xmpp", "{}: what was said while we were away is not all read: {}", room.str(),
              read.error().to_string());
    co_return;  // the place stays where it was
  }
  if (!of.newest.empty()) of.place = Place{std::exchange(of.newest, {}), deps_.clock.now()};
  save();
}

Task<Result<void>> RoomArchive::read_pages(Ctx ctx, xmpp::Jid room, xmpp::Jid from) {
  const Place place = *rooms_[room].place;
  const WallTime oldest = deps_.clock.now() - kAgeMax;
  std::string after = place.at < oldest ? std::string() : place.id;
  for (int page = 0; page < kPagesMax; ++page) {
    xmpp::ArchiveQuestion question{
        .from = from, .archive = room, .query = rooms_[room].query, .after = after};
    if (after.empty()) question.start = std::max(place.at, oldest);
    xmpp::Element iq = xmpp::make_archive_question(question);
    auto answer = co_await deps_.request(ctx, std::move(iq));
    if (!answer && answer.error().code == Code::kNotFound && !after.empty() && page == 0) {
      after.clear();  // the archive has forgotten that message: by time, then
      continue;
    }
    if (!answer) co_return fail(answer.error());
    SKEP_CO_TRY(const xmpp::ArchivePage read, xmpp::read_archive_page(*answer));
    if (!read.last.empty()) after = read.last;
    if (read.complete || read.last.empty()) co_return Result<void>();
  }
  log::warn("xmpp", "{}: more was said than is read", room.str());
  co_return Result<void>();
}

}  // namespace skep::channels
