# Flags for our own code only: linked PRIVATE, never inherited by whoever uses the library.
add_library(tokenyard_options INTERFACE)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

option(TOKENYARD_WERROR "Warnings are errors" OFF)
set(TOKENYARD_SANITIZE "" CACHE STRING "Sanitizers, e.g. address,undefined")

target_compile_options(tokenyard_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wold-style-cast
  -Wnon-virtual-dtor -Woverloaded-virtual -Wcast-align -Wdouble-promotion -Wimplicit-fallthrough
  -Wno-missing-field-initializers  # a designated initialiser leaves the rest at its default: that is why we use them
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>  # GCC 12 sees overlaps in std::string operator+ that are not there (its bug 105651)
  -ffp-contract=off)  # same sums on every machine: no fused multiply-add
if(TOKENYARD_WERROR)
  target_compile_options(tokenyard_options INTERFACE -Werror)
endif()
if(TOKENYARD_SANITIZE)
  target_compile_options(tokenyard_options INTERFACE
    -fsanitize=${TOKENYARD_SANITIZE} -fno-omit-frame-pointer -D_GLIBCXX_ASSERTIONS)
  target_link_options(tokenyard_options INTERFACE -fsanitize=${TOKENYARD_SANITIZE})
endif()

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()

# tokenyard_room(NAME SOURCES ... HEADERS ... BELOW rooms... PRIVATE libraries...)
# A room is one static library. It links only the rooms below it, so that an arrow up does not link either.
function(tokenyard_room name)
  cmake_parse_arguments(ROOM "" "" "SOURCES;HEADERS;BELOW;PRIVATE" ${ARGN})
  list(TRANSFORM ROOM_BELOW PREPEND tokenyard_)
  if(NOT ROOM_SOURCES)  # header-only
    add_library(tokenyard_${name} INTERFACE)
    target_compile_features(tokenyard_${name} INTERFACE cxx_std_20)
    target_include_directories(tokenyard_${name} INTERFACE ${PROJECT_SOURCE_DIR})
    target_link_libraries(tokenyard_${name} INTERFACE ${ROOM_BELOW})
    return()
  endif()
  add_library(tokenyard_${name} STATIC)
  target_compile_features(tokenyard_${name} PUBLIC cxx_std_20)
  target_sources(tokenyard_${name} PRIVATE ${ROOM_SOURCES}
    PUBLIC FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR} FILES ${ROOM_HEADERS})
  target_link_libraries(tokenyard_${name} PUBLIC ${ROOM_BELOW} PRIVATE tokenyard_options ${ROOM_PRIVATE})
endfunction()
