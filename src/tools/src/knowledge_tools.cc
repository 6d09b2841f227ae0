// knowledge_*: who and what there is, and how it hangs together.
#include "memory_access.h"
#include "skep/base/text.h"
#include "skep/base/untrusted.h"

namespace skep::tools {
namespace {

using authority::Action;
using authority::Labels;

std::vector<Need> needs_of(Action action, const json::value& arguments) {
  return {
      {action, get_string(arguments, "scope") == "shared" ? "shared.knowledge" : "self.knowledge"}};
}

std::string properties_in(const json::object& arguments) {
  const json::value* properties = arguments.if_contains("properties");
  return properties == nullptr ? "{}" : to_json(*properties);
}

std::string text_in(const json::object& arguments, std::string_view key) {
  return std::string(trim(get_string(arguments, key)));
}

std::string with_properties(std::string text, const std::string& properties) {
  if (properties != "{}") text += " " + properties;
  return text;
}

class Knowledge {
 public:
  explicit Knowledge(MemoryToolDeps deps) : deps_(std::move(deps)) {}

  Task<ToolOutput> add_entity(ToolContext context, json::object arguments) {
    memory::Entity entity{.name = text_in(arguments, "name"),
                          .type = to_lower_ascii(text_in(arguments, "entity_type")),
                          .properties = properties_in(arguments),
                          .taint = taint_of(context.labels)};
    const std::string name = entity.name;
    auto fresh =
        co_await deps_.graph->add(context.ctx, owner_of(context, arguments), std::move(entity));
    if (!fresh) co_return refusal("Not added", fresh.error());
    co_return ToolOutput{fmt::format("{} {}.", *fresh ? "Added" : "Updated", name)};
  }

  Task<ToolOutput> add_relation(ToolContext context, json::object arguments) {
    memory::Relation relation{.source = text_in(arguments, "source"),
                              .type = to_lower_ascii(text_in(arguments, "relation")),
                              .target = text_in(arguments, "target"),
                              .confidence = get_double(arguments, "confidence").value_or(1),
                              .properties = properties_in(arguments),
                              .taint = taint_of(context.labels)};
    const std::string said =
        fmt::format("{} -{}-> {}", relation.source, relation.type, relation.target);
    auto fresh =
        co_await deps_.graph->add(context.ctx, owner_of(context, arguments), std::move(relation));
    if (!fresh) co_return refusal("Not added", fresh.error());
    co_return ToolOutput{fmt::format("{} {}.", *fresh ? "Added" : "Updated", said)};
  }

  Task<ToolOutput> query(ToolContext context, json::object arguments) {
    const memory::Owner owner = owner_of(context, arguments);
    auto answer = co_await deps_.graph->query(
        context.ctx, owner,
        {.source = text_in(arguments, "source"),
         .relation = to_lower_ascii(text_in(arguments, "relation")),
         .target = text_in(arguments, "target"),
         .depth = static_cast<int>(get_int(arguments, "max_depth").value_or(1))});
    if (!answer && answer.error().code == Code::kNotFound)
      co_return ToolOutput{answer.error().message + "."};
    if (!answer) co_return refusal("Nothing could be looked up", answer.error());
    co_return told(*answer, owner);
  }

 private:
  [[nodiscard]] memory::Owner owner_of(const ToolContext& context,
                                       const json::object& arguments) const {
    if (get_string(arguments, "scope") == "shared") return {};
    return memory::owner_of(deps_.agent, context.conversation);
  }

  static ToolOutput told(const memory::GraphAnswer& answer, const memory::Owner& owner) {
    ToolOutput output;
    if (owner.is_house()) output.labels |= authority::Label::kExternalNetwork;
    for (const memory::Entity& entity : answer.entities) {
      output.text +=
          with_properties(fmt::format("{} ({})", entity.name, entity.type), entity.properties) +
          "\n";
      output.labels |= labels_of(entity.taint);
    }
    for (const std::vector<memory::Relation>& path : answer.paths) {
      std::string line = path.empty() ? "" : path.front().source;
      for (const memory::Relation& step : path) {
        line += with_properties(fmt::format(" -{}-> {}", step.type, step.target), step.properties);
        if (step.confidence < 1) line += fmt::format(" (confidence {:.2f})", step.confidence);
        output.labels |= labels_of(step.taint);
      }
      output.text += line + "\n";
    }
    if (answer.paths.empty()) output.text += "No relation is known.\n";
    if (answer.more) output.text += "(more; ask for a source, a relation or a target)\n";
    output.text.pop_back();
    if (output.labels != Labels{})
      output.text = framed_untrusted("what was noted from outside", output.text);
    return output;
  }

  MemoryToolDeps deps_;
};

using KnowledgeTool = SharedTool<Knowledge>;
using Traits = KnowledgeTool::Traits;

std::vector<Need> writes(const json::value& arguments) {
  return needs_of(Action::kMemoryWrite, arguments);
}
std::vector<Need> reads(const json::value& arguments) {
  return needs_of(Action::kMemoryRead, arguments);
}

}  // namespace

std::vector<std::unique_ptr<Tool>> make_knowledge_tools(const MemoryToolDeps& deps) {
  const auto on = std::make_shared<Knowledge>(deps);
  std::vector<std::unique_ptr<Tool>> tools;
  tools.push_back(std::make_unique<KnowledgeTool>(
      on,
      make_spec(
          "knowledge_add_entity", "Note somebody or something, or change its type.",
          R"({"name":{"type":"string","minLength":1},)"
          R"("entity_type":{"type":"string","minLength":1,"description":"person, project, …"},)"
          R"("properties":{"type":"object"},"scope":{"enum":["self","shared"]}})",
          {"name", "entity_type"}),
      &Knowledge::add_entity, Traits{.looks = false, .needs = writes}));
  tools.push_back(std::make_unique<KnowledgeTool>(
      on,
      make_spec(
          "knowledge_add_relation", "Note how two things, by name, are related.",
          R"({"source":{"type":"string","minLength":1},)"
          R"("relation":{"type":"string","minLength":1,"description":"works_at, part_of, …"},)"
          R"("target":{"type":"string","minLength":1},"confidence":{"type":"number"},)"
          R"("properties":{"type":"object"},"scope":{"enum":["self","shared"]}})",
          {"source", "relation", "target"}),
      &Knowledge::add_relation, Traits{.looks = false, .needs = writes}));
  tools.push_back(std::make_unique<KnowledgeTool>(
      on,
      make_spec(
          "knowledge_query", "What is related to what: from a source, to a target, or by relation.",
          R"({"source":{"type":"string"},"relation":{"type":"string"},)"
          R"("target":{"type":"string"},"max_depth":{"type":"integer","minimum":1,"maximum":5},)"
          R"("scope":{"enum":["self","shared"]}})",
          {}),
      &Knowledge::query, Traits{.needs = reads}));
  return tools;
}

}  // namespace skep::tools
