// Texts as vectors, so that what means the same lies near each other.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "skep/async/ctx.h"
#include "skep/async/task.h"
#include "skep/memory/ledger.h"

namespace skep::memory {

using Vector = std::vector<float>;  // of length 1, or all zeros

// One way to vectors: `local` or `remote` is there.
struct Embeddings {
  // Vectors of another id cannot be compared with these.
  std::string id;
  std::string described;  // for people: what it is, and where texts go
  // Any thread; microseconds.
  std::function<Vector(std::string_view text)> local = {};
  // One vector for each text, in their order, all of one length. Loop thread only.
  std::function<Task<Result<std::vector<Vector>>>(Ctx, Payer, std::vector<std::string> texts)>
      remote = {};
  std::size_t texts_max = 64;  // in one call of `remote`
};

// What there is without a model: words, their letters in threes and their neighbours, hashed into
// 256 numbers. It finds other forms of the same words, and no synonyms.
Embeddings hashed_embeddings();

// Scales to length 1; zeros stay.
void normalise(Vector& vector);

}  // namespace skep::memory
