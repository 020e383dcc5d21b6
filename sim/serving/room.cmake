tokenyard_room(serving
  SOURCES
    serving/instance.cpp
    serving/rank.cpp
    serving/serving.cpp
  HEADERS
    serving/instance.hpp
    serving/rank.hpp
    serving/sequence.hpp
    serving/serving.hpp
  BELOW base device llm cost workloads topologies log metrics policy engine)
