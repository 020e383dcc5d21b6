# Micro-benchmarks, in one program so that `./dev bench` runs them all. Never timed as tests.
find_package(benchmark QUIET)
if(benchmark_FOUND)
  add_executable(tokenyard-bench
    ${PROJECT_SOURCE_DIR}/tests/bench/engine_bench.cpp
    ${PROJECT_SOURCE_DIR}/tests/bench/step_cost_bench.cpp
    ${PROJECT_SOURCE_DIR}/tests/bench/trace_reader_bench.cpp)
  set_target_properties(tokenyard-bench PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR} EXCLUDE_FROM_ALL ON)
  target_include_directories(tokenyard-bench PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(tokenyard-bench PRIVATE
    tokenyard_engine tokenyard_cost tokenyard_workloads tokenyard_options benchmark::benchmark_main benchmark::benchmark)
endif()
