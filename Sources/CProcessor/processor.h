// Instructions that Swift does not import: for asking a processor about itself, for memory that is wanted soon; and a call
// of the allocator. Inline functions alone: nothing here is compiled by itself.
#ifndef REFRAIN_PROCESSOR_H
#define REFRAIN_PROCESSOR_H

#include <stdlib.h>
#if defined(__GLIBC__)
#include <malloc.h>
#elif defined(__APPLE__)
#include <malloc/malloc.h>
#endif

/// Gives the system the pages of freed memory that the allocator holds on to, where it can be told to.
static inline void refrain_release_free_pages(void) {
#if defined(__GLIBC__)
  malloc_trim(0);
#elif defined(__APPLE__)
  malloc_zone_pressure_relief(NULL, 0);
#endif
}

/// Has a line of memory come near while something else is computed.
static inline void refrain_prefetch(const void *address) { __builtin_prefetch(address); }

#if defined(__x86_64__)
#include <cpuid.h>
#include <stdint.h>

typedef struct {
  uint32_t a, b, c, d;
} refrain_cpuid_result;

/// The registers after `cpuid`; zeros where the processor has no such leaf.
static inline refrain_cpuid_result refrain_cpuid(uint32_t leaf, uint32_t subleaf) {
  refrain_cpuid_result result = {0, 0, 0, 0};
  if (__get_cpuid_count(leaf, subleaf, &result.a, &result.b, &result.c, &result.d)) return result;
  return (refrain_cpuid_result){0, 0, 0, 0};
}

/// Which registers the operating system saves (XCR0). Only where `cpuid` says OSXSAVE: elsewhere the instruction is illegal.
static inline uint64_t refrain_xgetbv(void) {
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (uint64_t)high << 32 | low;
}
#endif

#endif
