# Language level, warnings and hardening that every target shares.
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo)
endif()

option(IMGBUILD_WERROR "Treat warnings as errors" OFF)
set(IMGBUILD_SANITIZE "" CACHE STRING "Sanitizers to build with, as in address,undefined")
option(IMGBUILD_ANALYZE "Run gcc's -fanalyzer while compiling" OFF)
option(IMGBUILD_FUZZ "Link the fuzzers with libFuzzer (clang)" OFF)
option(IMGBUILD_COVERAGE "Instrument for gcov" OFF)

add_compile_definitions(_GNU_SOURCE _FILE_OFFSET_BITS=64)
add_compile_options(
  -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wwrite-strings
  -Wformat=2 -Wundef -Wvla -Wswitch-enum -Wcast-align -Wimplicit-fallthrough
  -fstack-protector-strong -fno-common)
if(CMAKE_C_COMPILER_ID MATCHES "Clang")
  # It counts a variable that only its clean-up reads as unused.
  add_compile_options(-Wno-unused-variable)
endif()
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
  add_compile_options(-Wduplicated-cond -Wduplicated-branches -Wlogical-op -fstack-clash-protection)
endif()
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64" AND CMAKE_C_COMPILER_ID STREQUAL "GNU")
  add_compile_options(-fcf-protection=full)
endif()
add_link_options(-Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed)
# A program must export nothing by accident; -pie is asked for explicitly.
include(CheckPIESupported)
check_pie_supported(LANGUAGES C)

if(IMGBUILD_WERROR)
  add_compile_options(-Werror)
endif()
if(IMGBUILD_SANITIZE)
  add_compile_options(-fsanitize=${IMGBUILD_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${IMGBUILD_SANITIZE})
elseif(NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
  add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
endif()
if(IMGBUILD_ANALYZE)
  # Clean-up attributes lead gcc 12 to report uninitialised values that are none, without a place;
  # the sanitizers and valgrind see the true ones.
  add_compile_options(-fanalyzer -Wno-analyzer-use-of-uninitialized-value)
endif()
if(IMGBUILD_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
if(IMGBUILD_COVERAGE)
  add_compile_options(--coverage)
  add_link_options(--coverage)
endif()
