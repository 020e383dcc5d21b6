tokenyard_tests(behaviour_engine behaviour
  ROOMS engine topologies
  FILES
    behaviour/collective_flows_test.cpp
    behaviour/engine_events_test.cpp
    behaviour/engine_flows_test.cpp
    behaviour/engine_sharing_test.cpp
    behaviour/solvers_agree_test.cpp)

tokenyard_tests(unit_engine unit
  ROOMS engine
  FILES
    unit/sim/end_heap_test.cpp
    unit/sim/event_queue_test.cpp
    unit/sim/link_meter_test.cpp
    unit/sim/max_min_test.cpp
    unit/sim/plane_links_test.cpp)

tokenyard_tests(unit_log unit
  ROOMS log
  FILES
    unit/sim/log_test.cpp
    unit/sim/progress_test.cpp)

tokenyard_tests(unit_files unit
  ROOMS files
  LIBRARIES ZLIB::ZLIB
  FILES
    unit/sim/csv_table_test.cpp
    unit/sim/output_file_test.cpp
    unit/sim/output_folder_test.cpp
    unit/sim/trace_file_test.cpp)
