// A workspace with its tools, and an outside that they must not reach.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "skep/async/loop.h"
#include "skep/async/wait.h"
#include "skep/tools/workspace.h"

namespace skep::tools::testing {

namespace fs = std::filesystem;

class WorkspaceTest : public ::testing::Test {
 protected:
  WorkspaceTest() {
    std::string pattern = (fs::temp_directory_path() / "skep-workspace-XXXXXX").string();
    base = fs::canonical(::mkdtemp(pattern.data()));
    put(base / "secret.txt", "the secret");
    workspace = Workspace::open((base / "inside").string()).value();
    inside = base / "inside";
    for (auto& tool : make_file_tools(workspace, pool)) EXPECT_TRUE(toolbox.add(std::move(tool)));
  }
  ~WorkspaceTest() override { fs::remove_all(base); }

  static void put(const fs::path& path, std::string_view text) { std::ofstream(path) << text; }
  static std::string get(const fs::path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  ToolOutput call(std::string name, json::object arguments, std::string peer = "ann@example.org") {
    ToolCall wanted{.id = "c1", .name = std::move(name), .arguments = std::move(arguments)};
    ToolContext context{.conversation = {"xmpp", std::move(peer), ""}, .turn = "t", .call_id = "c"};
    return loop.run(toolbox.call(std::move(context), wanted));
  }
  std::string refused(std::string name, json::object arguments) {
    const ToolOutput output = call(std::move(name), std::move(arguments));
    EXPECT_TRUE(output.is_error) << output.text;
    return output.text;
  }
  std::string done(std::string name, json::object arguments) {
    const ToolOutput output = call(std::move(name), std::move(arguments));
    EXPECT_FALSE(output.is_error) << output.text;
    return output.text;
  }

  fs::path base, inside;
  Loop loop;
  Pool pool{loop};
  WorkspacePtr workspace;
  Toolbox toolbox;
};

}  // namespace skep::tools::testing
