find_package(rapidcheck REQUIRED)

tokenyard_tests(unit_engine_rules unit
  ROOMS serving
  FILES
    unit/serving/decode_blocks_test.cpp
    unit/serving/new_token_ratio_test.cpp
    unit/serving/rank_cancel_test.cpp
    unit/serving/rank_longest_test.cpp
    unit/serving/sglang_vectors_test.cpp
    unit/serving/split_vectors_test.cpp
    unit/serving/trtllm_vectors_test.cpp
    unit/serving/vllm_prefix_test.cpp
    unit/serving/vllm_vectors_test.cpp
    unit/serving/vllm_windows_test.cpp)

tokenyard_tests(laws_rank law
  ROOMS serving
  LIBRARIES rapidcheck
  FILES
    laws/engine_ranks_test.cpp
    laws/rank_properties_test.cpp)

tokenyard_tests(laws_serving law
  ROOMS serving workloads
  FILES
    laws/conservation_test.cpp
    laws/engines_test.cpp
    laws/patience_test.cpp
    laws/pauses_test.cpp
    laws/queueing_test.cpp)

tokenyard_tests(behaviour_serving behaviour
  ROOMS serving
  FILES
    behaviour/conductor_test.cpp
    behaviour/contention_error_test.cpp
    behaviour/contention_test.cpp
    behaviour/chip_clocks_test.cpp
    behaviour/front_end_test.cpp
    behaviour/hand_off_engines_test.cpp
    behaviour/hand_off_push_test.cpp
    behaviour/hand_off_test.cpp
    behaviour/instance_test.cpp
    behaviour/pipeline_test.cpp
    behaviour/request_way_test.cpp
    behaviour/speculation_test.cpp
    behaviour/trunk_contention_test.cpp
    behaviour/ways_contention_test.cpp)
