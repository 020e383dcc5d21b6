tokenyard_room(run
  SOURCES
    run/accuracy.cpp
    run/assemble.cpp
    run/children.cpp
    run/engine_memory.cpp
    run/collective_question.cpp
    run/explain.cpp
    run/graph_sizes.cpp
    run/machine_sheet.cpp
    run/placement.cpp
    run/play.cpp
    run/play_all.cpp
    run/run.cpp
  HEADERS
    run/accuracy.hpp
    run/assemble.hpp
    run/children.hpp
    run/engine_memory.hpp
    run/collective_question.hpp
    run/explain.hpp
    run/graph_sizes.hpp
    run/machine_sheet.hpp
    run/placement.hpp
    run/play.hpp
    run/run.hpp
  BELOW base device llm cost topologies workloads log files metrics policy engine serving config report
  PRIVATE fmt::fmt)
