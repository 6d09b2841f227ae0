// Words from outside on their way to the model.
#pragma once

#include <string>
#include <string_view>

namespace skep::tools {

// `text` inside <untrusted source="…">, which it cannot close, and a sentence that it is data from
// `whom` ("that page"), not instructions.
std::string as_data(std::string_view source, std::string text, std::string_view whom);

}  // namespace skep::tools
