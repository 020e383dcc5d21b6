tokenyard_tests(unit_traces unit
  ROOMS base traces files
  FILES
    unit/traces/broken_files_test.cpp
    unit/traces/checked_rows_test.cpp
    unit/traces/formats_test.cpp
    unit/traces/prefix_blocks_test.cpp
    unit/traces/recorded_traces_test.cpp
    unit/traces/trace_folder_test.cpp)
