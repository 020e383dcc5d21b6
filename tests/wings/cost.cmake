tokenyard_tests(unit_cost unit
  ROOMS base device llm cost
  FILES
    unit/models/cost/attention_test.cpp
    unit/models/cost/collectives_test.cpp
    unit/models/cost/explain_step_test.cpp
    unit/models/cost/kernels_test.cpp
    unit/models/cost/layer_work_test.cpp
    unit/models/cost/step_cost_test.cpp
    unit/models/cost/step_laws_test.cpp
    unit/models/cost/tables_test.cpp)

find_package(benchmark QUIET)
if(benchmark_FOUND)
  add_executable(bench_step_cost bench/step_cost_bench.cpp)
  target_include_directories(bench_step_cost PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(bench_step_cost PRIVATE tokenyard_cost tokenyard_options benchmark::benchmark)
endif()
