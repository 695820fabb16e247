# Flags for the project's own sources; never exported to those who link the library.
add_library(twincert_warnings INTERFACE)
target_compile_options(twincert_warnings INTERFACE -Wall -Wextra -Wconversion $<$<BOOL:${TWINCERT_WERROR}>:-Werror>)
# Bounds must not depend on whether the target contracts a*b+c, so that every machine derives the same rows.
target_compile_options(twincert_warnings INTERFACE -ffp-contract=off)
