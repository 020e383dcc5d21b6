tokenyard_room(files
  SOURCES
    files/csv_table.cpp
    files/output_file.cpp
    files/output_folder.cpp
    files/trace_file.cpp
  HEADERS
    files/csv_table.hpp
    files/output_file.hpp
    files/output_folder.hpp
    files/trace_file.hpp
  BELOW base traces
  PRIVATE ZLIB::ZLIB)
