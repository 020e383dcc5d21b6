tokenyard_room(validate
  SOURCES
    validate/batches.cpp
    validate/diagnosis.cpp
    validate/inferencex.cpp
    validate/layouts.cpp
    validate/names.cpp
    validate/play_points.cpp
    validate/prediction.cpp
    validate/read_set.cpp
    validate/recipes.cpp
    validate/split_recipes.cpp
    validate/traps.cpp
  HEADERS
    validate/batches.hpp
    validate/diagnosis.hpp
    validate/layouts.hpp
    validate/names.hpp
    validate/play_points.hpp
    validate/point.hpp
    validate/prediction.hpp
    validate/read_set.hpp
    validate/recipes.hpp
    validate/split_recipes.hpp
    validate/traps.hpp
  BELOW base device llm cost files metrics config report run
  PRIVATE fmt::fmt)
