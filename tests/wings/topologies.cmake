tokenyard_tests(unit_topologies unit
  ROOMS topologies
  FILES
    unit/topologies/bisection_test.cpp
    unit/topologies/make_topology_test.cpp
    unit/topologies/plane_paths_test.cpp
    unit/topologies/spec_test.cpp
    unit/topologies/stores_test.cpp
    unit/topologies/tiers_test.cpp
    unit/topologies/topology_builder_test.cpp
    unit/topologies/topology_view_test.cpp
    unit/topologies/torus_test.cpp)

tokenyard_tests(unit_topology_files unit
  ROOMS device topologies config
  FILES
    unit/sim/read_topology_test.cpp
    unit/sim/system_aggregates_test.cpp
    unit/sim/yaml_base_test.cpp)
