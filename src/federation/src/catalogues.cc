#include "catalogues.h"

#include "skep/base/id.h"
#include "skep/base/text.h"

namespace skep::federation {

using xmpp::Element;
using xmpp::Jid;
using xmpp::SkillsPage;

namespace {

constexpr std::string_view kNsDiscoInfo = "http://jabber.org/protocol/disco#info";
constexpr std::size_t kTextBytesMax = 300;  // of a skill's description, for the model

std::string line_of(const xmpp::AgentSkill& skill) {
  std::string line =
      fmt::format("  - {}{}: {}", skill.id, skill.destructive ? " (a person there must agree)" : "",
                  cut_utf8(skill.description, kTextBytesMax));
  if (skill.id != xmpp::kAskSkill && !skill.schema.empty())
    line += fmt::format(" Input: {}", cut_utf8(skill.schema, kTextBytesMax * 2));
  return line;
}

}  // namespace

Result<Target> Catalogues::target(std::string_view name) const {
  Target target{.agent = peers_.agent(name)};
  if (target.agent != nullptr) {
    target.jid = target.agent->jid;
  } else {
    auto jid = Jid::parse(trim(name));
    if (!jid) return fail(Code::kNotFound, fmt::format("there is no agent \"{}\"", name));
    target.jid = *std::move(jid);
  }
  target.peer = peers_.find(target.jid);
  if (target.peer == nullptr || !target.peer->allow_out)
    return fail(Code::kDenied,
                fmt::format("the configuration does not let us ask {}", target.jid.str()));
  return target;
}

// The named ones, and peers that are an address nobody gave a name.
std::vector<Target> Catalogues::everybody() const {
  std::vector<Target> all;
  for (const RemoteAgent& agent : peers_.config().agents) {
    if (auto known = target(agent.name)) all.push_back(*known);
  }
  for (const PeerConfig& peer : peers_.config().peers) {
    const auto jid = Jid::parse(peer.who);
    const bool named = std::ranges::any_of(all, [&](const Target& one) {
      return one.jid.bare().str() == peer.who || one.jid.domain() == peer.who;
    });
    if (jid && peer.allow_out && !named) all.push_back({*jid, &peer, nullptr});
  }
  return all;
}

Task<std::string> Catalogues::describe(Ctx ctx, std::string only) {
  std::string text;
  for (const Target& one : everybody()) {
    const bool meant =
        only.empty() || one.jid.str() == only || (one.agent != nullptr && one.agent->name == only);
    if (!meant) continue;
    text += co_await describe_one(ctx, one);
  }
  if (text.empty()) co_return "There is no such agent that may be asked.";
  co_return text;
}

Task<std::string> Catalogues::describe_one(Ctx ctx, Target one) {
  std::string text = one.agent != nullptr ? fmt::format("{} ({})\n", one.agent->name, one.jid.str())
                                          : fmt::format("{}\n", one.jid.str());
  const Ctx bounded = ctx.within(kPatience);
  const auto skills = co_await skills_of(bounded, one.jid);
  if (!skills) co_return text + fmt::format("  cannot be asked now: {}\n", skills.error().message);
  std::size_t shown = 0;
  for (const xmpp::AgentSkill& skill : *skills) {
    if (!peers_.may_ask(*one.peer, one.agent, skill.id)) continue;
    text += line_of(skill) + "\n";
    ++shown;
  }
  if (shown == 0) text += "  offers nothing that we may ask for\n";
  co_return text;
}

Task<Result<std::vector<xmpp::AgentSkill>>> Catalogues::skills_of(Ctx ctx, Jid jid) {
  std::vector<xmpp::AgentSkill> all;
  xmpp::SkillsQuery query;
  for (std::size_t page = 0; page < kPagesMax; ++page) {
    SKEP_CO_TRY(SkillsPage got, co_await ask(ctx, jid, query));
    if (got.skills.empty()) break;
    query.after = got.skills.back().id;
    std::ranges::move(got.skills, std::back_inserter(all));
    if (all.size() >= got.total) break;
  }
  co_return all;
}

Task<Result<SkillsPage>> Catalogues::ask(Ctx ctx, Jid jid, xmpp::SkillsQuery query) {
  Element iq = xmpp::make_iq(Jid(), jid, "get", "");
  iq.add(xmpp::to_element(query));
  auto answer = co_await post_.request(ctx, std::move(iq));
  if (answer) {
    const Element* payload = xmpp::agent_payload(*answer);
    if (payload == nullptr) co_return fail(Code::kCorrupt, "an answer without a list of skills");
    co_return xmpp::read_skills_page(*payload);
  }
  const bool account = answer.error().code == Code::kUnsupported && co_await is_account(ctx, jid);
  if (!account) co_return fail(answer.error());
  co_return co_await ask_by_message(std::move(ctx), std::move(jid), std::move(query));
}

Task<Result<SkillsPage>> Catalogues::ask_by_message(Ctx ctx, Jid jid, xmpp::SkillsQuery query) {
  const std::string id = mint_ulid();
  auto question = std::make_shared<Question>();
  question->to = jid;
  questions_[id] = question;
  Element message = xmpp::make_message(Jid(), jid, "normal", id);
  message.add(xmpp::to_element(query));
  post_.say(std::move(message));
  while (!question->answer) {
    if (auto woken = co_await question->changed.wait(ctx); !woken) {
      questions_.erase(id);
      co_return fail(woken.error().in("waiting for its answer"));
    }
  }
  questions_.erase(id);
  co_return *question->answer;
}

Task<bool> Catalogues::is_account(Ctx ctx, Jid jid) const {
  if (jid.local().empty() || !jid.is_bare()) co_return false;
  Element iq = xmpp::make_iq(Jid(), jid, "get", "");
  iq.add(Element("query", std::string(kNsDiscoInfo)));
  const auto info = co_await post_.request(std::move(ctx), std::move(iq));
  // RFC 6121 8.5.1: a server that tells strangers nothing says the same of accounts that exist.
  if (!info) co_return info.error().code == Code::kUnsupported;
  const Element* query = info->child("query", kNsDiscoInfo);
  if (query == nullptr) co_return false;
  co_return std::ranges::any_of(query->children(), [](const Element* child) {
    return child->name == "identity" && child->attribute("category") == "account";
  });
}

bool Catalogues::take(const Element& message) {
  const auto at = questions_.find(std::string(message.attribute("id")));
  const auto from = Jid::parse(message.attribute("from"));
  if (at == questions_.end() || !from || from->bare() != at->second->to.bare()) return false;
  const Element* payload = xmpp::agent_payload(message);
  if (message.attribute("type") == "error") {
    const auto why = xmpp::read_agent_error(message);
    at->second->answer = fail(Code::kDenied, why ? why->text : "it cannot be reached");
  } else if (payload != nullptr) {
    at->second->answer = xmpp::read_skills_page(*payload);
  } else {
    return false;
  }
  at->second->changed.notify_all();
  return true;
}

}  // namespace skep::federation
