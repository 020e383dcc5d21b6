tokenyard_room(files
  SOURCES
    files/output_folder.cpp
    files/trace_file.cpp
  HEADERS
    files/output_folder.hpp
    files/trace_file.hpp
  BELOW base workloads
  PRIVATE ZLIB::ZLIB)
