// Whether two notes say the same. Private to the room.
#pragma once

#include "skep/memory/memory.h"

namespace skep::memory {

enum class Sameness : std::uint8_t {
  kNo,          // each says something of its own; or in doubt
  kNothingNew,  // the newer one says what the older one says, in the same words
  kSaysMore,    // the newer one has all the words of the older one, its key's too, and more
};

// By their words and by our own vectors (words in another order mean something else), so that
// nothing either says is lost when one goes: a word more may be a "not", so the newer one is never
// dropped for having fewer. Notes of a few words are values ("birthday": "3 May") and never the
// same; nor are notes of numbered keys ("trip", "trip_2"), for different people, or of different
// taint. Pure; some microseconds for most pairs.
Sameness compare_notes(const KnowledgeEntry& older, const KnowledgeEntry& newer);

}  // namespace skep::memory
