tokenyard_room(metrics
  SOURCES
    metrics/confidence.cpp
    metrics/instance_meter.cpp
    metrics/quantiles.cpp
    metrics/recorder.cpp
    metrics/scoreboard.cpp
    metrics/summary.cpp
  HEADERS
    metrics/cache_figures.hpp
    metrics/confidence.hpp
    metrics/instance_meter.hpp
    metrics/quantiles.hpp
    metrics/recorder.hpp
    metrics/records.hpp
    metrics/scoreboard.hpp
    metrics/summary.hpp
  BELOW base)
