tokenyard_room(report
  SOURCES
    report/claim_files.cpp
    report/claim_lines.cpp
    report/curve_picture.cpp
    report/compare_table.cpp
    report/csv.cpp
    report/csv_rows.cpp
    report/figure_text.cpp
    report/flat_figures.cpp
    report/grid.cpp
    report/json.cpp
    report/manifest.cpp
    report/request_rows.cpp
    report/run_table.cpp
    report/score_files.cpp
    report/score_table.cpp
    report/step_sheets.cpp
  HEADERS
    report/claim_files.hpp
    report/csv.hpp
    report/csv_rows.hpp
    report/figure_text.hpp
    report/flat_figures.hpp
    report/grid.hpp
    report/json.hpp
    report/json_pools.hpp
    report/manifest.hpp
    report/request_rows.hpp
    report/score.hpp
    report/step_sheets.hpp
    report/table.hpp
  BELOW base metrics
  PRIVATE nlohmann_json::nlohmann_json fmt::fmt)

# What manifest.json says of the build. The commit is the one of the last configure run, and a commit makes one due.
execute_process(COMMAND git -C ${PROJECT_SOURCE_DIR} rev-parse --verify --quiet HEAD
  OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
execute_process(COMMAND git -C ${PROJECT_SOURCE_DIR} rev-parse --path-format=absolute --git-path logs/HEAD
  OUTPUT_VARIABLE commit_log OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
if(commit_log AND EXISTS ${commit_log})
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${commit_log})
endif()
set_source_files_properties(report/manifest.cpp PROPERTIES COMPILE_DEFINITIONS
  "TOKENYARD_VERSION=\"${PROJECT_VERSION}\";TOKENYARD_BUILD_TYPE=\"${CMAKE_BUILD_TYPE}\";TOKENYARD_COMMIT=\"${commit}\"")
unset(commit)
unset(commit_log)
