// The whole text of results that were too long for a model, so that it can read on.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "skep/tools/toolbox.h"

namespace skep::tools {

// One file for each text, named by its content: <folder>/results/<handle>.txt, where <folder> is
// the conversation's, so that nobody reads another's. Loop thread only; blocks on the disk as long
// as a file of that size takes.
class ResultStore {
 public:
  static constexpr std::size_t text_bytes_max = 16u << 20;    // a longer text is cut
  static constexpr std::size_t folder_bytes_max = 64u << 20;  // then the oldest texts go

  explicit ResultStore(std::function<std::string(const Conversation&)> folder)
      : folder_(std::move(folder)) {}

  // The handle, 16 hex digits. The same text has the same handle.
  Result<std::string> keep(const Conversation& conversation, std::string_view text) const;
  // kInvalid: no handle; kNotFound: no such text of this conversation, or not any more.
  [[nodiscard]] Result<std::string> read(const Conversation& conversation,
                                         std::string_view handle) const;

 private:
  std::function<std::string(const Conversation&)> folder_;
};

// result_read {handle, offset?, bytes?, find?}: a piece of such a text.
std::unique_ptr<Tool> make_result_read(const ResultStore& store);

}  // namespace skep::tools
