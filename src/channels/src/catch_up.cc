#include "catch_up.h"

#include <algorithm>

#include "skep/async/wait.h"
#include "skep/base/id.h"
#include "skep/base/json.h"
#include "skep/base/log.h"
#include "skep/base/text.h"
#include "skep/store/append_file.h"
#include "skep/xmpp/features.h"

namespace skep::channels {
namespace {

using xmpp::Element;

constexpr std::string_view kNsDiscoInfo = "http://jabber.org/protocol/disco#info";
constexpr std::size_t kIdBytesMax = 1024;  // of an archive's id; a longer one is not kept

Element element(std::string_view name, std::string_view ns) {
  return Element(std::string(name), std::string(ns));
}

}  // namespace

CatchUp::CatchUp(Deps deps) : deps_(std::move(deps)) { load(); }

void CatchUp::load() {
  if (deps_.file.empty()) return;
  const auto text = store::read_file(deps_.file);
  if (!text && text.error().code == Code::kNotFound) return;
  const auto value = text ? parse_json(*text) : Result<json::value>(fail(text.error()));
  const auto at = value ? get_int(*value, "at") : std::nullopt;
  if (!at) {
    log::warn("xmpp",
              "the place in the archive is lost ({}): what came while we were away is not read",
              deps_.file);
    return;
  }
  place_ = Place{std::string(get_string(*value, "id")), WallTime(Millis(*at))};
}

void CatchUp::save() {
  if (deps_.file.empty() || !place_) return;
  const json::object out{
      {"version", 1}, {"id", place_->id}, {"at", place_->at.time_since_epoch().count()}};
  const auto written = store::write_file(deps_.file, to_json(out));
  if (!written) log::warn("xmpp", "{}: {}", deps_.file, written.error().to_string());
}

void CatchUp::save_soon() {
  if (!saving_) saving_ = deps_.gate.spawn("xmpp archive place", save_later(deps_.gate.ctx()));
}

Task<void> CatchUp::save_later(Ctx ctx) {
  (void)co_await sleep_for(ctx, kSavePause);
  saving_ = false;
  save();
}

// A message of the present must not move the place over results that still wait, or were not
// fetched at all: a kill would lose them.
void CatchUp::noted(const std::string& archive_id, bool archived) {
  if (archived && unread_ > 0) --unread_;
  const bool in_turn = archived || (complete_ && unread_ == 0);
  if (in_turn && !archive_id.empty() && archive_id.size() <= kIdBytesMax) {
    place_ = Place{archive_id, deps_.clock.now()};
    save_soon();
  }
  settle_if_done();
}

void CatchUp::settle_if_done() {
  if (settled_ || !complete_ || unread_ > 0) return;
  settled_ = true;
  if (deps_.settled) deps_.settled(has_archive_);
}

Task<void> CatchUp::run(Ctx ctx) {
  const Ctx bounded = ctx.within(kTimeout);
  complete_ = settled_ = running_ = false;
  began_ = deps_.clock.now();
  query_ = hex_encode(random_bytes(12));
  co_await ask_what_it_does(bounded);
  co_await ask_for_copies(bounded);
  if (has_archive_ && place_) {
    fetched_ = place_->id;
    running_ = co_await read_to_end(bounded);
    co_return;
  }
  if (has_archive_) {
    place_ = Place{{}, deps_.clock.now()};
    save();  // at once: a kill from here on is an absence
    // What comes before our presence does is kept by the server, which may forget to hand it over
    // (ejabberd stores it in one process and reads the store in another): close_gap() looks.
    fetched_.clear();
    running_ = true;
    co_return;
  }
  complete_ = true;
  settle_if_done();
}

Task<void> CatchUp::close_gap(Ctx ctx) {
  if (!std::exchange(running_, false)) co_return;
  const Ctx bounded = ctx.within(kTimeout);
  complete_ = co_await read_to_end(bounded);
  settle_if_done();
}

Task<void> CatchUp::look_again(Ctx ctx) {
  const WallTime began = began_;
  const auto slept = co_await sleep_for(ctx, kLookAgainPause);
  if (!slept || began != began_ || !has_archive_ || !complete_) co_return;
  const Ctx bounded = ctx.within(kPageTimeout);
  if (const auto read = co_await read_page(bounded, {}, began); !read)
    log::info("xmpp", "the archive was not read a last time: {}", read.error().to_string());
}

Task<bool> CatchUp::read_to_end(Ctx ctx) {
  const Result<void> read = co_await read_pages(ctx);
  if (!read)
    log::warn("xmpp",
              "what came while we were away is not all read: {}; it is asked for again at the next "
              "login",
              read.error().to_string());
  const bool stuck = !read && deps_.session() != nullptr && !std::exchange(settled_, true);
  if (stuck && deps_.settled) deps_.settled(false);
  co_return read.has_value();
}

Task<Result<Element>> CatchUp::request(Ctx ctx, Element iq) {
  xmpp::Session* session = deps_.session();
  if (session == nullptr) co_return fail(Code::kUnavailable, "the link is down");
  const Ctx bounded = ctx.within(kPageTimeout);
  co_return co_await session->request(bounded, std::move(iq));
}

Task<void> CatchUp::ask_what_it_does(Ctx ctx) {
  Element iq = xmpp::make_iq({}, deps_.account, "get", "");
  iq.add(element("query", kNsDiscoInfo));
  const auto info = co_await request(ctx, std::move(iq));
  has_archive_ = info && xmpp::announces(*info, xmpp::kNsMam);
  gives_ids_ = info && xmpp::announces(*info, xmpp::kNsStanzaId);
  if (!info)
    log::info("xmpp", "the server does not say what it does: {}", info.error().to_string());
}

Task<void> CatchUp::ask_for_copies(Ctx ctx) {
  Element iq = xmpp::make_iq({}, {}, "set", "");
  iq.add(element("enable", xmpp::kNsCarbons));
  const auto enabled = co_await request(ctx, std::move(iq));
  if (!enabled) log::info("xmpp", "no copies from other devices: {}", enabled.error().to_string());
}

Task<Result<void>> CatchUp::read_pages(Ctx ctx) {
  for (int page = 0; page < kPagesMax; ++page) {
    auto read = co_await read_page(ctx, fetched_, place_->at);
    if (!read && read.error().code == Code::kNotFound && !fetched_.empty() && page == 0) {
      fetched_.clear();  // the archive has forgotten that message: by time, then
      read = co_await read_page(ctx, fetched_, place_->at);
    }
    if (!read) co_return fail(read.error());
    ++deps_.stats.archive_pages;
    if (!read->last.empty()) fetched_ = read->last;
    if (read->complete || read->last.empty()) co_return Result<void>();
  }
  log::warn("xmpp", "more than {} messages came while we were away: the rest is not read",
            kPagesMax * kPageItems);
  co_return Result<void>();
}

Task<Result<xmpp::ArchivePage>> CatchUp::read_page(Ctx ctx, std::string after, WallTime since) {
  Element iq = question(after, since);
  SKEP_CO_TRY(const Element answer, co_await request(ctx, std::move(iq)));
  co_return xmpp::read_archive_page(answer);
}

// With an id nothing before it is asked for; else by time. Neither goes back further than kAgeMax.
Element CatchUp::question(const std::string& after, WallTime since) const {
  const WallTime oldest = deps_.clock.now() - kAgeMax;
  xmpp::ArchiveQuestion question{
      .archive = deps_.account, .query = query_, .after = after, .items_max = kPageItems};
  if (after.empty() || since < oldest) question.start = std::max(since, oldest);
  return xmpp::make_archive_question(question);
}

}  // namespace skep::channels
