tokenyard_room(policy
  SOURCES
    policy/prefix_routers.cpp
    policy/routers.cpp
    policy/rules.cpp
    policy/vllm_rules.cpp
  HEADERS
    policy/batch_rules.hpp
    policy/load_watch.hpp
    policy/prefix_routers.hpp
    policy/router.hpp
    policy/router_spec.hpp
    policy/rules.hpp
    policy/spec.hpp
    policy/vllm_rules.hpp
  BELOW base workloads kv)
