find_package(rapidcheck REQUIRED)

tokenyard_tests(unit_kv unit
  ROOMS kv
  FILES
    unit/kv/block_ids_test.cpp
    unit/kv/block_store_test.cpp
    unit/kv/tiers_test.cpp)

tokenyard_tests(laws_kv law
  ROOMS kv
  LIBRARIES rapidcheck
  FILES
    laws/block_store_properties_test.cpp
    laws/trace_reuse_test.cpp)

tokenyard_tests(unit_routers unit
  ROOMS policy
  FILES
    unit/policy/router_test.cpp)

tokenyard_tests(laws_measured_hits law
  ROOMS serving
  FILES
    laws/measured_hits_test.cpp)

tokenyard_tests(behaviour_kv behaviour
  ROOMS serving
  FILES
    behaviour/cache_tiers_test.cpp
    behaviour/tier_flows_test.cpp
    behaviour/queue_order_test.cpp)
