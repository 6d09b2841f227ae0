// Markdown as models write it, in the marks that XMPP clients show (XEP-0393).
#pragma once

#include <string>
#include <string_view>

namespace skep::channels {

// **x** -> *x*, *x* -> _x_, ~~x~~ -> ~x~, # Title -> *Title*, [text](url) -> text (url), "* item"
// -> "- item". Code, inline and fenced, is kept byte for byte; quotes stay quotes. What is not
// understood stays as it is. Linear in the text's length.
std::string to_styling(std::string_view markdown);

}  // namespace skep::channels
