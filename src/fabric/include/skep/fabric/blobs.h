// Texts too long for a frame travel as files beside it (docs/fabric.md "Blobs").
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "skep/async/ctx.h"
#include "skep/async/task.h"
#include "skep/base/json.h"
#include "skep/base/result.h"
#include "skep/model/message.h"

namespace skep::fabric {

inline constexpr std::size_t kBlobNameBytesMax = 128;

struct BlobStoreConfig {
  std::string directory;               // <home>/blobs; made when the first blob is put
  std::size_t bytes_max = 100u << 20;  // of one blob; a larger one is kTooLarge
};

// What stands in a message in place of the blob.
struct BlobRef {
  std::string name;  // "<stem>_<first 16 hex of SHA-256>.<ext>"
  std::uint64_t bytes = 0;
  std::string media_type, filename;
  std::string day;     // when it was put, "2026-03-02", UTC
  std::string sha256;  // hex; empty: the sender did not say
  bool operator==(const BlobRef&) const = default;
};
json::value to_json_value(const BlobRef& ref);
// kInvalid when it is no reference, or its name could lead out of the store.
Result<BlobRef> blob_ref_from_json(const json::value& value);

// Files of a hive. A value; any thread. Reading and writing block for as long as the disk takes.
class BlobStore {
 public:
  explicit BlobStore(BlobStoreConfig config) : config_(std::move(config)) {}

  // Written beside its place, synced and renamed: nobody reads half a blob, and one that a message
  // refers to outlives a crash. The same bytes and stem give the same name. `filename`:
  // "content.txt".
  [[nodiscard]] Result<BlobRef> put(std::string_view bytes, std::string_view filename,
                                    std::string_view media_type) const;
  // kNotFound when it is not there; kCorrupt when it is not what the reference says.
  [[nodiscard]] Result<std::string> get(const BlobRef& ref) const;
  // The same, but looks again after 100 ms, doubling, for 5 s: a reference may be here before its
  // blob. The Ctx may end it earlier.
  [[nodiscard]] Task<Result<std::string>> get_when_there(Ctx ctx, BlobRef ref) const;

 private:
  BlobStoreConfig config_;
};

// Moves the words of a message into blobs when they are over kOffloadBytes (with
// kOffloadOverheadBytes): `parts` becomes empty and `payload` refers. True when it did; otherwise,
// and on an error, the message is as it was.
Result<bool> offload_text(Message& message, const BlobStore& store);
// Cheap: surely too short for offload_text() to do anything. False: perhaps not.
bool is_short(const Message& message);
// The message's payload refers to words in a blob.
bool is_offloaded(const Message& message);
// The reverse. kNotFound, kCorrupt, kInvalid: the message cannot be read and is to be refused.
Task<Result<Message>> put_text_back(Ctx ctx, Message message, BlobStore store);

}  // namespace skep::fabric
