tokenyard_room(llm
  SOURCES llm/architecture.cpp llm/expert_load.cpp llm/parallel_plan.cpp llm/speculation.cpp
  HEADERS llm/architecture.hpp llm/expert_load.hpp llm/parallel_plan.hpp llm/speculation.hpp
  BELOW base device)
