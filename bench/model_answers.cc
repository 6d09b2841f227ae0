#include "model_answers.h"

#include <fmt/format.h>

#include <vector>

namespace skep::bench {

namespace {

constexpr std::string_view kHead =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nCache-Control: "
    "no-cache\r\n"
    "Transfer-Encoding: chunked\r\n\r\n";
constexpr std::size_t kDeltaBytes = 12;  // about three tokens, as providers send them

// Each event is a chunk of its own, as a provider flushes them.
void chunk(std::string& out, std::string_view bytes) {
  fmt::format_to(std::back_inserter(out), "{:x}\r\n{}\r\n", bytes.size(), bytes);
}

void event(std::string& out, std::string_view name, std::string_view data) {
  chunk(out, fmt::format("event: {}\ndata: {}\n\n", name, data));
}

void anthropic_start(std::string& out, std::uint64_t serial) {
  event(
      out, "message_start",
      fmt::format(
          R"({{"type":"message_start","message":{{"id":"msg_{:016}","type":"message","role":"assistant",)"
          R"("model":"bench-model","content":[],"stop_reason":null,"stop_sequence":null,)"
          R"("usage":{{"input_tokens":900,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,)"
          R"("output_tokens":1}}}}}})",
          serial));
  event(out, "ping", R"({"type":"ping"})");
}

void anthropic_end(std::string& out, std::string_view stop) {
  event(out, "content_block_stop", R"({"type":"content_block_stop","index":0})");
  event(
      out, "message_delta",
      fmt::format(R"({{"type":"message_delta","delta":{{"stop_reason":"{}","stop_sequence":null}},)"
                  R"("usage":{{"output_tokens":30}}}})",
                  stop));
  event(out, "message_stop", R"({"type":"message_stop"})");
}

struct Call {
  std::string_view name;
  std::vector<std::string_view> arguments;  // as JSON in pieces, escaped once more
};
const Call kTime{"system_time", {"", "{", "}"}};
const Call kSleep{"shell_exec",
                  {"", R"({\"command\":\"sleep 60\",)", R"(\"timeout_seconds\":60})"}};

void anthropic_call(std::string& out, std::uint64_t serial, const Call& call) {
  anthropic_start(out, serial);
  event(
      out, "content_block_start",
      fmt::format(R"({{"type":"content_block_start","index":0,"content_block":{{"type":"tool_use",)"
                  R"("id":"toolu_{:016}","name":"{}","input":{{}}}}}})",
                  serial, call.name));
  for (const std::string_view part : call.arguments) {
    event(out, "content_block_delta",
          fmt::format(
              R"({{"type":"content_block_delta","index":0,"delta":{{"type":"input_json_delta",)"
              R"("partial_json":"{}"}}}})",
              part));
  }
  anthropic_end(out, "tool_use");
}

void anthropic_text(std::string& out, std::uint64_t serial) {
  anthropic_start(out, serial);
  event(out, "content_block_start",
        R"({"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}})");
  for (std::size_t at = 0; at < kFinalText.size(); at += kDeltaBytes) {
    event(
        out, "content_block_delta",
        fmt::format(
            R"({{"type":"content_block_delta","index":0,"delta":{{"type":"text_delta","text":"{}"}}}})",
            kFinalText.substr(at, kDeltaBytes)));
  }
  anthropic_end(out, "end_turn");
}

// One chat.completion.chunk with the given "choices" content.
void openai_chunk(std::string& out, std::uint64_t serial, std::string_view delta,
                  std::string_view finish) {
  chunk(out, fmt::format("data: "
                         "{{\"id\":\"chatcmpl-{:016}\",\"object\":\"chat.completion.chunk\","
                         "\"created\":1770000000,"
                         "\"model\":\"bench-model\",\"choices\":[{{\"index\":0,\"delta\":{},"
                         "\"finish_reason\":{}}}]}}\n\n",
                         serial, delta, finish));
}

void openai_end(std::string& out, std::uint64_t serial, std::string_view finish) {
  openai_chunk(out, serial, "{}", finish);
  chunk(out,
        fmt::format("data: "
                    "{{\"id\":\"chatcmpl-{:016}\",\"object\":\"chat.completion.chunk\",\"created\":"
                    "1770000000,"
                    "\"model\":\"bench-model\",\"choices\":[],\"usage\":{{\"prompt_tokens\":900,"
                    "\"completion_tokens\":30,\"total_tokens\":930}}}}\n\n",
                    serial));
  chunk(out, "data: [DONE]\n\n");
}

void openai_call(std::string& out, std::uint64_t serial) {
  openai_chunk(out, serial, R"({"role":"assistant","content":null})", "null");
  openai_chunk(out, serial,
               fmt::format(R"({{"tool_calls":[{{"index":0,"id":"call_{:016}","type":"function",)"
                           R"("function":{{"name":"system_time","arguments":""}}}}]}})",
                           serial),
               "null");
  openai_chunk(out, serial, R"({"tool_calls":[{"index":0,"function":{"arguments":"{}"}}]})",
               "null");
  openai_end(out, serial, R"("tool_calls")");
}

void openai_text(std::string& out, std::uint64_t serial) {
  openai_chunk(out, serial, R"({"role":"assistant","content":""})", "null");
  for (std::size_t at = 0; at < kFinalText.size(); at += kDeltaBytes) {
    openai_chunk(out, serial,
                 fmt::format(R"({{"content":"{}"}})", kFinalText.substr(at, kDeltaBytes)), "null");
  }
  openai_end(out, serial, R"("stop")");
}

}  // namespace

void append_model_answer(std::string_view head, std::string_view body, std::uint64_t serial,
                         std::string& out) {
  const bool anthropic =
      head.substr(0, head.find("\r\n")).find("/messages") != std::string_view::npos;
  // Only a running turn's request holds a result: earlier turns are replayed as their texts.
  const std::string_view result = anthropic ? R"("tool_result")" : R"("role":"tool")";
  const bool has_result = body.find(result) != std::string_view::npos;
  out += kHead;
  if (anthropic) {
    const bool stuck = body.find(kStuckText) != std::string_view::npos;
    has_result ? anthropic_text(out, serial) : anthropic_call(out, serial, stuck ? kSleep : kTime);
  } else {
    has_result ? openai_text(out, serial) : openai_call(out, serial);
  }
  out += "0\r\n\r\n";
}

}  // namespace skep::bench
