#include "outputs.h"

#include "skep/base/log.h"
#include "skep/base/text.h"

namespace skep::federation {

using xmpp::ExecOutput;
using xmpp::ExecResult;
using xmpp::SharedFile;

namespace {

constexpr Millis kTryAgain{1'000};
constexpr std::size_t kCutBytesMin = 256;  // shorter texts are left alone

std::size_t wire_bytes(const ExecResult& result) {
  return xmpp::to_xml(xmpp::to_element(result)).size();
}

bool is_text(std::string_view type) {
  return type.starts_with("text/") || type == "application/json" || type.ends_with("+json");
}

bool may_pass(Code code) {
  return code == Code::kUnavailable || code == Code::kTimeout || code == Code::kCancelled;
}

// Of what stands in the result itself; nullopt: nothing that could be put elsewhere.
std::optional<std::size_t> largest(const ExecResult& result) {
  std::optional<std::size_t> found;
  for (std::size_t i = 0; i < result.outputs.size(); ++i) {
    const ExecOutput& one = result.outputs[i];
    if (!one.href.empty() || one.size > 0 || one.text.size() < kCutBytesMin) continue;
    if (!found || one.text.size() > result.outputs[*found].text.size()) found = i;
  }
  return found;
}

std::string why_not(const Error& error) {
  if (error.code == Code::kUnsupported) return "there is no upload service here";
  if (error.code == Code::kTooLarge) return "the upload service here takes no file of that size";
  return "it could not be uploaded";
}

std::string file_name(std::string_view name, std::size_t index, std::string_view type) {
  return fmt::format("{}-{}.{}", name, index + 1, type == "application/json" ? "json" : "txt");
}

}  // namespace

bool Outputs::fits(const ExecResult& result) const {
  return wire_bytes(result) <= deps_.config.result_bytes_max;
}

ExecResult Outputs::bounded(ExecResult result) const {
  std::size_t left = kWholeBytesMax;
  for (ExecOutput& one : result.outputs) {
    if (one.text.size() > left) {
      one.size = one.text.size();
      one.text = fmt::format("{}\n[cut here: {} bytes in all, and larger results are not kept]",
                             cut_utf8(one.text, left), one.size);
      deps_.counts.add("outputs_cut");
    }
    left -= std::min(left, one.text.size());
  }
  return result;
}

// What escaping makes of a text is not known before, so it is shortened until it fits.
void Outputs::cut(ExecResult& result, std::size_t index, std::string_view why) const {
  ExecOutput& output = result.outputs[index];
  const std::string whole = std::move(output.text);
  output.size = whole.size();
  std::size_t keep = std::min(whole.size(), deps_.config.result_bytes_max);
  do {
    keep = keep * 3 / 4;
    const std::string_view kept = cut_utf8(whole, keep);
    output.text = fmt::format("{}\n[cut here: the first {} of {} bytes; {}]", kept, kept.size(),
                              whole.size(), why);
  } while (keep > kCutBytesMin && !fits(result));
  deps_.counts.add("outputs_cut");
}

Task<Result<SharedFile>> Outputs::put(Ctx ctx, SharedFile file, std::string bytes) {
  if (!deps_.upload) co_return fail(Code::kUnsupported, "nothing is uploaded here");
  for (int tried = 1;; ++tried) {
    SKEP_CO_TRY_VOID(co_await deps_.post.ready(ctx));
    auto done = co_await deps_.upload(ctx, file, bytes);
    if (done || !may_pass(done.error().code) || tried >= kTriesMax) co_return done;
    SKEP_CO_TRY_VOID(co_await sleep_for(ctx, kTryAgain * tried));
  }
}

Task<std::optional<ExecResult>> Outputs::pack(Ctx ctx, ExecResult result, std::string name) {
  while (!fits(result)) {
    const auto index = largest(result);
    if (!index) break;
    ExecOutput& output = result.outputs[*index];
    SharedFile file{.name = file_name(name, *index, output.type), .media_type = output.type};
    const auto placed = co_await put(ctx, std::move(file), output.text);
    if (!ctx.check()) co_return std::nullopt;
    if (placed) {
      output = {.type = std::move(output.type),
                .text = {},
                .href = placed->url,
                .sha256 = placed->sha256,
                .size = placed->size};
      deps_.counts.add("outputs_uploaded");
      continue;
    }
    log::warn("federation", "a result of {} is cut: {}", result.skill, placed.error().to_string());
    cut(result, *index, why_not(placed.error()));
  }
  co_return result;
}

Task<Result<std::string>> Outputs::get(Ctx ctx, ExecOutput output, std::size_t bytes_left) {
  if (!deps_.fetch) co_return fail(Code::kUnsupported, "nothing is fetched here");
  if (output.sha256.empty())
    co_return fail(Code::kDenied, "it does not say what its content is (no sha-256)");
  if (output.size > bytes_left) {
    co_return fail(Code::kTooLarge, fmt::format("it is {} bytes, and at most {} are fetched",
                                                output.size, bytes_left));
  }
  std::string url = output.href;
  SKEP_CO_TRY(std::string bytes, co_await deps_.fetch(std::move(ctx), std::move(url), bytes_left));
  if (output.size > 0 && bytes.size() != output.size) {
    co_return fail(Code::kCorrupt,
                   fmt::format("it is {} bytes and was said to be {}", bytes.size(), output.size));
  }
  if (hex_encode(sha256(bytes)) != output.sha256)
    co_return fail(Code::kCorrupt, "its content is not what was announced (the hash differs)");
  if (!is_valid_utf8(bytes)) co_return fail(Code::kCorrupt, "it is no text");
  co_return bytes;
}

Task<ExecResult> Outputs::unpack(Ctx ctx, ExecResult result) {
  std::size_t left = deps_.config.fetch_bytes_max;
  for (ExecOutput& output : result.outputs) {
    if (output.href.empty()) continue;
    if (!is_text(output.type)) {
      output.text =
          fmt::format("[{} at {}: not fetched, for it is no text]", output.type, output.href);
      continue;
    }
    auto bytes = co_await get(ctx, output, left);
    if (bytes) {
      deps_.counts.add("outputs_fetched");
      left -= bytes->size();
      output.text = *std::move(bytes);
      continue;
    }
    deps_.counts.add("outputs_refused");
    log::warn("federation", "an output of {} is not taken: {}", result.skill,
              bytes.error().to_string());
    output.text = fmt::format("[not here: {}]", bytes.error().message);
    result.error =
        xmpp::AgentError{xmpp::AgentFault::kFailed,
                         fmt::format("an output could not be had: {}", bytes.error().message)};
  }
  co_return result;
}

}  // namespace skep::federation
