find_package(rapidcheck REQUIRED)

tokenyard_tests(unit_vllm_rules unit
  ROOMS serving
  FILES
    unit/serving/vllm_vectors_test.cpp)

tokenyard_tests(laws_rank law
  ROOMS serving
  LIBRARIES rapidcheck
  FILES
    laws/rank_properties_test.cpp)

tokenyard_tests(laws_serving law
  ROOMS serving workloads
  FILES
    laws/pauses_test.cpp)
