// Marks a loop to be compiled for several instruction sets; the machine's best is chosen when the library is loaded.
#pragma once

// Function multiversioning needs ifunc, which glibc has and which sanitizers do not survive.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__)
#define TWINCERT_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
// For sums that may be fused, in sources compiled with contraction.
#define TWINCERT_FMA_CLONES __attribute__((target_clones("avx512f", "fma", "default")))
#else
#define TWINCERT_CLONES
#define TWINCERT_FMA_CLONES
#endif
