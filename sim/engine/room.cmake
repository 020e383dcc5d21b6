tokenyard_room(engine
  SOURCES
    engine/byte_series.cpp
    engine/engine.cpp
    engine/event_queue.cpp
    engine/flow_carrier.cpp
    engine/link_meter.cpp
    engine/platform.cpp
    engine/simgrid_settings.cpp
  HEADERS
    engine/byte_series.hpp
    engine/engine.hpp
    engine/event_queue.hpp
    engine/flow_carrier.hpp
    engine/link_meter.hpp
    engine/platform.hpp
    engine/simgrid_settings.hpp
  BELOW base topologies log
  PRIVATE PkgConfig::SimGrid)
