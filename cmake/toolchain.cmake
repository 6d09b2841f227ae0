# Compiler, flags and the few settings every translation unit must share.
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
option(SKEP_FUZZ "Build the libFuzzer targets" OFF)

if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang" OR CMAKE_CXX_COMPILER_VERSION VERSION_LESS 19)
  message(FATAL_ERROR "Skep is built with clang 19 or newer (g++ 12 miscompiles coroutines). Use ./dev build.")
endif()

# ccache keeps what uses the precompiled header only when told that its macros may be trusted.
find_program(SKEP_CCACHE ccache)
if(SKEP_CCACHE)
  set(CMAKE_C_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${SKEP_CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_C_COMPILER_LAUNCHER})
endif()

# No -Wdeprecated-declarations: libstdc++ 12 uses its own deprecated std::get_temporary_buffer in stable_sort.
add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wno-missing-designated-field-initializers
                    -Wno-deprecated-declarations
                    -Werror=return-type -Werror=unused-result -Werror=dangling -Werror=suggest-override)
set(CMAKE_CXX_FLAGS_DEV "-O0 -g1")
set(CMAKE_C_FLAGS_DEV "-O0 -g1")
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG -ffunction-sections -fdata-sections")
set(CMAKE_C_FLAGS_RELEASE "${CMAKE_CXX_FLAGS_RELEASE}")
set(SKEP_SANITIZE "-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer")
set(CMAKE_CXX_FLAGS_ASAN "-O1 -g1 ${SKEP_SANITIZE}")
set(CMAKE_C_FLAGS_ASAN "${CMAKE_CXX_FLAGS_ASAN}")
set(CMAKE_EXE_LINKER_FLAGS_ASAN "${SKEP_SANITIZE}")
if(SKEP_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
add_link_options(-fuse-ld=mold)
if(CMAKE_BUILD_TYPE STREQUAL "Release")
  add_link_options(-Wl,--gc-sections -Wl,-s)
endif()

find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(OpenSSL 3 REQUIRED)
find_package(CURL 7.88 REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(EXPAT REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(tomlplusplus REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS json)
find_package(GTest REQUIRED)
find_package(benchmark REQUIRED)

# Asio's macros must be the same in every translation unit: one that differs crashes at run time.
add_library(skep_asio_macros INTERFACE)
target_compile_definitions(skep_asio_macros INTERFACE BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_SEPARATE_COMPILATION
                                                      BOOST_BEAST_SEPARATE_COMPILATION)
target_link_libraries(skep_asio_macros INTERFACE Boost::boost Threads::Threads)
# Asio's functions that are no templates. Every program needs them: the precompiled header refers to some.
add_library(skep_asio_impl STATIC cmake/asio_impl.cc)
target_link_libraries(skep_asio_impl PUBLIC skep_asio_macros)
add_library(skep_asio INTERFACE)
target_link_libraries(skep_asio INTERFACE skep_asio_impl skep_asio_macros Boost::json fmt::fmt)

# The allocator of programs that serve (docs/decisions/0007-allocator.md). Sanitizers bring their own.
add_library(skep_malloc INTERFACE)
if(NOT CMAKE_BUILD_TYPE STREQUAL "Asan")
  find_package(mimalloc 2.0 REQUIRED)
  target_link_libraries(skep_malloc INTERFACE mimalloc)
endif()

# One precompiled header for all rooms: standard containers, awaitable, Boost.JSON, fmt.
file(WRITE ${CMAKE_BINARY_DIR}/generated/pch_anchor.cc "// Anchor of the shared precompiled header.\n")
add_library(skep_pch STATIC ${CMAKE_BINARY_DIR}/generated/pch_anchor.cc)
target_link_libraries(skep_pch PUBLIC skep_asio)
target_precompile_headers(skep_pch PRIVATE
  <algorithm> <array> <chrono> <cstdint> <deque> <expected> <functional> <map> <memory> <optional> <set> <span>
  <string> <string_view> <unordered_map> <utility> <variant> <vector>
  <boost/asio/awaitable.hpp> <boost/json.hpp> <fmt/format.h>)
target_compile_options(skep_pch PRIVATE -Xclang -fno-pch-timestamp)   # or ccache would miss on every fresh clone
