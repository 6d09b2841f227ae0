#include "client_login.h"

#include "skep/base/id.h"
#include "skep/base/log.h"
#include "skep/base/text.h"

namespace skep::xmpp {
namespace {

constexpr std::string_view kNsTls = "urn:ietf:params:xml:ns:xmpp-tls";
constexpr std::string_view kNsBind = "urn:ietf:params:xml:ns:xmpp-bind";
constexpr std::string_view kNsChannelBindings = "urn:xmpp:sasl-cb:0";  // XEP-0440
constexpr int kBindAttemptsMax = 3;
constexpr int kSaslStepsMax = 8;
constexpr std::size_t kEarlyMax = 1000;  // stanzas between binding and <enabled/>
constexpr std::size_t kTermsBytesMax = 4096;

}  // namespace

ClientLogin::ClientLogin(const XmppConfig& config, XmppDeps deps, Endpoint endpoint,
                         LiveSession* interrupted)
    : config_(config),
      deps_(deps),
      endpoint_(std::move(endpoint)),
      interrupted_(interrupted),
      account_(config.address()) {}

Task<Opened> ClientLogin::run(Ctx ctx) {
  auto session = co_await log_in(ctx.within(config_.handshake_timeout));
  if (session) co_return std::move(*session);
  Error error = std::move(session).error();
  if (retry_) co_return std::unexpected(SessionEnd{std::move(error), *retry_});
  SessionEnd end =
      end_of_transport(std::move(error).in(fmt::format("{}:{}", endpoint_.host, endpoint_.port)));
  co_return std::unexpected(std::move(end));
}

std::unexpected<Error> ClientLogin::refuse(SessionEnd end) {
  retry_ = end.retry;
  return fail(std::move(end.error));
}

Task<Result<std::unique_ptr<Session>>> ClientLogin::log_in(Ctx ctx) {
  SKEP_CO_TRY_VOID(co_await connect(ctx));
  SKEP_CO_TRY(Element features, co_await open_stream(ctx));
  if (!wire_->stream().encrypted()) {
    SKEP_CO_TRY_VOID(co_await start_tls(ctx, features));
    SKEP_CO_TRY(features, co_await open_stream(ctx));
  }
  SKEP_CO_TRY_VOID(co_await authenticate(ctx, features));
  wire_->restart();
  SKEP_CO_TRY(features, co_await open_stream(ctx));
  SKEP_CO_TRY(const bool resumed, co_await resume(ctx, features));
  if (resumed) co_return nullptr;
  SKEP_CO_TRY(const Jid address, co_await bind(ctx, features));
  SKEP_CO_TRY_VOID(co_await manage(ctx, features));
  LiveSession::Setup setup{.config = config_, .address = address, .mechanism = mechanism_};
  setup.management = std::move(management_);
  setup.early = std::move(early_);
  setup.ping_target = Jid::parse(account_.domain()).value_or(Jid());
  co_return std::make_unique<LiveSession>(std::move(setup), *std::move(wire_), deps_);
}

net::TlsClientConfig ClientLogin::tls_config() const {
  return {.server_name = account_.ascii_domain(),
          .verify = config_.tls_verify,
          .ca_file = config_.tls_ca_file,
          .alpn = endpoint_.direct_tls ? "xmpp-client" : ""};
}

Task<Result<void>> ClientLogin::connect(Ctx ctx) {
  const net::TcpOptions options{.user_timeout = config_.ping_timeout};
  SKEP_CO_TRY(auto stream, co_await net::connect_tcp(ctx, endpoint_.host, endpoint_.port, options));
  wire_.emplace(std::move(stream), config_.xml);
  if (endpoint_.direct_tls) co_return co_await wire_->start_tls(ctx, tls_config());
  co_return Result<void>();
}

// The next top-level element; the stream's end and its errors are failures.
Task<Result<Element>> ClientLogin::next_element(Ctx ctx) {
  SKEP_CO_TRY(StreamEvent event, co_await wire_->next(ctx));
  auto* element = std::get_if<Element>(&event);
  if (!element) co_return fail(Code::kUnavailable, "the server closed the stream");
  if (!is_stream_error(*element)) co_return std::move(*element);
  redirected_to_ = other_host(*element);
  co_return refuse(end_of_stream_error(*element, config_));
}

Task<Result<Element>> ClientLogin::open_stream(Ctx ctx) {
  std::string header = fmt::format(
      "<?xml version='1.0'?><stream:stream xmlns='{}' xmlns:stream='{}' to='{}' version='1.0'>",
      kNsClient, kNsStreams, escape_xml(account_.domain()));
  SKEP_CO_TRY_VOID(co_await wire_->send(ctx, std::move(header)));
  SKEP_CO_TRY(const StreamEvent event, co_await wire_->next(ctx));
  const auto* open = std::get_if<StreamOpen>(&event);
  if (!open || open->header.name != "stream" || open->header.ns != kNsStreams) {
    co_return fail(Code::kCorrupt, "the other side does not speak XMPP");
  }
  SKEP_CO_TRY(Element features, co_await next_element(ctx));
  if (features.name != "features" || features.ns != kNsStreams) {
    co_return fail(Code::kCorrupt, fmt::format("<{}/> instead of stream features", features.name));
  }
  co_return features;
}

Task<Result<void>> ClientLogin::start_tls(Ctx ctx, const Element& features) {
  if (!features.child("starttls", kNsTls)) {
    co_return refuse(
        {Code::kUnauthenticated,
         fmt::format(
             "{} offers no encryption (STARTTLS), so no password is sent to it: enable TLS on the "
             "server, or use direct_tls",
             endpoint_.host)},
        Retry::kNever);
  }
  SKEP_CO_TRY_VOID(co_await wire_->send(ctx, fmt::format("<starttls xmlns='{}'/>", kNsTls)));
  SKEP_CO_TRY(const Element answer, co_await next_element(ctx));
  if (answer.name != "proceed" || answer.ns != kNsTls) {
    co_return fail(Code::kUnavailable, "the server refused STARTTLS although it offers it");
  }
  co_return co_await wire_->start_tls(ctx, tls_config());
}

SaslOffer ClientLogin::offer_of(const Element& features) {
  net::Stream& stream = wire_->stream();
  SaslOffer offer{.encrypted = stream.encrypted(),
                  .verified = stream.verified(),
                  .allow_plain = config_.allow_plain,
                  .strongest_seen = config_.strongest_mechanism};
  if (const Element* list = features.child("mechanisms", kNsSasl)) {
    for (const Element* mechanism : list->children())
      offer.mechanisms.emplace_back(trim(mechanism->text()));
  }
  if (const Element* list = features.child("sasl-channel-binding", kNsChannelBindings)) {
    for (const Element* type : list->children())
      offer.channel_bindings.emplace_back(type->attribute("type"));
  }
  // tls-exporter is safe in TLS 1.2 only with an extension that cannot be relied on (RFC 9266 2).
  const bool modern = stream.tls_version() == "TLSv1.3";
  for (const std::string_view type : {"tls-exporter", "tls-server-end-point", "tls-unique"}) {
    if (type == "tls-exporter" && !modern) continue;
    if (stream.channel_binding(type)) offer.bindings_available.emplace_back(type);
  }
  return offer;
}

Task<Result<void>> ClientLogin::authenticate(Ctx ctx, const Element& features) {
  const auto choice = choose_mechanism(offer_of(features));
  if (!choice) co_return refuse(choice.error(), Retry::kNever);
  SaslClient::Input input{
      .user = account_.local(), .password = config_.password, .choice = *choice};
  if (!choice->binding.empty()) {
    SKEP_CO_TRY(input.binding_data, wire_->stream().channel_binding(choice->binding));
  }
  auto started = SaslClient::start(std::move(input));
  if (!started) co_return refuse(started.error(), Retry::kNever);
  std::shared_ptr<SaslClient> sasl = std::move(*started);
  std::string first = base64_encode(sasl->initial());
  std::string auth =
      fmt::format("<auth xmlns='{}' mechanism='{}'>{}</auth>", kNsSasl, choice->mechanism, first);
  SKEP_CO_TRY_VOID(co_await wire_->send(ctx, std::move(auth)));
  SKEP_CO_TRY_VOID(co_await exchange(ctx, std::move(sasl)));
  mechanism_ = choice->mechanism;
  log::debug("xmpp", "{} logged in with {} {}", account_.str(), mechanism_, choice->binding);
  co_return Result<void>();
}

// Until <success/>, which counts only with the server's own proof.
Task<Result<void>> ClientLogin::exchange(Ctx ctx, std::shared_ptr<SaslClient> sasl) {
  bool proven = false;
  for (int step = 0; step < kSaslStepsMax; ++step) {
    SKEP_CO_TRY(const Element answer, co_await next_element(ctx));
    if (answer.ns != kNsSasl)
      co_return fail(Code::kCorrupt, fmt::format("<{}/> while logging in", answer.name));
    if (answer.name == "failure") co_return refuse(end_of_sasl_failure(answer, config_));
    const std::string text(trim(answer.text()));
    auto data = text == "=" ? std::optional(std::string()) : base64_decode(text);
    if (!data) co_return fail(Code::kCorrupt, "the server's SASL data is no base64");
    const bool success = answer.name == "success";
    if (success && proven) co_return Result<void>();
    if (success || data->starts_with("v=")) {
      const auto checked = sasl->finish(*data);
      if (!checked) co_return refuse(checked.error(), Retry::kNever);
      if (success) co_return Result<void>();
      proven = true;
      data.emplace();
    }
    std::string response;
    if (!proven) {
      SKEP_CO_TRY(response, co_await respond(ctx, sasl, std::move(*data)));
    }
    std::string message =
        fmt::format("<response xmlns='{}'>{}</response>", kNsSasl, base64_encode(response));
    SKEP_CO_TRY_VOID(co_await wire_->send(ctx, std::move(message)));
  }
  co_return fail(Code::kCorrupt, "the login does not come to an end");
}

// Thousands to millions of hash rounds: not on the loop.
Task<Result<std::string>> ClientLogin::respond(Ctx ctx, std::shared_ptr<SaslClient> sasl,
                                               std::string challenge) {
  auto work = [sasl, challenge] { return sasl->respond(challenge); };
  SKEP_CO_TRY(auto answer, co_await deps_.pool.run(ctx, std::move(work)));
  if (!answer) co_return refuse(answer.error(), Retry::kNever);
  co_return std::move(*answer);
}

Task<Result<Jid>> ClientLogin::bind(Ctx ctx, const Element& features) {
  if (!features.child("bind", kNsBind))
    co_return fail(Code::kUnsupported, "the server offers no resource binding");
  std::string resource = config_.resource;
  for (int attempt = 0; attempt < kBindAttemptsMax; ++attempt) {
    SKEP_CO_TRY(const Element answer, co_await bind_once(ctx, resource));
    if (answer.attribute("type") == "result") {
      const Element* bound = answer.child("bind", kNsBind);
      auto address = Jid::parse(bound ? bound->child_text("jid", kNsBind) : "");
      if (!address) co_return fail(Code::kCorrupt, "the server bound no valid address");
      co_return std::move(*address);
    }
    const Error error = error_of_stanza(answer);
    if (error.code != Code::kConflict) {
      co_return refuse(Error(error).in("binding a resource"),
                       error.code == Code::kExhausted ? Retry::kSlowly : Retry::kNormally);
    }
    resource = fmt::format("{}-{}", config_.resource, hex_encode(random_bytes(4)));
    log::warn("xmpp", "resource {} of {} is taken: trying {}", config_.resource, account_.str(),
              resource);
  }
  co_return refuse({Code::kConflict, "every resource that was asked for is taken"}, Retry::kSlowly);
}

// XEP-0198 5. False: the server knows nothing of that stream any more; a new one may be bound on
// this connection.
Task<Result<bool>> ClientLogin::resume(Ctx ctx, const Element& features) {
  if (interrupted_ == nullptr || !interrupted_->resumable() || !features.child("sm", kNsSm))
    co_return false;
  StreamManagement& stream = *interrupted_->management();
  std::string request = fmt::format("<resume xmlns='{}' previd='{}' h='{}'/>", kNsSm,
                                    escape_xml(stream.terms().id), stream.handled());
  SKEP_CO_TRY_VOID(co_await wire_->send(ctx, std::move(request)));
  SKEP_CO_TRY(const Element answer, co_await next_element(ctx));
  if (answer.ns != kNsSm)
    co_return fail(Code::kCorrupt,
                   fmt::format("<{}/> instead of the answer to resuming", answer.name));
  if (answer.name == "resumed") {
    SKEP_CO_TRY(const std::uint32_t h, parse_h(answer));
    SKEP_CO_TRY_VOID(interrupted_->resume(*std::move(wire_), h));
    co_return true;
  }
  log::info("xmpp", "{} does not resume the stream", endpoint_.host);
  if (const auto h = parse_h(answer)) interrupted_->settle(*h);
  co_return false;
}

// What comes before the answer is not counted by either side, but it is not lost.
Task<Result<void>> ClientLogin::manage(Ctx ctx, const Element& features) {
  if (!config_.stream_management || !features.child("sm", kNsSm)) co_return Result<void>();
  SKEP_CO_TRY_VOID(
      co_await wire_->send(ctx, fmt::format("<enable xmlns='{}' resume='true'/>", kNsSm)));
  while (early_.size() <= kEarlyMax) {
    SKEP_CO_TRY(Element answer, co_await next_element(ctx));
    if (answer.ns != kNsSm) {
      early_.push_back(std::move(answer));
      continue;
    }
    if (answer.name != "enabled") {
      log::info("xmpp", "{} offers stream management and refuses it", endpoint_.host);
      co_return Result<void>();
    }
    const bool resumes = answer.attribute("resume") == "true" || answer.attribute("resume") == "1";
    management_.emplace();
    if (resumes && answer.attribute("id").size() <= kTermsBytesMax)
      management_->id = answer.attribute("id");
    if (answer.attribute("location").size() <= kTermsBytesMax)
      management_->location = answer.attribute("location");
    co_return Result<void>();
  }
  co_return fail(Code::kCorrupt, "no answer to <enable/> among so many stanzas");
}

Task<Result<Element>> ClientLogin::bind_once(Ctx ctx, std::string resource) {
  const std::string id = hex_encode(random_bytes(6));
  Element request("bind", std::string(kNsBind));
  if (!resource.empty()) request.add(Element("resource", request.ns).text(std::move(resource)));
  Element iq = make_iq({}, {}, "set", id);
  iq.add(std::move(request));
  SKEP_CO_TRY_VOID(co_await wire_->send(ctx, to_xml(iq, kNsClient)));
  SKEP_CO_TRY(Element answer, co_await next_element(ctx));
  if (answer.name != "iq" || answer.ns != kNsClient || answer.attribute("id") != id) {
    co_return fail(Code::kCorrupt,
                   fmt::format("<{}/> instead of the answer to binding", answer.name));
  }
  co_return answer;
}

}  // namespace skep::xmpp
