# Experiments put together: chips placed, parts sized, one run of each.
tokenyard_tests(unit_run unit
  ROOMS run
  FILES
    unit/run/accuracy_test.cpp
    unit/run/assemble_test.cpp
    unit/run/children_test.cpp
    unit/run/contention_test.cpp
    unit/run/engines_test.cpp
    unit/run/explain_test.cpp
    unit/run/kv_layout_test.cpp
    unit/run/machine_sheet_test.cpp
    unit/run/placement_test.cpp
    unit/run/published_apart_test.cpp
    unit/run/published_collectives_test.cpp
    unit/run/published_wide_test.cpp
    unit/run/run_test.cpp
    unit/run/shipped_collectives_test.cpp
    unit/run/table_network_test.cpp
    unit/run/tier_ways_test.cpp)
tokenyard_tests(behaviour_run behaviour
  ROOMS run
  FILES
    behaviour/flow_run_test.cpp
    behaviour/network_effects_test.cpp
    behaviour/published_hand_off_test.cpp
    behaviour/step_flows_test.cpp)
