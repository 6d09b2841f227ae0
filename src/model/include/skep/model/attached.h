// A file of a message as its turn sees it: fetched and looked at.
#pragma once

#include <optional>
#include <string>

#include "skep/model/part.h"

namespace skep {

// At most one of `text` and `image` holds something; then `note` is empty, or says what is missing
// of it.
struct AttachedFile {
  FilePart file;     // what was found: its type by content, its true size
  std::string note;  // why a model gets nothing of it, as a sentence
  std::string text;  // UTF-8, cut
  std::optional<ImagePart> image;
  bool operator==(const AttachedFile&) const = default;
};

}  // namespace skep
