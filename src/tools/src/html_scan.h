// HTML as a flat run of tags and text, in time linear in its length whatever it contains. A tree is
// not built: text does not need one, and tree construction as HTML5 wants it lets a hostile page of
// some megabytes cost gigabytes.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace skep::tools {

struct HtmlTag {
  std::string name;  // lower case
  bool end = false;
  std::vector<std::pair<std::string, std::string>>
      attributes;  // names lower case, values decoded; the first of each name counts
  [[nodiscard]] std::string_view attribute(std::string_view wanted) const;
  [[nodiscard]] bool has(std::string_view wanted) const;
};
inline constexpr std::size_t html_attributes_max = 64;         // of one tag; more are skipped
inline constexpr std::size_t html_attribute_bytes_max = 8192;  // a longer value counts as empty

struct HtmlSink {
  std::function<bool(const HtmlTag&)> tag;  // false ends the scan
  std::function<bool(std::string_view)>
      text;  // character references are not decoded yet; false ends the scan
};
// Comments, doctypes and the content of script, style and their like are left out. Bad markup is
// text or is skipped, as browsers do.
void scan_html(std::string_view html, const HtmlSink& sink);

// Replaces &amp; &#228; &#xe4; and the named characters of Latin-1 and common typography; unknown
// references stay as they are.
std::string decode_html(std::string_view text);

}  // namespace skep::tools
