tokenyard_tests(unit_fit unit
  ROOMS base device llm cost fit
  FILES unit/models/fit/fit_family_test.cpp)

tokenyard_tests(unit_calibrate unit
  ROOMS base device cost fit files calibrate config
  FILES
    unit/calibrate/calibrate_test.cpp
    unit/calibrate/clocks_test.cpp
    unit/calibrate/communication_test.cpp
    unit/calibrate/expert_tables_test.cpp
    unit/calibrate/kernel_table_test.cpp
    unit/calibrate/operator_tables_test.cpp
    unit/calibrate/shipped_chips_test.cpp)
