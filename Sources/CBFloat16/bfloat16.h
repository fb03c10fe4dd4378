// The instructions for bfloat16 of AVX-512, whose vectors Swift does not import. Inline functions alone: nothing here is
// compiled by itself, and only kernels that are compiled for these instructions call them.
#ifndef REFRAIN_BFLOAT16_H
#define REFRAIN_BFLOAT16_H

#if defined(__x86_64__)
#include <immintrin.h>

#define REFRAIN_BFLOAT16 static inline __attribute__((always_inline, target("avx512f,avx512bw,avx512vl,avx512bf16")))

/// sum + the two products of each pair of neighbors.
REFRAIN_BFLOAT16 __m512 refrain_add_bfloat16_pairs(__m512 sum, __m512 a, __m512 b) {
  return _mm512_dpbf16_ps(sum, (__m512bh)a, (__m512bh)b);
}

/// The nearest numbers of 16 bits, even in a tie.
REFRAIN_BFLOAT16 __m256i refrain_round_to_bfloat16(__m512 x) { return (__m256i)_mm512_cvtneps_pbh(x); }

#undef REFRAIN_BFLOAT16
#endif

#endif
