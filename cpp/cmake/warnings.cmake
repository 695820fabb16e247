# Flags for the project's own sources; never exported to those who link the library.
add_library(twincert_warnings INTERFACE)
target_compile_options(twincert_warnings INTERFACE -Wall -Wextra -Wconversion $<$<BOOL:${TWINCERT_WERROR}>:-Werror>)
# Bounds must not depend on whether the target contracts a*b+c, so that every machine derives the same rows.
target_compile_options(twincert_warnings INTERFACE -ffp-contract=off)
if(TWINCERT_SANITIZE AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC's flow analysis gives false alarms on instrumented code (its manual says so); the other presets keep the warning.
  target_compile_options(twincert_warnings INTERFACE -Wno-maybe-uninitialized)
endif()
