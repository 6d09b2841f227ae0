#include "skep/base/untrusted.h"

#include <fmt/format.h>

#include "skep/base/text.h"

namespace skep {
namespace {

std::string without_markers(std::string text) {
  text = replace_all(std::move(text), "<untrusted", "<\u200buntrusted");
  return replace_all(std::move(text), "</untrusted", "</\u200buntrusted");
}

}  // namespace

std::string framed_untrusted(std::string_view source, std::string_view text) {
  std::string shown = replace_all(std::string(source), "\"", "%22");
  shown = replace_all(replace_all(std::move(shown), "\n", " "), "\r", " ");
  return fmt::format("<untrusted source=\"{}\">\n{}\n</untrusted>", without_markers(shown),
                     without_markers(std::string(text)));
}

}  // namespace skep
