// Words of the model to us in its answer, which people do not see: that it says nothing, and which
// message it answers.
#pragma once

#include <string>
#include <string_view>

namespace skep::agent {

inline constexpr std::size_t kDirectiveBytesMax = 100;  // between [[ and ]]; longer is text

struct Directives {
  std::string text;      // without them; what stands in [[…]] and is none of ours stays
  bool silent = false;   // NO_REPLY, [SILENT] or [[silent]]: nobody is answered
  std::string reply_to;  // [[reply:ID]]; "@current" for [[@current]]; empty: it did not say
};
Directives directives_in(std::string_view text);

// The same for text that is watched while it is written: a directive, or what may become one, is
// held back. One for each answer.
class DirectiveFilter {
 public:
  // What may be shown of all that was fed and not shown yet.
  std::string feed(std::string_view delta);
  // The answer is whole: the rest.
  std::string finish();

 private:
  std::string held_;
  bool begun_ = false;  // it is more than a word that means silence
};

}  // namespace skep::agent
