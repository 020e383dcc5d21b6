tokenyard_tests(unit_workloads unit
  ROOMS base workloads
  FILES
    unit/workloads/arrivals_test.cpp
    unit/workloads/azure2023_test.cpp
    unit/workloads/impatient_source_test.cpp
    unit/workloads/lengths_test.cpp
    unit/workloads/own_history_test.cpp
    unit/workloads/random_stream_test.cpp
    unit/workloads/servegen_reader_test.cpp
    unit/workloads/session_draw_test.cpp
    unit/workloads/session_source_test.cpp
    unit/workloads/spec_test.cpp
    unit/workloads/synthetic_source_test.cpp
    unit/workloads/time_stamp_test.cpp
    unit/workloads/trace_source_test.cpp)

tokenyard_tests(unit_config_workload unit
  ROOMS base workloads config
  FILES
    unit/config/read_traffic_test.cpp
    unit/config/read_workload_test.cpp)
