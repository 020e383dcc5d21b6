tokenyard_room(policy
  SOURCES
    policy/routers.cpp
    policy/rules.cpp
    policy/vllm_rules.cpp
  HEADERS
    policy/batch_rules.hpp
    policy/router.hpp
    policy/rules.hpp
    policy/spec.hpp
    policy/vllm_rules.hpp
  BELOW base workloads)
