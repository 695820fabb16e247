#include "allocations.hpp"

#include <atomic>

// operator new is not enough: Eigen's matrices come from std::malloc. The sanitizer owns malloc and offers a hook; without it the
// functions of the C library are wrapped by definitions in the program itself.
#if defined(__SANITIZE_ADDRESS__)
// As in <sanitizer/allocator_interface.h>, which GCC does not ship.
extern "C" int __sanitizer_install_malloc_and_free_hooks(void (*)(const volatile void*, std::size_t), void (*)(const volatile void*));
#elif defined(__GLIBC__)
extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
}
#endif

namespace {

std::atomic<std::size_t> count{0};

#if defined(__SANITIZE_ADDRESS__)
void on_malloc(const volatile void*, std::size_t) { ++count; }
void on_free(const volatile void*) {}
const int hooked = __sanitizer_install_malloc_and_free_hooks(&on_malloc, &on_free);
#endif

}  // namespace

#if !defined(__SANITIZE_ADDRESS__) && defined(__GLIBC__)
extern "C" {
void* malloc(std::size_t size) {
  ++count;
  return __libc_malloc(size);
}
void* calloc(std::size_t items, std::size_t size) {
  ++count;
  return __libc_calloc(items, size);
}
void* realloc(void* pointer, std::size_t size) {
  ++count;
  return __libc_realloc(pointer, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) {
  ++count;
  return __libc_memalign(alignment, size);
}
}
#endif

namespace twincert::testing {

std::size_t allocations() { return count.load(); }

bool counts_allocations() {
#if defined(__SANITIZE_ADDRESS__)
  return hooked != 0;
#elif defined(__GLIBC__)
  return true;
#else
  return false;
#endif
}

}  // namespace twincert::testing
