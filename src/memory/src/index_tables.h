// The database of an index: its tables and what is written there. Database thread only. Private to
// the room.
#pragma once

#include <string>
#include <vector>

#include "chunks.h"
#include "skep/store/db.h"

namespace skep::memory {

std::vector<store::Migration> index_migrations();

struct Changes {
  std::vector<std::int64_t> gone;  // chunks
  std::size_t bytes = 0;           // read
  bool more = false;
};
// Brings the tables to what the files are, until `bytes_max` have been read.
Result<Changes> take_changes(store::Connection& c, const std::string& directory,
                             const std::vector<IndexedFile>& present, std::size_t bytes_max,
                             std::size_t file_bytes_max);

// "what" OR "ever", for MATCH.
std::string match_of(const std::vector<std::string>& words);

}  // namespace skep::memory
