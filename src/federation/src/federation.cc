#include "skep/federation/federation.h"

#include "info.h"
#include "mirror.h"
#include "skep/base/log.h"
#include "stand_ins.h"
#include "tools.h"

namespace skep::federation {
namespace {

using xmpp::Element;
using xmpp::Jid;

constexpr std::string_view kNsPubsub = "http://jabber.org/protocol/pubsub";
constexpr std::string_view kNsData = "jabber:x:data";
constexpr std::string_view kNsPublishOptions = "http://jabber.org/protocol/pubsub#publish-options";

Element field(std::string_view name, std::string_view value, std::string_view type = {}) {
  Element out("field", std::string(kNsData));
  out.set("var", std::string(name));
  if (!type.empty()) out.set("type", std::string(type));
  Element text("value", std::string(kNsData));
  return std::move(out.add(std::move(text.text(std::string(value)))));
}

class FederationImpl final : public Federation {
 public:
  FederationImpl(FederationConfig config, FederationDeps deps)
      : config_(std::move(config)),
        deps_(std::move(deps)),
        gate_(deps_.loop),
        peers_(config_),
        skills_(peers_, deps_.toolbox, deps_.agent_name),
        archive_(deps_.db, deps_.clock, FederationConfig::kept_for),
        catalogues_(peers_, post_),
        outputs_({.config = config_,
                  .post = post_,
                  .counts = counts_,
                  .upload = deps_.upload,
                  .fetch = deps_.fetch}),
        confirmations_(confirmations_deps()),
        executor_(executor_deps()),
        desk_(desk_deps()),
        delegations_(delegations_deps()) {
    executor_.restore();
    for (const RemoteAgent& agent : config_.agents)
      stand_ins_.push_back(std::make_unique<StandInImpl>(stand_in_deps(), agent.name));
  }

  std::vector<std::unique_ptr<tools::Tool>> tools() override {
    const bool anybody = std::ranges::any_of(config_.peers, &PeerConfig::allow_out);
    if (!anybody) return {};
    return make_tools(catalogues_, delegations_, config_);
  }

  void add_features(xmpp::Features& features) override {
    desk_.add_features(features);
    mirror_.add_features(features);
    features.add_form(info_form(config_));
  }

  bool may_ask(const Jid& peer) const override {
    const PeerConfig* known = peers_.find(peer);
    return known != nullptr && (known->allow_in || known->allow_out);
  }

  void link(xmpp::Session* session) override {
    post_.up(session);
    if (session == nullptr || deps_.component) return;
    gate_.spawn("agent catalogue", publish(gate_.ctx()));
  }

  Task<bool> take(Ctx ctx, const Element& message) override {
    if (message.attribute("type") == "groupchat") co_return false;  // a room is nobody's agent
    const Element* payload = xmpp::agent_payload(message);
    const bool error = message.attribute("type") == "error";
    if (catalogues_.take(message)) co_return true;
    if (payload == nullptr) {
      if (error) delegations_.take(message, nullptr);
      co_return !error && confirmations_.take_reaction(message);
    }
    if (error || payload->name == "result" || payload->name == "progress") {
      delegations_.take(message, payload);
    } else if (payload->name == "confirmed") {
      if (auto confirmed = xmpp::read_agent_confirmed(*payload))
        confirmations_.take(message, *confirmed);
    } else if (payload->ns == xmpp::kNsAgentConfirm) {
      counts_.add("confirms_ignored");  // we confirm nothing for others
    } else if (payload->name == "query" && payload->first_child() != nullptr) {
      counts_.add("results_unasked");
    } else {
      co_await desk_.take(std::move(ctx), message);
    }
    co_return true;
  }

  Result<void> deliver(Message message) override {
    if (message.kind == Kind::kReply) return executor_.take_reply(message);
    if (message.kind == Kind::kProgress) executor_.take_progress(message);
    if (message.kind == Kind::kProgress || message.kind == Kind::kSystem) return {};
    return fail(Code::kUnsupported, "only answers of agents come here");
  }

  std::vector<StandIn*> stand_ins() override {
    std::vector<StandIn*> all;
    for (const auto& one : stand_ins_) all.push_back(one.get());
    return all;
  }

  void start() override {
    executor_.start();
    cancels_.resume();
    for (const auto& one : stand_ins_) one->resume();
  }
  void stopping() override { delegations_.stopping(); }
  Task<void> close(Ctx ctx) override {
    co_await executor_.close();
    (void)ctx;
    co_await gate_.close();
  }

  json::object status() const override {
    return {{"address", deps_.own.str()},
            {"peers", config_.peers.size()},
            {"counters", counts_.to_json()},
            {"incoming", executor_.list()},
            {"outgoing", delegations_.list()}};
  }
  std::vector<std::string> status_lines() const override {
    return {
        fmt::format("Federation: {} peers, {} executions under way for others, {} tasks with "
                    "others",
                    config_.peers.size(), executor_.list().size(), delegations_.list().size())};
  }

