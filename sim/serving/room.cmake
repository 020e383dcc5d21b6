tokenyard_room(serving
  SOURCES
    serving/acceptance.cpp
    serving/instance.cpp
    serving/instance_books.cpp
    serving/instance_runs.cpp
    serving/rank.cpp
    serving/rank_cache.cpp
    serving/rank_drafts.cpp
    serving/rank_views.cpp
    serving/serving.cpp
  HEADERS
    serving/acceptance.hpp
    serving/instance.hpp
    serving/rank.hpp
    serving/sequence.hpp
    serving/serving.hpp
  BELOW base device llm cost workloads topologies log metrics policy engine kv)
