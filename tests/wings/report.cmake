tokenyard_tests(unit_report unit
  ROOMS base metrics report
  FILES
    unit/report/compare_table_test.cpp
    unit/report/csv_test.cpp
    unit/report/csv_rows_test.cpp
    unit/report/figure_text_test.cpp
    unit/report/grid_test.cpp
    unit/report/json_test.cpp
    unit/report/manifest_test.cpp
    unit/report/run_table_test.cpp
    unit/report/step_sheets_test.cpp
  LIBRARIES nlohmann_json::nlohmann_json)

tokenyard_tests(unit_metrics unit
  ROOMS base metrics
  FILES
    unit/metrics/claim_rows_test.cpp
    unit/metrics/confidence_test.cpp
    unit/metrics/instance_meter_test.cpp
    unit/metrics/quantiles_test.cpp
    unit/metrics/recorder_test.cpp
    unit/metrics/scoreboard_test.cpp
    unit/metrics/summary_test.cpp)
