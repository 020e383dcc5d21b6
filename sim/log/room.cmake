tokenyard_room(log
  SOURCES
    log/log.cpp
    log/progress.cpp
  HEADERS
    log/log.hpp
    log/progress.hpp
  BELOW base
  PRIVATE spdlog::spdlog)
