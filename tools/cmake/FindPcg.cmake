# pcg-cpp (Debian: libpcg-cpp-dev) is headers only and brings no CMake package. Gives Pcg::Pcg.
find_path(PCG_INCLUDE_DIR pcg_random.hpp)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Pcg REQUIRED_VARS PCG_INCLUDE_DIR)
if(Pcg_FOUND AND NOT TARGET Pcg::Pcg)
  add_library(Pcg::Pcg INTERFACE IMPORTED)
  target_include_directories(Pcg::Pcg INTERFACE ${PCG_INCLUDE_DIR})
endif()
