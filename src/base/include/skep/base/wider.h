// For loops over long runs of bytes.
#pragma once

// The function is compiled a second time for machines with AVX2, and the one that fits is chosen
// when the program starts. Vectors of the compiler inside it, none in its signature.
#ifdef __x86_64__
#define SKEP_WIDER_TOO [[gnu::target_clones("avx2", "default")]]
#else
#define SKEP_WIDER_TOO
#endif
