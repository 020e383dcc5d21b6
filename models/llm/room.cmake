tokenyard_room(llm
  SOURCES llm/architecture.cpp llm/parallel_plan.cpp
  HEADERS llm/architecture.hpp llm/parallel_plan.hpp
  BELOW base device)
