#include "answer.h"

#include <utility>

#include "skep/base/id.h"
#include "skep/base/text.h"

namespace skep::llm {
namespace {

bool cuts_calls(StopReason stop) {
  return stop == StopReason::kMaxTokens || stop == StopReason::kContextExceeded ||
         stop == StopReason::kRefusal;
}

// Whether calls are there decides more than the provider's word for it.
StopReason settle(StopReason stop, bool has_calls) {
  if (has_calls && (stop == StopReason::kEnd || stop == StopReason::kUnknown))
    return StopReason::kToolUse;
  if (!has_calls && stop == StopReason::kToolUse) return StopReason::kEnd;
  return stop;
}

std::string shown(std::string_view text) {
  return std::string(cut_utf8(text, kBadArgumentsShownMax));
}

}  // namespace

std::unexpected<Failure> unusable(std::string message, bool again) {
  return std::unexpected(
      Failure{.error = {Code::kCorrupt, std::move(message)}, .retryable = again});
}

std::string mint_call_id() { return "call_" + mint_ulid(); }

ToolCall make_call(std::string id, std::string name, std::string_view arguments) {
  ToolCall call{.id = std::move(id), .name = std::move(name), .arguments = json::object{}};
  if (call.name.empty()) call.arguments_error = "the call names no tool";
  if (trim(arguments).empty()) return call;
  auto parsed = parse_json(arguments);
  if (parsed && parsed->is_string()) parsed = parse_json(std::string_view(parsed->get_string()));
  if (!parsed) {
    call.arguments_error = fmt::format("the arguments are not valid JSON ({}): {}",
                                       parsed.error().message, shown(arguments));
  } else if (parsed->is_object()) {
    call.arguments = std::move(*parsed);
  } else if (!parsed->is_null()) {
    call.arguments_error = "the arguments must be a JSON object, found: " + shown(arguments);
  }
  return call;
}

Answer::Answer(std::string provider, EventSink sink)
    : provider_(std::move(provider)), sink_(std::move(sink)) {}

void Answer::emit(StreamEvent::Type type, std::string_view text) {
  if (sink_) sink_(StreamEvent{.type = type, .text = text});
}

std::expected<std::size_t, Failure> Answer::open(Block block) {
  if (blocks_.size() >= kBlocksMax) {
    return unusable(fmt::format("{}: more than {} parts in one answer", provider_, kBlocksMax),
                    false);
  }
  blocks_.push_back(std::move(block));
  return blocks_.size() - 1;
}

std::expected<std::size_t, Failure> Answer::open_text() {
  return open({.kind = Block::Kind::kText});
}

std::expected<std::size_t, Failure> Answer::open_call(std::string id, std::string name) {
  auto block = open({.kind = Block::Kind::kCall, .id = std::move(id)});
  if (block) name_call(*block, name);
  return block;
}

std::expected<std::size_t, Failure> Answer::open_opaque(json::object block) {
  return open({.kind = Block::Kind::kOpaque, .opaque = std::move(block)});
}

Step Answer::count_text(std::string_view delta) {
  text_bytes_ += delta.size();
  if (text_bytes_ <= kTextBytesMax) return {};
  return unusable(
      fmt::format("{}: the answer is longer than {}", provider_, human_size(kTextBytesMax)), false);
}

Step Answer::text(std::size_t block, std::string_view delta) {
  if (delta.empty()) return {};
  if (Step counted = count_text(delta); !counted) return counted;
  // The watcher's text equals text_of(parts): parts are joined by newlines.
  if (streamed_ && block != last_text_block_) emit(StreamEvent::Type::kTextDelta, "\n");
  last_text_block_ = block;
  streamed_ = true;
  blocks_[block].text += delta;
  emit(StreamEvent::Type::kTextDelta, delta);
  return {};
}

Step Answer::text_with_thoughts(std::string_view delta) {
  ThinkSplitter::Pieces pieces = splitter_.feed(delta);
  if (Step step = thinking(pieces.thinking); !step || pieces.text.empty()) return step;
  if (!plain_text_) {
    auto block = open_text();
    if (!block) return std::unexpected(std::move(block).error());
    plain_text_ = *block;
  }
  return text(*plain_text_, pieces.text);
}

Step Answer::thinking(std::string_view delta) {
  if (delta.empty()) return {};
  if (Step counted = count_text(delta); !counted) return counted;
  emit(StreamEvent::Type::kThinkingDelta, delta);
  return {};
}

Step Answer::arguments(std::size_t block, std::string_view delta) {
  std::string& text = blocks_[block].text;
  if (text.size() + delta.size() > kArgumentsBytesMax) {
    return unusable(fmt::format("{}: the arguments of one tool call are longer than {}", provider_,
                                human_size(kArgumentsBytesMax)),
                    false);
  }
  text += delta;
  return {};
}

void Answer::name_call(std::size_t block, std::string_view name) {
  if (name.empty() || !blocks_[block].name.empty()) return;
  blocks_[block].name = name;
  emit(StreamEvent::Type::kToolCallStart, blocks_[block].name);
}

Step Answer::opaque_text(std::size_t block, std::string_view member, std::string_view delta) {
  json::value& value = blocks_[block].opaque[member];
  if (!value.is_string()) value = json::string();
  if (value.get_string().size() + delta.size() > kTextBytesMax) {
    return unusable(fmt::format("{}: one part of the answer is longer than {}", provider_,
                                human_size(kTextBytesMax)),
                    false);
  }
  value.get_string().append(delta);
  return {};
}

bool Answer::has_calls() const {
  return std::ranges::any_of(blocks_, [](const Block& b) { return b.kind == Block::Kind::kCall; });
}

Part Answer::make_part(Block block, bool cut) {
  if (block.kind == Block::Kind::kText) return TextPart{std::move(block.text)};
  if (block.kind == Block::Kind::kOpaque) {
    if (!block.text.empty()) {
      if (auto input = parse_json(block.text)) block.opaque["input"] = std::move(*input);
    }
    return OpaquePart{provider_, std::move(block.opaque)};
  }
  if (block.id.empty()) block.id = mint_call_id();
  ToolCall call = make_call(std::move(block.id), std::move(block.name), block.text);
  if (cut) {
    call.arguments = json::object{};
    call.arguments_error =
        "the answer was cut off before this call was complete: " + shown(block.text);
  }
  return call;
}

std::expected<Response, Failure> Answer::finish(StopReason stop) {
  ThinkSplitter::Pieces rest = splitter_.flush();
  if (Step step = thinking(rest.thinking); !step) return std::unexpected(std::move(step).error());
  if (!rest.text.empty()) {
    if (Step step = text_with_thoughts(rest.text); !step)
      return std::unexpected(std::move(step).error());
  }
  Response response;
  response.stop = settle(stop, has_calls());
  for (Block& block : blocks_) {
    if (block.kind == Block::Kind::kText && block.text.empty()) continue;
    response.parts.push_back(make_part(std::move(block), cuts_calls(stop)));
  }
  response.usage = usage;
  response.model = model;
  response.stop_detail = stop_detail;
  emit(StreamEvent::Type::kUsage, {});
  return response;
}

}  // namespace skep::llm
