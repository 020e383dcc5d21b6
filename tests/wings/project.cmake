# The project's own rules, checked like everything else.
find_package(Python3 3.9 REQUIRED COMPONENTS Interpreter)

add_test(NAME "layers: no room includes upward"
  COMMAND Python3::Interpreter -B ${PROJECT_SOURCE_DIR}/tools/check_layers.py ${PROJECT_SOURCE_DIR})
add_test(NAME "layers: every planted fault is found"
  COMMAND Python3::Interpreter -B ${PROJECT_SOURCE_DIR}/tests/tools/check_layers_test.py)

# A doctest program that finds no case for its filter prints "test cases: 0" and exits with 0. What tokenyard_tests()
# sets on every case must turn that into a failure; WILL_FAIL turns the failure into this test's success.
tokenyard_tests(guard_test unit FILES tools/guard_test.cpp)
add_test(NAME "guard: a filter that matches no case fails" COMMAND guard_test "--test-case=no such case")
set_tests_properties("guard: a filter that matches no case fails" PROPERTIES
  FAIL_REGULAR_EXPRESSION "${TOKENYARD_NO_CASE_RAN}" WILL_FAIL TRUE)

set_tests_properties(
  "layers: no room includes upward" "layers: every planted fault is found" "guard: a filter that matches no case fails"
  PROPERTIES LABELS unit TIMEOUT 120)