 private:
  Confirmations::Deps confirmations_deps() {
    return {.config = config_,
            .approvals = deps_.approvals,
            .post = post_,
            .counts = counts_,
            .own = deps_.own.str(),
            .agent = deps_.agent_node,
            .is_admin = [this](const std::string& jid) {
              return deps_.is_admin && deps_.is_admin({.channel = "xmpp", .peer = jid});
            }};
  }
  Executor::Deps executor_deps() {
    return {.loop = deps_.loop,
            .clock = deps_.clock,
            .config = config_,
            .peers = peers_,
            .journal = deps_.journal,
            .archive = archive_,
            .post = post_,
            .outputs = outputs_,
            .skills = skills_,
            .toolbox = deps_.toolbox,
            .confirmations = confirmations_,
            .counts = counts_,
            .out = deps_.out,
            .agent = deps_.agent,
            .audit = [this](const Execution& e, std::string_view outcome) { audit(e, outcome); }};
  }
  Desk::Deps desk_deps() {
    return {.gate = gate_,
            .clock = deps_.clock,
            .config = config_,
            .peers = peers_,
            .skills = skills_,
            .executor = executor_,
            .archive = archive_,
            .post = post_,
            .counts = counts_,
            .authority = deps_.authority,
            .own = deps_.own,
            .agent = deps_.agent_node};
  }
  Delegations::Deps delegations_deps() {
    return {.gate = gate_,
            .clock = deps_.clock,
            .config = config_,
            .peers = peers_,
            .post = post_,
            .outputs = outputs_,
            .cancels = cancels_,
            .counts = counts_,
            .executor = executor_,
            .catalogues = catalogues_,
            .ledger = deps_.ledger,
            .audit = deps_.audit,
            .is_admin = deps_.is_admin,
            .own = deps_.own,
            .agent = deps_.agent_node,
            .agent_name = deps_.agent_name};
  }

  StandInDeps stand_in_deps() {
    return {.gate = gate_,
            .clock = deps_.clock,
            .journal = deps_.journal,
            .catalogues = catalogues_,
            .delegations = delegations_,
            .authority = deps_.authority};
  }

  void audit(const Execution& e, std::string_view outcome) {
    const bool done = outcome == "completed";
    auto written = deps_.audit.append({.principal = e.peer(),
                                       .agent = deps_.agent_node,
                                       .action = "agent_execute",
                                       .resource = e.skill,
                                       .outcome = done ? "done" : "failed",
                                       .detail = fmt::format("{} {}", outcome, e.exec_id),
                                       .trace = e.id});
    if (!written)
      log::warn("federation", "the audit misses {}: {}", e.id, written.error().to_string());
  }

  // XEP-0163: an account's server keeps the catalogue for people who see our presence.
  Task<void> publish(Ctx ctx) {
    Element item("item", std::string(kNsPubsub));
    item.set("id", "current").add(xmpp::to_element(skills_.everything()));
    Element node("publish", std::string(kNsPubsub));
    node.set("node", std::string(xmpp::kNsAgentSkills)).add(std::move(item));
    Element form("x", std::string(kNsData));
    form.set("type", "submit").add(field("FORM_TYPE", kNsPublishOptions, "hidden"));
    form.add(field("pubsub#access_model", "presence")).add(field("pubsub#persist_items", "true"));
    Element options("publish-options", std::string(kNsPubsub));
    options.add(std::move(form));
    Element pubsub("pubsub", std::string(kNsPubsub));
    pubsub.add(std::move(node)).add(std::move(options));
    Element iq = xmpp::make_iq(Jid(), Jid(), "set", "");
    iq.add(std::move(pubsub));
    const Ctx bounded = ctx.within(std::chrono::seconds(30));
    const auto published = co_await post_.request(bounded, std::move(iq));
    counts_.add(published ? "catalogues_published" : "catalogues_unpublished");
    if (!published)
      log::info("federation", "the server keeps no catalogue: {}", published.error().to_string());
  }

  const FederationConfig config_;
  FederationDeps deps_;
  Gate gate_;
  Counts counts_;
  Post post_;
  Peers peers_;
  Skills skills_;
  Archive archive_;
  Catalogues catalogues_;
  Outputs outputs_;
  Cancels cancels_{{.gate = gate_, .clock = deps_.clock, .journal = deps_.journal, .post = post_}};
  Confirmations confirmations_;
  Executor executor_;
  Desk desk_;
  Mirror mirror_{peers_, skills_, desk_};
  Delegations delegations_;
  std::vector<std::unique_ptr<StandInImpl>> stand_ins_;
};

}  // namespace

std::vector<store::Migration> Federation::migrations() { return Archive::migrations(); }

Result<std::unique_ptr<Federation>> Federation::open(FederationConfig config, FederationDeps deps) {
  if (deps.own.empty()) return fail(Code::kInvalid, "[federation] needs [server]");
  return std::make_unique<FederationImpl>(std::move(config), std::move(deps));
}

}  // namespace skep::federation
