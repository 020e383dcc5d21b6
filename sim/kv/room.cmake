tokenyard_room(kv
  SOURCES
    kv/block_ids.cpp
    kv/block_store.cpp
    kv/free_queue.cpp
    kv/id_map.cpp
    kv/prefix_index.cpp
    kv/spec.cpp
    kv/tiers.cpp
  HEADERS
    kv/block_ids.hpp
    kv/block_store.hpp
    kv/free_queue.hpp
    kv/id_map.hpp
    kv/prefix_index.hpp
    kv/spec.hpp
    kv/tiers.hpp
  BELOW base workloads)
