tokenyard_room(engine
  SOURCES
    engine/byte_series.cpp
    engine/engine.cpp
    engine/event_queue.cpp
    engine/flat_carrier.cpp
    engine/flow_carrier.cpp
    engine/link_meter.cpp
    engine/max_min.cpp
    engine/plane_links.cpp
    engine/platform.cpp
    engine/simgrid_carrier.cpp
    engine/simgrid_settings.cpp
  HEADERS
    engine/byte_series.hpp
    engine/end_heap.hpp
    engine/engine.hpp
    engine/event_queue.hpp
    engine/flat_carrier.hpp
    engine/flow_carrier.hpp
    engine/link_meter.hpp
    engine/max_min.hpp
    engine/plane_links.hpp
    engine/platform.hpp
    engine/simgrid_carrier.hpp
    engine/simgrid_settings.hpp
  BELOW base topologies log
  PRIVATE PkgConfig::SimGrid)
