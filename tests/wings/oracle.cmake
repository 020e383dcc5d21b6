# Against programs and formulas that share no code with the simulator.
tokenyard_tests(laws_oracle law
  ROOMS serving workloads
  FILES
    laws/azure_oracle_test.cpp
    laws/load_study_test.cpp)
