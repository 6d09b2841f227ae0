#include "image_facts.h"
#include "skep/base/text.h"
#include "skep/tools/workspace.h"
#include "spec.h"
#include "workspace_path.h"

namespace skep::tools {
namespace {

constexpr std::size_t kShownBytesMax = 5u << 20;  // what providers take

ToolOutput look_at(const Workspace& workspace, const std::string& path, std::string_view prompt) {
  auto content = workspace.read(path);
  if (!content) return {fmt::format("Not looked at: {}.", content.error().message), true};
  const auto facts = image_facts(*content);
  if (!facts) return {fmt::format("{} is no image (PNG, JPEG, GIF, WebP or BMP).", path), true};
  std::string text = fmt::format("{}: {}, ", path, facts->format);
  if (facts->width > 0 && facts->height > 0)
    text += fmt::format("{} x {} pixels, ", facts->width, facts->height);
  text += human_size(content->size()) + ".";
  if (facts->format == "BMP" || content->size() > kShownBytesMax)
    return {text + " It cannot be shown to you: convert it to PNG or JPEG of at most 5 MB.", false};
  text += " It follows these results.";
  if (!prompt.empty()) text += fmt::format(" To be found out: {}", prompt);
  return {.text = std::move(text),
          .image = ImagePart{std::string(facts->media_type), *std::move(content)}};
}

class ImageAnalyze final : public Tool {
 public:
  ImageAnalyze(WorkspacePtr workspace, Pool& pool)
      : spec_(make_spec("image_analyze", "Look at a workspace image.",
                        R"({"path":{"type":"string"},
                            "prompt":{"type":"string","maxLength":2000}})",
                        {"path"})),
        workspace_(std::move(workspace)),
        pool_(pool) {}
  [[nodiscard]] const llm::ToolSpec& spec() const override { return spec_; }
  [[nodiscard]] bool repeatable() const override { return true; }
  [[nodiscard]] bool side_by_side() const override { return true; }
  [[nodiscard]] bool only_shows() const override { return true; }
  [[nodiscard]] std::vector<Need> needs(const json::value& arguments) const override {
    return {{authority::Action::kFileRead, path_resource(get_string(arguments, "path"))}};
  }

  Task<ToolOutput> call(ToolContext context, json::object arguments) override {
    auto work = [workspace = workspace_, path = std::string(get_string(arguments, "path")),
                 prompt = std::string(get_string(arguments, "prompt"))] {
      return look_at(*workspace, path, prompt);
    };
    auto output = co_await pool_.run(context.ctx, std::move(work));
    if (!output) co_return ToolOutput{output.error().message, true};
    co_return *std::move(output);
  }

 private:
  llm::ToolSpec spec_;
  WorkspacePtr workspace_;
  Pool& pool_;
};

}  // namespace

std::unique_ptr<Tool> make_image_analyze(const WorkspacePtr& workspace, Pool& pool) {
  return std::make_unique<ImageAnalyze>(workspace, pool);
}

}  // namespace skep::tools
