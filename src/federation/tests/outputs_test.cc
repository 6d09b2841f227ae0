#include "outputs.h"

#include <gtest/gtest.h>

#include "skep/async/loop.h"
#include "skep/base/text.h"

namespace skep::federation {
namespace {

using xmpp::ExecOutput;
using xmpp::ExecResult;

std::string hash_of(std::string_view text) { return hex_encode(sha256(text)); }

class OutputsTest : public testing::Test {
 protected:
  OutputsTest() { config_.result_bytes_max = 4096; }

  Outputs make(bool uploads = false, bool fetches = true) {
    Outputs::Deps deps{.config = config_, .post = post_, .counts = counts_};
    if (uploads) {
      deps.upload = [this](Ctx, xmpp::SharedFile file, std::string bytes) {
        return put(std::move(file), std::move(bytes));
      };
    }
    if (fetches) {
      deps.fetch = [this](Ctx, std::string url, std::uint64_t bytes_max) {
        return get(std::move(url), bytes_max);
      };
    }
    return Outputs(std::move(deps));
  }
  Task<Result<xmpp::SharedFile>> put(xmpp::SharedFile file, std::string bytes) {
    names_.push_back(file.name);
    file.size = bytes.size();
    file.sha256 = hash_of(bytes);
    file.url = "https://up.example/" + file.name;
    there_[file.url] = std::move(bytes);
    co_return file;
  }
  Task<Result<std::string>> get(std::string url, std::uint64_t bytes_max) {
    asked_for_ = bytes_max;
    const auto at = there_.find(url);
    if (at == there_.end()) co_return fail(Code::kNotFound, "its server answered 404");
    co_return at->second;
  }
  static ExecResult result(std::vector<ExecOutput> outputs) {
    return {.skill = "ask",
            .exec_id = "e7",
            .status = xmpp::ExecStatus::kCompleted,
            .outputs = std::move(outputs)};
  }
  ExecResult pack(Outputs& outputs, ExecResult wanted) {
    return loop_.run(outputs.pack(Ctx(), std::move(wanted), "ask-1")).value();
  }
  ExecResult unpack(Outputs& outputs, ExecOutput one) {
    return loop_.run(outputs.unpack(Ctx(), result({std::move(one)})));
  }

  Loop loop_;
  FederationConfig config_;
  Post post_;
  Counts counts_;
  std::vector<std::string> names_;
  std::map<std::string, std::string> there_;
  std::uint64_t asked_for_ = 0;
};

TEST_F(OutputsTest, WhatFitsStaysAsItIs) {
  Outputs outputs = make();
  const ExecResult small = result({{"text/plain", "4"}});
  EXPECT_TRUE(outputs.fits(small));
  EXPECT_EQ(pack(outputs, small), small);
}

TEST_F(OutputsTest, WithoutAPlaceForItATextIsCutAndSaysSo) {
  Outputs outputs = make();
  const std::string text = std::string(3000, '&') + std::string(7000, 'a');
  const ExecResult cut = pack(outputs, result({{"text/plain", text}}));
  EXPECT_TRUE(outputs.fits(cut)) << "whatever escaping makes of it";
  const ExecOutput& output = cut.outputs.front();
  EXPECT_EQ(output.size, 10'000u);
  EXPECT_TRUE(output.href.empty());
  EXPECT_TRUE(output.text.contains("of 10000 bytes; there is no upload service here]"))
      << output.text.substr(output.text.size() - 100);
  EXPECT_EQ(get_int(counts_.to_json(), "outputs_cut"), 1);
}

TEST_F(OutputsTest, WhatIsCutAgainAfterARestartIsLeftAlone) {
  Outputs outputs = make();
  const ExecResult cut = pack(outputs, result({{"text/plain", std::string(10'000, 'a')}}));
  EXPECT_EQ(pack(outputs, cut), cut);
}

TEST_F(OutputsTest, AResultIsKeptUpToALimit) {
  Outputs outputs = make();
  const ExecResult whole =
      outputs.bounded(result({{"text/plain", std::string(Outputs::kWholeBytesMax - 5, 'a')},
                              {"text/plain", "0123456789"}}));
  EXPECT_EQ(whole.outputs[0].size, 0u);
  EXPECT_EQ(whole.outputs[1].size, 10u);
  EXPECT_TRUE(whole.outputs[1].text.starts_with("01234\n[cut here: 10 bytes in all"));
}

TEST_F(OutputsTest, WhatIsFetchedMustBeWhatWasAnnounced) {
  there_["https://up.example/1"] = "the answer";
  Outputs outputs = make();
  const ExecOutput good{.type = "text/plain",
                        .href = "https://up.example/1",
                        .sha256 = hash_of("the answer"),
                        .size = 10};
  const ExecResult had = unpack(outputs, good);
  EXPECT_EQ(had.outputs.front().text, "the answer");
  EXPECT_FALSE(had.error);
  struct Bad {
    ExecOutput output;
    std::string why;
  };
  std::vector<Bad> all{{good, "the hash differs"},
                       {good, "was said to be 11"},
                       {good, "at most 1048576 are fetched"},
                       {good, "no sha-256"},
                       {good, "answered 404"}};
  all[0].output.sha256 = hash_of("another");
  all[1].output.size = 11;
  all[2].output.size = config_.fetch_bytes_max + 1;
  all[3].output.sha256.clear();
  all[4].output.href += "0";
  for (const Bad& bad : all) {
    const ExecResult got = unpack(outputs, bad.output);
    ASSERT_TRUE(got.error) << bad.why;
    EXPECT_TRUE(got.error->text.contains(bad.why)) << got.error->text;
    EXPECT_TRUE(got.outputs.front().text.contains(bad.why)) << "it says so in its place too";
    EXPECT_FALSE(got.outputs.front().text.contains("the answer"));
  }
  EXPECT_EQ(get_int(counts_.to_json(), "outputs_refused"), 5);
}

TEST_F(OutputsTest, AllOutputsOfAResultShareTheLimit) {
  config_.fetch_bytes_max = 15;
  there_["https://up.example/1"] = "0123456789";
  Outputs outputs = make();
  const ExecOutput one{
      .type = "text/plain", .href = "https://up.example/1", .sha256 = hash_of("0123456789")};
  const ExecResult got = loop_.run(outputs.unpack(Ctx(), result({one, one})));
  EXPECT_EQ(got.outputs[0].text, "0123456789");
  EXPECT_EQ(asked_for_, 5u) << "of the second only what is left";
}

TEST_F(OutputsTest, WhatIsNoTextIsNamedAndNotFetched) {
  Outputs outputs = make();
  const ExecResult got = unpack(
      outputs, {.type = "image/png", .href = "https://up.example/cat.png", .sha256 = hash_of("x")});
  EXPECT_TRUE(got.outputs.front().text.contains("https://up.example/cat.png: not fetched"));
  EXPECT_EQ(asked_for_, 0u);
}

}  // namespace
}  // namespace skep::federation
