# Claims of documents: arithmetic of figures, verdicts; the command with its files is a test of its own.
tokenyard_tests(unit_claims unit
  ROOMS claims
  FILES
    unit/claims/expression_test.cpp)
