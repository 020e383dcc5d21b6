tokenyard_tests(serving_behaviour behaviour
  ROOMS serving
  FILES ${PROJECT_SOURCE_DIR}/tests/behaviour/toy_oracle_test.cpp)
tokenyard_tests(serving_laws law
  ROOMS serving
  FILES ${PROJECT_SOURCE_DIR}/tests/laws/runs_equal_steps_test.cpp)
