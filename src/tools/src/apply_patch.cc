// apply_patch: several files changed at once, all or nothing.
#include <algorithm>
#include <set>

#include "patch.h"
#include "skep/tools/workspace.h"
#include "spec.h"
#include "workspace_path.h"

namespace skep::tools {
namespace {

using Changes = std::vector<Workspace::Change>;

// What the patch comes to, without touching anything.
class Plan {
 public:
  explicit Plan(const Workspace& workspace) : workspace_(workspace) {}

  Result<void> add(const FilePatch& file) {
    SKEP_TRY(const std::string path, claim(file.path));
    switch (file.kind) {
      case FilePatch::kAdd:
        SKEP_TRY_VOID(must_be_free(path));
        changes_.push_back({path, file.content});
        done_.push_back("A " + path);
        return {};
      case FilePatch::kDelete:
        SKEP_TRY_VOID(workspace_.read(path));
        changes_.push_back({path, std::nullopt});
        done_.push_back("D " + path);
        return {};
      case FilePatch::kUpdate:
        return update(file, path);
    }
    return {};
  }
  [[nodiscard]] const Changes& changes() const { return changes_; }
  [[nodiscard]] const std::vector<std::string>& done() const { return done_; }

 private:
  Result<std::string> claim(std::string_view text) {
    SKEP_TRY(std::string path, workspace_path(text));
    if (!claimed_.insert(path).second)
      return fail(Code::kInvalid, fmt::format("the patch names {} more than once", path));
    return path;
  }
  Result<void> must_be_free(const std::string& path) {
    if (!workspace_.exists(path)) return {};
    return fail(Code::kExists, fmt::format("{} exists already; use \"*** Update File\"", path));
  }
  Result<void> update(const FilePatch& file, const std::string& path) {
    SKEP_TRY(const std::string old, workspace_.read(path));
    SKEP_TRY(std::string content, apply_hunks(old, file));
    if (file.new_path.empty()) {
      changes_.push_back({path, std::move(content)});
      done_.push_back("M " + path);
      return {};
    }
    SKEP_TRY(const std::string to, claim(file.new_path));
    SKEP_TRY_VOID(must_be_free(to));
    changes_.push_back({to, std::move(content)});
    changes_.push_back({path, std::nullopt});
    done_.push_back(fmt::format("R {} -> {}", path, to));
    return {};
  }

  const Workspace& workspace_;
  std::set<std::string> claimed_;
  Changes changes_;
  std::vector<std::string> done_;
};

Result<std::string> change_files(const Workspace& workspace, std::string_view text) {
  SKEP_TRY(const std::vector<FilePatch> files, parse_patch(text));
  Plan plan(workspace);
  for (const FilePatch& file : files) SKEP_TRY_VOID(plan.add(file));
  SKEP_TRY_VOID(workspace.change(plan.changes()));
  std::string report = "Applied:";
  for (const std::string& line : plan.done()) report += "\n" + line;
  return report;
}

class ApplyPatch final : public Tool {
 public:
  ApplyPatch(WorkspacePtr workspace, Pool& pool) : workspace_(std::move(workspace)), pool_(pool) {
    spec_ = make_spec("apply_patch",
                      "Change workspace files, all or nothing: *** Begin Patch, then *** Add File: "
                      "p (lines with +), *** Update File: p [-> new] (@@ [line above], then lines "
                      "with space, - or +), *** Delete File: p, then *** End Patch.",
                      R"({"patch":{"type":"string"}})", {"patch"});
  }
  [[nodiscard]] const llm::ToolSpec& spec() const override { return spec_; }
  [[nodiscard]] bool repeatable() const override { return false; }
  // A patch that cannot be read names no file: the call then says so itself.
  [[nodiscard]] std::vector<Need> needs(const json::value& arguments) const override {
    const auto files = parse_patch(get_string(arguments, "patch"));
    std::vector<Need> needs;
    if (!files) return needs;
    for (const FilePatch& file : *files) {
      needs.push_back({authority::Action::kFileWrite, path_resource(file.path)});
      if (!file.new_path.empty())
        needs.push_back({authority::Action::kFileWrite, path_resource(file.new_path)});
    }
    return needs;
  }

  Task<ToolOutput> call(ToolContext context, json::object arguments) override {
    auto work = [workspace = workspace_, text = std::string(get_string(arguments, "patch"))] {
      return change_files(*workspace, text);
    };
    auto ran = co_await pool_.run(context.ctx, std::move(work));
    if (!ran) co_return ToolOutput{ran.error().message, true};
    Result<std::string>& report = *ran;
    if (!report)
      co_return ToolOutput{fmt::format("Nothing was changed: {}.", report.error().message), true};
    co_return ToolOutput{*std::move(report), false};
  }

 private:
  llm::ToolSpec spec_;
  WorkspacePtr workspace_;
  Pool& pool_;
};

}  // namespace

std::unique_ptr<Tool> make_apply_patch(const WorkspacePtr& workspace, Pool& pool) {
  return std::make_unique<ApplyPatch>(workspace, pool);
}

}  // namespace skep::tools
