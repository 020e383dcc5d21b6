tokenyard_room(traffic
  SOURCES
    traffic/offered.cpp
    traffic/stats_table.cpp
    traffic/trace_jobs.cpp
  HEADERS
    traffic/offered.hpp
    traffic/stats_table.hpp
    traffic/trace_jobs.hpp
  BELOW base traces workloads files config report)
