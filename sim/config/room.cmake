tokenyard_room(config
  SOURCES
    config/catalog.cpp
    config/keys.cpp
    config/keys_engine.cpp
    config/keys_experiment.cpp
    config/keys_kernels.cpp
    config/keys_kv.cpp
    config/keys_models.cpp
    config/keys_topology.cpp
    config/keys_workload.cpp
    config/read_engine.cpp
    config/read_experiment.cpp
    config/read_kernels.cpp
    config/read_kv.cpp
    config/read_models.cpp
    config/read_steps.cpp
    config/read_topology.cpp
    config/read_workload.cpp
    config/yaml_map.cpp
    config/yaml_node.cpp
    config/yaml_values.cpp
  HEADERS
    config/catalog.hpp
    config/experiment.hpp
    config/keys.hpp
    config/read_engine.hpp
    config/read_kernels.hpp
    config/read_kv.hpp
    config/read_models.hpp
    config/read_steps.hpp
    config/read_topology.hpp
    config/read_workload.hpp
    config/yaml_map.hpp
    config/yaml_node.hpp
  BELOW base device llm cost topologies workloads metrics kv policy serving
  PRIVATE yaml-cpp)
target_compile_definitions(tokenyard_config PRIVATE TOKENYARD_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
