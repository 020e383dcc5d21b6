# Measured serving points: how rows are read, scored and played.
tokenyard_tests(unit_validate unit
  ROOMS validate
  FILES
    unit/validate/batches_test.cpp
    unit/validate/bench_limits_test.cpp
    unit/validate/figures_test.cpp
    unit/validate/highest_rate_test.cpp
    unit/validate/inferencex_test.cpp
    unit/validate/llmservingsim_test.cpp
    unit/validate/mlperf_test.cpp
    unit/validate/names_test.cpp
    unit/validate/wide_ep_test.cpp)
