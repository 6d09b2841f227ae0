// file_read, file_write, file_list, create_directory: the workspace as the model handles it.
#include "skep/base/text.h"
#include "skep/tools/workspace.h"
#include "spec.h"
#include "workspace_path.h"

namespace skep::tools {

std::unique_ptr<Tool> make_apply_patch(const WorkspacePtr& workspace, Pool& pool);
std::unique_ptr<Tool> make_image_analyze(const WorkspacePtr& workspace, Pool& pool);

namespace {

constexpr std::int64_t kLinesDefault = 2000;
constexpr std::size_t kTextBytesMax = result_bytes_max - 1000;

// A tool whose work blocks on the disk: `Work` is a pure function of the workspace and the
// arguments.
class FileTool final : public Tool {
 public:
  using Work = ToolOutput (*)(const Workspace&, const json::value&);
  FileTool(llm::ToolSpec spec, authority::Action action, Work work, WorkspacePtr workspace,
           Pool& pool)
      : spec_(std::move(spec)),
        action_(action),
        work_(work),
        workspace_(std::move(workspace)),
        pool_(pool) {}
  [[nodiscard]] const llm::ToolSpec& spec() const override { return spec_; }
  [[nodiscard]] bool repeatable() const override { return true; }
  [[nodiscard]] bool side_by_side() const override {
    return spec_.name == "file_read" || spec_.name == "file_list";
  }

  [[nodiscard]] std::vector<Need> needs(const json::value& arguments) const override {
    return {{action_, path_resource(get_string(arguments, "path"))}};
  }

  Task<ToolOutput> call(ToolContext context, json::object arguments) override {
    auto work = [run = work_, workspace = workspace_, given = json::value(std::move(arguments))] {
      return run(*workspace, given);
    };
    auto output = co_await pool_.run(context.ctx, std::move(work));
    if (!output) co_return ToolOutput{output.error().message, true};
    co_return *std::move(output);
  }

 private:
  llm::ToolSpec spec_;
  authority::Action action_;
  Work work_;
  WorkspacePtr workspace_;
  Pool& pool_;
};

ToolOutput refusal(std::string_view what, const Error& error) {
  return {fmt::format("{}: {}.", what, error.message), true};
}

// Lines `first` to `first + count - 1` of `text`, at most kTextBytesMax, and which they are.
ToolOutput some_lines(std::string_view path, std::string_view text, std::int64_t first,
                      std::int64_t count) {
  if (text.empty()) return {fmt::format("({} is empty)", path), false};
  if (text.ends_with('\n')) text.remove_suffix(1);
  const std::vector<std::string_view> lines = split(text, '\n');
  const auto all = static_cast<std::int64_t>(lines.size());
  if (first > all) return {fmt::format("{} has only {} lines.", path, all), true};
  std::string shown;
  std::int64_t next = first;
  while (next <= all && next < first + count) {
    const std::string_view line = lines[static_cast<std::size_t>(next - 1)];
    if (shown.size() + line.size() + 1 > kTextBytesMax) break;
    shown.append(line).push_back('\n');
    ++next;
  }
  if (next == first) {
    shown = std::string(cut_utf8(lines[static_cast<std::size_t>(first - 1)], kTextBytesMax));
    return {
        fmt::format("{}\n[line {} of {} is longer than what can be shown; this is its beginning]",
                    shown, first, all),
        false};
  }
  if (first == 1 && next > all) return {std::move(shown), false};
  std::string more = next > all ? "" : fmt::format("; go on with offset {}", next);
  return {fmt::format("{}[lines {} to {} of {}{}]", shown, first, next - 1, all, more), false};
}

ToolOutput file_read(const Workspace& workspace, const json::value& arguments) {
  const std::string_view path = get_string(arguments, "path");
  const auto content = workspace.read(path);
  if (!content) return refusal("Not read", content.error());
  if (content->contains('\0') || !is_valid_utf8(*content)) {
    return {fmt::format("{} is binary data ({}); only UTF-8 text can be read.", path,
                        human_size(content->size())),
            true};
  }
  return some_lines(path, *content, get_int(arguments, "offset").value_or(1),
                    get_int(arguments, "limit").value_or(kLinesDefault));
}

ToolOutput file_write(const Workspace& workspace, const json::value& arguments) {
  const std::string_view path = get_string(arguments, "path");
  const std::string_view content = get_string(arguments, "content");
  if (const auto written = workspace.write(path, content); !written)
    return refusal("Not written", written.error());
  return {fmt::format("Wrote {} bytes to {}.", content.size(), path), false};
}

ToolOutput file_list(const Workspace& workspace, const json::value& arguments) {
  const auto listing = workspace.list(get_string(arguments, "path"));
  if (!listing) return refusal("Not listed", listing.error());
  if (listing->names.empty()) return {"(empty folder)", false};
  std::string text = join(listing->names, "\n");
  if (listing->cut) text += fmt::format("\n[there are more than these {}]", Workspace::entries_max);
  return {std::move(text), false};
}

ToolOutput create_directory(const Workspace& workspace, const json::value& arguments) {
  const std::string_view path = get_string(arguments, "path");
  if (const auto made = workspace.make_folder(path); !made)
    return refusal("Not made", made.error());
  return {fmt::format("The folder {} is there.", path), false};
}

constexpr std::string_view kPath = R"({"path":{"type":"string"}})";

}  // namespace

FileToolsConfig FileToolsConfig::read(ConfigSection section) {
  FileToolsConfig config;
  section.read("enabled", config.enabled);
  return config;
}

std::vector<std::unique_ptr<Tool>> make_file_tools(const WorkspacePtr& workspace, Pool& pool) {
  std::vector<std::unique_ptr<Tool>> tools;
  using authority::Action;
  auto add = [&](Action action, llm::ToolSpec spec, FileTool::Work work) {
    tools.push_back(std::make_unique<FileTool>(std::move(spec), action, work, workspace, pool));
  };
  add(Action::kFileRead,
      make_spec("file_read", "Read a workspace text file, or limit lines of it from line offset.",
                R"({"path":{"type":"string"},"offset":{"type":"integer","minimum":1},)"
                R"("limit":{"type":"integer","minimum":1}})",
                {"path"}),
      file_read);
  add(Action::kFileWrite,
      make_spec("file_write", "Write a workspace text file, replacing what is there.",
                R"({"path":{"type":"string"},"content":{"type":"string"}})", {"path", "content"}),
      file_write);
  add(Action::kFileRead,
      make_spec("file_list", "List a workspace folder; \".\" is the workspace itself.", kPath,
                {"path"}),
      file_list);
  add(Action::kFileWrite,
      make_spec("create_directory", "Make a workspace folder.", kPath, {"path"}), create_directory);
  tools.push_back(make_apply_patch(workspace, pool));
  tools.push_back(make_image_analyze(workspace, pool));
  return tools;
}

}  // namespace skep::tools
