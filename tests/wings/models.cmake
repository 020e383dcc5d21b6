tokenyard_tests(unit_models unit
  ROOMS base device llm
  FILES
    unit/models/accelerator_test.cpp
    unit/models/attention_kernels_test.cpp
    unit/models/architecture_test.cpp
    unit/models/dtype_test.cpp
    unit/models/expert_load_test.cpp
    unit/models/parallel_plan_test.cpp
    unit/models/sim_time_test.cpp
    unit/models/speculation_test.cpp
    unit/models/units_text_test.cpp)

tokenyard_tests(unit_catalog unit
  ROOMS base device llm config
  FILES
    unit/models/catalog_test.cpp
    unit/sim/read_models_test.cpp
    unit/sim/yaml_map_test.cpp)
