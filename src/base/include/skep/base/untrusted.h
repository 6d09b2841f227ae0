// Text from outside on its way to a model.
#pragma once

#include <string>
#include <string_view>

namespace skep {

// Between markers that name where it comes from; nothing inside can close them. `source` is shown
// with quotation marks and line breaks taken out.
std::string framed_untrusted(std::string_view source, std::string_view text);

}  // namespace skep
