// Text helpers that every room needs. All take and give UTF-8 unless said.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace skep {

std::string_view trim(std::string_view text);  // ASCII white space at both ends
std::vector<std::string_view> split(std::string_view text, char separator);  // keeps empty fields
std::vector<std::string_view> split_words(std::string_view text);            // runs of white space
std::string join(std::span<const std::string> parts, std::string_view separator);
std::string to_lower_ascii(std::string_view text);
// For comparing without regard to case in any script: Unicode's full case folding, composed (NFC).
std::string fold_case(std::string_view text);
bool equals_ignoring_ascii_case(std::string_view a, std::string_view b);
bool starts_with_ignoring_ascii_case(std::string_view text, std::string_view prefix);
std::string replace_all(std::string text, std::string_view from, std::string_view to);

bool is_valid_utf8(
    std::string_view bytes);  // no overlong forms, surrogates or values over U+10FFFF
std::string to_valid_utf8(std::string_view bytes);  // each broken sequence becomes U+FFFD
// The longest prefix of at most `bytes_max` bytes that ends on a character border.
std::string_view cut_utf8(std::string_view text, std::size_t bytes_max);

std::string hex_encode(std::string_view bytes);  // lower case
std::optional<std::string> hex_decode(std::string_view text);
std::string base64_encode(std::string_view bytes);  // RFC 4648 4, padded
std::optional<std::string> base64_decode(
    std::string_view text);  // strict: padding, no foreign characters

std::string sha1(std::string_view bytes);    // raw 20 bytes
std::string sha256(std::string_view bytes);  // raw 32 bytes

// The candidate most like `word` (edit distance), if it is near enough to suggest: "did you mean
// …?".
std::optional<std::string> nearest(std::string_view word, std::span<const std::string> candidates);

// "1.4 MB", "312 KB", "12 bytes" (KB = 1024).
std::string human_size(std::uint64_t bytes);

}  // namespace skep
