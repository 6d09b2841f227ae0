// Local models write their reasoning inline: "<think>…</think>answer".
#pragma once

#include <string>
#include <string_view>

namespace skep::llm {

// Splits a streamed text into reasoning and answer. Only a tag in front of everything counts, so a
// model that writes about
// "<think>" later on is quoted as it is. Holds back at most one tag's length.
class ThinkSplitter {
 public:
  struct Pieces {
    std::string thinking;
    std::string text;
  };
  Pieces feed(std::string_view delta);
  // What was held back when the stream ended.
  Pieces flush();

 private:
  enum class State { kStart, kThinking, kAfter, kText };
  State state_ = State::kStart;
  std::string held_;
};

}  // namespace skep::llm
