#include "skep/api/api.h"

#include <gtest/gtest.h>

#include "temp_home.h"

namespace skep::api {
namespace {

// A daemon of its own, on a free port, with the demo model.
class ApiTest : public testing::Test {
 protected:
  void SetUp() override {
    const Result<void> started = loop_.run(start());
    ASSERT_TRUE(started) << started.error().message;
  }
  void TearDown() override { loop_.run(stop()); }

  Task<Result<void>> start() {
    ConfigFile file = ConfigFile::parse("[llm]\nprovider = \"demo\"\n", "test.toml").value();
    kernel::KernelConfig config = kernel::KernelConfig::read(file, home_.path());
    SKEP_CO_TRY(kernel_,
                co_await kernel::Kernel::open(loop_, std::move(config), kernel::KernelOptions()));
    Api::Deps deps{
        .loop = loop_, .kernel = *kernel_, .shutdown = [this] { shutdown_asked_ = true; }};
    SKEP_CO_TRY(api_, co_await Api::open("127.0.0.1:0", home_.path(), std::move(deps)));
    net::HttpClient::Deps http{.loop = loop_};
    SKEP_CO_TRY(http_, net::HttpClient::open(std::move(http)));
    co_return Result<void>{};
  }
  Task<void> stop() {
    const Ctx ctx;
    const Ctx brief = ctx.within(std::chrono::seconds(5));
    if (api_) co_await api_->close(brief);
    if (kernel_) co_await kernel_->close(brief);
  }

  net::HttpResponse fetch(std::string method, std::string path, net::Headers headers = {},
                          std::string body = {}) {
    net::HttpRequest request{.method = std::move(method),
                             .url = "http://" + api_->address() + path,
                             .headers = std::move(headers),
                             .body = std::move(body)};
    return loop_.run(http_->fetch(Ctx(), std::move(request))).value();
  }

  kernel::TempHome home_;
  Loop loop_;
  std::unique_ptr<kernel::Kernel> kernel_;
  std::unique_ptr<Api> api_;
  std::unique_ptr<net::HttpClient> http_;
  bool shutdown_asked_ = false;
};

TEST_F(ApiTest, HealthNeedsNoToken) {
  const net::HttpResponse response = fetch("GET", "/api/health");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(get_string(parse_json(response.body).value(), "status"), "ok");
}

TEST_F(ApiTest, EverythingElseNeedsTheToken) {
  EXPECT_EQ(fetch("GET", "/api/status").status, 401);
  EXPECT_EQ(fetch("POST", "/api/chat", {{"Authorization", "Bearer wrong"}}, "{}").status, 401);
  EXPECT_EQ(fetch("POST", "/api/shutdown").status, 401);
  EXPECT_FALSE(shutdown_asked_);
}

TEST_F(ApiTest, ForeignHostsAndOriginsAreRefused) {
  EXPECT_EQ(fetch("GET", "/api/health", {{"Host", "evil.example"}}).status, 403);
  EXPECT_EQ(fetch("GET", "/api/health", {{"Origin", "http://evil.example"}}).status, 403);
}

TEST_F(ApiTest, UnknownRoutesAndMethodsSaySo) {
  EXPECT_EQ(fetch("GET", "/api/nothing").status, 404);
  EXPECT_EQ(fetch("DELETE", "/api/health").status, 501);
}

TEST_F(ApiTest, AClientFindsTheDaemonAndChats) {
  auto client = loop_.run(Client::find(Ctx(), *http_, home_.path()));
  ASSERT_TRUE(client) << client.error().message;
  std::string reply;
  std::string streamed;
  const json::value body = json::object{{"peer", "ann@cli"}, {"text", "say good morning"}};
  const Result<void> done =
      loop_.run((*client)->chat(Ctx(), body, [&](std::string_view name, const json::value& data) {
        if (name == "text") streamed += get_string(data, "text");
        if (name == "reply") reply = get_string(data, "text");
      }));
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(reply, "good morning");
  EXPECT_EQ(streamed, reply);
}

TEST_F(ApiTest, AnEmptyTextIsABadRequest) {
  auto client = loop_.run(Client::find(Ctx(), *http_, home_.path())).value();
  const json::value body = json::object{{"peer", "ann@cli"}, {"text", "  "}};
  const Result<void> done =
      loop_.run(client->chat(Ctx(), body, [](std::string_view, const json::value&) {}));
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::kInvalid);
}

TEST_F(ApiTest, ShutdownIsAsked) {
  auto client = loop_.run(Client::find(Ctx(), *http_, home_.path())).value();
  const json::value nothing = json::object{};
  ASSERT_TRUE(loop_.run(client->post(Ctx(), "/api/shutdown", nothing)));
  EXPECT_TRUE(shutdown_asked_);
}

}  // namespace
}  // namespace skep::api
