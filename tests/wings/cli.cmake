# The program as its user meets it: every shipped experiment, every mistake, every promise. Python's own library only.
find_package(Python3 3.9 REQUIRED COMPONENTS Interpreter)

# tokenyard_cli_test(NAME SCRIPT arguments...)
function(tokenyard_cli_test name script)
  add_test(NAME ${name}
    COMMAND Python3::Interpreter -B ${PROJECT_SOURCE_DIR}/${script} $<TARGET_FILE:tokenyard-cli> ${ARGN})
  set_tests_properties(${name} PROPERTIES LABELS cli TIMEOUT 300 SKIP_RETURN_CODE 77)
endfunction()

file(GLOB_RECURSE experiments CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/configs/*.yaml)
list(FILTER experiments EXCLUDE REGEX "^configs/claims/")  # `tokenyard claims` plays them
foreach(experiment IN LISTS experiments)
  file(STRINGS ${PROJECT_SOURCE_DIR}/${experiment} schema REGEX "^schema:" LIMIT_COUNT 1)
  if(schema)  # else a part that experiments share
    tokenyard_cli_test("cli: ${experiment} runs and its results add up" tests/tools/run_config.py
      ${PROJECT_SOURCE_DIR}/${experiment})
  endif()
endforeach()

tokenyard_cli_test("cli: a mistake is told in one line with its place" tests/tools/bad_inputs_test.py)
tokenyard_cli_test("cli: claims are judged by their runs" tests/tools/claims_test.py)
tokenyard_cli_test("cli: promises hold" tests/tools/promises_test.py)
tokenyard_cli_test("cli: collective prices what one asks" tests/tools/collective_test.py)
tokenyard_cli_test("cli: explain tells what each kernel computes and moves" tests/tools/explain_test.py)
tokenyard_cli_test("cli: a pool is priced by its own kernel tables" tests/tools/cost_table_test.py)
tokenyard_cli_test("cli: validate plays what it can and tells the rest" tests/tools/validate_test.py)
tokenyard_cli_test("cli: a pool of KV blocks gives what was reported at half reuse and not at nine tenths" tests/tools/pool_test.py)
tokenyard_cli_test("cli: routers that expect latencies reject and copy and let prompts skip the prefill pool" tests/tools/conductor_test.py)
tokenyard_cli_test("cli: tiers behind caches are used by the rules of each engine" tests/tools/tiers_test.py)
tokenyard_cli_test("cli: running and waiting requests follow a measured run" tests/tools/series_test.py)
tokenyard_cli_test("cli: what the pages show runs as it stands" tests/tools/readme_test.py)
tokenyard_cli_test("cli: the summary says what the rows of requests add up to" tests/tools/summary_test.py)
tokenyard_cli_test("cli: traces and workloads are looked at and exported and replayed" tests/tools/traffic_test.py)
tokenyard_cli_test("golden: the figures of configs/smoke.yaml have not moved" tools/golden.py)
tokenyard_cli_test("golden: new figures need a reason" tests/tools/golden_test.py)
tokenyard_cli_test("scoreboard: the README says what validate wrote" tests/tools/scoreboard_test.py)
