// Tools that act on the network that the message came by.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "skep/tools/toolbox.h"
#include "skep/tools/workspace.h"

namespace skep::tools {

struct FileToSend {
  std::string name;
  std::string bytes;
  std::string caption;
};
// Errors are sentences a model can act on. Ok: it will arrive.
using ReactFunction =
    std::function<Result<void>(const ToolContext& context, std::vector<std::string> emojis)>;
using SendFileFunction = std::function<Task<Result<void>>(ToolContext context, FileToSend file)>;

// react {emoji}: to the message that is being answered; an empty emoji takes it back.
std::unique_ptr<Tool> make_react(ReactFunction react);
// send_file {path, caption?}: from the workspace, to the conversation.
std::unique_ptr<Tool> make_send_file(WorkspacePtr workspace, Pool& pool, SendFileFunction send);

}  // namespace skep::tools
