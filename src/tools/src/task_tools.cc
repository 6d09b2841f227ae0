// task_*: work that agents leave for each other. event_publish: a word to everything on the fabric.
#include "memory_access.h"
#include "skep/base/text.h"
#include "skep/base/untrusted.h"

namespace skep::tools {
namespace {

using authority::Action;

constexpr std::size_t kEventBytesMax = 16'384;
constexpr std::size_t kEventTypeBytesMax = 128;

class Board {
 public:
  explicit Board(MemoryToolDeps deps) : deps_(std::move(deps)) {}

  Task<ToolOutput> post(ToolContext context, json::object arguments) {
    std::string assigned(trim(get_string(arguments, "assigned_to")));
    if (!assigned.empty() && deps_.agent_named) {
      const auto name = deps_.agent_named(assigned);
      if (!name) {
        co_return ToolOutput{
            fmt::format("Not posted: there is no agent \"{}\".", cut_utf8(assigned, 128)), true};
      }
      assigned = *name;
    }
    auto id = co_await deps_.board->post(
        context.ctx, {.title = std::string(trim(get_string(arguments, "title"))),
                      .description = std::string(get_string(arguments, "description")),
                      .priority = get_int(arguments, "priority").value_or(0),
                      .assigned_to = std::move(assigned),
                      .created_by = deps_.agent,
                      .person = context.conversation.peer,
                      .taint = taint_of(context.labels)});
    if (!id) co_return refusal("Not posted", id.error());
    co_return ToolOutput{fmt::format("Posted as task {}.", *id)};
  }

  Task<ToolOutput> claim(ToolContext context, json::object) {
    auto task = co_await deps_.board->claim(context.ctx, deps_.agent);
    if (!task) co_return refusal("Nothing claimed", task.error());
    if (!*task) co_return ToolOutput{"There is no task to claim."};
    co_return shown(context, "Claimed", {**task});
  }

  Task<ToolOutput> complete(ToolContext context, json::object arguments) {
    auto done = co_await deps_.board->complete(
        context.ctx, std::string(trim(get_string(arguments, "task_id"))), deps_.agent,
        std::string(get_string(arguments, "result")));
    if (!done) co_return refusal("Not completed", done.error());
    co_return ToolOutput{fmt::format("Task {} is completed.", done->id)};
  }

  Task<ToolOutput> list(ToolContext context, json::object arguments) {
    auto tasks =
        co_await deps_.board->list(context.ctx, std::string(get_string(arguments, "status")));
    if (!tasks) co_return refusal("The board could not be read", tasks.error());
    if (tasks->empty()) co_return ToolOutput{"There are no such tasks."};
    co_return shown(context, "", *tasks);
  }

  Task<ToolOutput> publish(ToolContext context, json::object arguments) {
    const std::string type(trim(get_string(arguments, "event_type")));
    json::object payload{{"type", type}, {"agent", deps_.agent}};
    if (const json::value* data = arguments.if_contains("payload")) payload["data"] = *data;
    if (type.empty() || type.size() > kEventTypeBytesMax ||
        to_json(payload).size() > kEventBytesMax)
      co_return ToolOutput{
          fmt::format("Not published: a type of 1 to {} bytes and at most {} bytes "
                      "in all.",
                      kEventTypeBytesMax, kEventBytesMax),
          true};
    auto told = deps_.tell("EVENT", std::move(payload), context);
    if (!told) co_return refusal("Not published", told.error());
    co_return ToolOutput{"Published."};
  }

 private:
  static json::object json_of(const memory::BoardTask& task) {
    json::object out{{"task_id", task.id},
                     {"title", task.title},
                     {"status", task.status},
                     {"posted_by", task.created_by},
                     {"posted_at", format_rfc3339(task.created)}};
    if (!task.description.empty()) out["description"] = task.description;
    if (task.priority != 0) out["priority"] = task.priority;
    if (!task.assigned_to.empty()) out["assigned_to"] = task.assigned_to;
    if (!task.claimed_by.empty()) out["claimed_by"] = task.claimed_by;
    if (!task.result.empty()) out["result"] = task.result;
    return out;
  }

  static ToolOutput shown(const ToolContext& context, std::string_view what,
                          const std::vector<memory::BoardTask>& tasks) {
    ToolOutput output;
    std::vector<std::string> lines;
    for (const memory::BoardTask& task : tasks) {
      lines.push_back(to_json(json_of(task)));
      output.labels |= labels_for(context, task.taint, task.person);
    }
    output.text = join(lines, "\n");
    if (output.labels != authority::Labels{})
      output.text = framed_untrusted("the task board", output.text);
    if (!what.empty()) output.text = fmt::format("{}:\n{}", what, output.text);
    return output;
  }

  MemoryToolDeps deps_;
};

using BoardTool = SharedTool<Board>;
using Traits = BoardTool::Traits;

std::vector<Need> writes(const json::value&) { return {{Action::kMemoryWrite, "shared.tasks"}}; }
std::vector<Need> reads(const json::value&) { return {{Action::kMemoryRead, "shared.tasks"}}; }
// It may wake whoever waits for it.
std::vector<Need> speaks(const json::value& arguments) {
  return {
      {Action::kAgentMessage, fmt::format("event.{}", trim(get_string(arguments, "event_type")))}};
}

}  // namespace

std::vector<std::unique_ptr<Tool>> make_task_tools(const MemoryToolDeps& deps) {
  const auto on = std::make_shared<Board>(deps);
  std::vector<std::unique_ptr<Tool>> tools;
  tools.push_back(std::make_unique<BoardTool>(
      on,
      make_spec("task_post", "Leave work for another agent on the board that all agents see.",
                R"({"title":{"type":"string","minLength":1},"description":{"type":"string"},)"
                R"("assigned_to":{"type":"string"},"priority":{"type":"integer"}})",
                {"title", "description"}),
      &Board::post, Traits{.repeatable = false, .needs = writes}));
  tools.push_back(std::make_unique<BoardTool>(
      on, make_spec("task_claim", "Take the most urgent free task for you.", "{}", {}),
      &Board::claim, Traits{.repeatable = false, .needs = writes}));
  tools.push_back(std::make_unique<BoardTool>(
      on,
      make_spec("task_complete", "Say what became of a task that you claimed.",
                R"({"task_id":{"type":"string"},"result":{"type":"string"}})",
                {"task_id", "result"}),
      &Board::complete, Traits{.repeatable = false, .needs = writes}));
  tools.push_back(std::make_unique<BoardTool>(
      on,
      make_spec("task_list", "The tasks on the board, newest first.",
                R"({"status":{"enum":["pending","claimed","completed"]}})", {}),
      &Board::list, Traits{.needs = reads}));
  return tools;
}

std::vector<std::unique_ptr<Tool>> make_event_tools(const MemoryToolDeps& deps) {
  std::vector<std::unique_ptr<Tool>> tools;
  tools.push_back(std::make_unique<BoardTool>(
      std::make_shared<Board>(deps),
      make_spec("event_publish", "Tell everything on the fabric that something has happened.",
                R"({"event_type":{"type":"string","minLength":1},"payload":{"type":"object"}})",
                {"event_type"}),
      &Board::publish, Traits{.repeatable = false, .needs = speaks}));
  return tools;
}

}  // namespace skep::tools
