// The folder where an agent works, and the tools that stand on it: files, patches, programs.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "skep/async/pool.h"
#include "skep/base/config.h"
#include "skep/sandbox/sandbox.h"
#include "skep/tools/toolbox.h"

namespace skep::tools {

// Where programs in the sandbox, and so the model, see the workspace.
inline constexpr std::string_view workspace_at = "/workspace";

// A folder that no path leaves: not by "..", not by a link, not by a race (openat2). Paths are
// relative to it, or begin with /workspace. Every call blocks on the disk, so callers use the Pool;
// any thread.
//
// All fail with kNotFound, kInvalid for a path that is none (with words a model can use), kDenied
// for one that leads outside or over a link, kTooLarge over a bound, kExhausted when the disk is
// full.
class Workspace {
 public:
  static constexpr std::size_t file_bytes_max = 8u << 20;  // read or written
  static constexpr std::size_t entries_max = 1000;         // listed
  static constexpr std::size_t path_bytes_max = 1024;

  // Makes the folder (0700) where it is missing. kUnsupported before Linux 5.6.
  static Result<std::shared_ptr<const Workspace>> open(const std::string& path);
  ~Workspace();
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

  // Whether read() and its like would take it for a path at all.
  static Result<void> check_path(std::string_view path);

  [[nodiscard]] Result<std::string> read(std::string_view path) const;
  // Creates folders on the way; readers see the old content or the new. A link is replaced, not
  // followed.
  [[nodiscard]] Result<void> write(std::string_view path, std::string_view content) const;
  // Behind what is there, as one write; a link is refused. Where the last append_look_bytes have
  // `mark` in them already, nothing is written: who may be doing it for the second time asks so.
  // kTooLarge where the file would be over file_bytes_max.
  [[nodiscard]] Result<void> append(std::string_view path, std::string_view content,
                                    std::string_view mark = {}) const;
  static constexpr std::size_t append_look_bytes = 256u << 10;
  struct Listing {
    std::vector<std::string> names;  // sorted; folders end with "/", links with "@"
    bool cut = false;                // there are more than entries_max
  };
  [[nodiscard]] Result<Listing> list(std::string_view path) const;
  // With all that lead to it; ok when it is there already.
  [[nodiscard]] Result<void> make_folder(std::string_view path) const;
  [[nodiscard]] bool exists(std::string_view path) const;  // also true of a link that leads nowhere

  struct Change {
    std::string path;
    std::optional<std::string> content;  // nullopt: the file goes
  };
  // All of them or, when one fails, none. (Not when the process dies in between: then some are
  // done.)
  [[nodiscard]] Result<void> change(const std::vector<Change>& changes) const;

 private:
  Workspace(std::string path, int root) : path_(std::move(path)), root_(root) {}
  std::string path_;
  int root_;
};

// [tools.files]
struct FileToolsConfig {
  bool enabled = true;
  static FileToolsConfig read(ConfigSection section);
};

// [tools.shell]: shell_exec and process_*. Off until an operator turns it on.
struct ShellToolsConfig {
  bool enabled = false;
  // Not empty: only these programs, by name, without a shell, and no paths outside the workspace in
  // their arguments. Empty: any command line, in a shell.
  std::vector<std::string> allowed_commands;
  bool network = false;                             // this machine's network, loopback included
  std::chrono::milliseconds timeout{30'000};        // of a command that names none
  std::chrono::milliseconds timeout_max{600'000};   // the longest that a command may name
  std::chrono::milliseconds background{3'600'000};  // life of a program of process_start
  std::size_t background_max = 5;                   // such programs at once
  sandbox::Limits limits = {.cpu = std::chrono::seconds(300), .output_bytes = 20'000};

  static ShellToolsConfig read(ConfigSection section);
};

using WorkspacePtr = std::shared_ptr<const Workspace>;
// file_read, file_write, file_list, create_directory, apply_patch, image_analyze.
std::vector<std::unique_ptr<Tool>> make_file_tools(const WorkspacePtr& workspace, Pool& pool);
// shell_exec, process_start, process_poll, process_write, process_kill, process_list. Programs die
// with the tools.
std::vector<std::unique_ptr<Tool>> make_shell_tools(const WorkspacePtr& workspace,
                                                    const ShellToolsConfig& config);

}  // namespace skep::tools
