tokenyard_tests(unit_cost unit
  ROOMS base device llm cost
  FILES
    unit/models/cost/attention_ffn_test.cpp
    unit/models/cost/attention_forms_test.cpp
    unit/models/cost/attention_test.cpp
    unit/models/cost/collectives_test.cpp
    unit/models/cost/communication_test.cpp
    unit/models/cost/context_tiles_test.cpp
    unit/models/cost/decode_grid_test.cpp
    unit/models/cost/product_tiles_test.cpp
    unit/models/cost/exchange_test.cpp
    unit/models/cost/expert_load_test.cpp
    unit/models/cost/explain_step_test.cpp
    unit/models/cost/ffn_groups_test.cpp
    unit/models/cost/kernel_profile_test.cpp
    unit/models/cost/kernels_test.cpp
    unit/models/cost/latent_walk_test.cpp
    unit/models/cost/layer_work_test.cpp
    unit/models/cost/mixed_attention_test.cpp
    unit/models/cost/peak_time_test.cpp
    unit/models/cost/price_basis_test.cpp
    unit/models/cost/small_kernels_test.cpp
    unit/models/cost/micro_batches_test.cpp
    unit/models/cost/special_steps_test.cpp
    unit/models/cost/step_cost_test.cpp
    unit/models/cost/step_laws_test.cpp
    unit/models/cost/tables_test.cpp)
