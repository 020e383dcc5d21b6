tokenyard_room(calibrate
  SOURCES
    calibrate/aiconfigurator_communication.cpp
    calibrate/aiconfigurator_experts.cpp
    calibrate/aiconfigurator_tables.cpp
    calibrate/calibrate.cpp
    calibrate/calibration_text.cpp
    calibrate/exchange_tables.cpp
    calibrate/infersim_tables.cpp
    calibrate/kernel_table.cpp
    calibrate/measurements.cpp
    calibrate/own_tables.cpp
    calibrate/peaks.cpp
    calibrate/profiler_tables.cpp
    calibrate/table_formats.cpp
    calibrate/vidur_tables.cpp
  HEADERS
    calibrate/calibrate.hpp
    calibrate/calibration_text.hpp
    calibrate/kernel_table.hpp
    calibrate/measurements.hpp
    calibrate/peaks.hpp
    calibrate/table_formats.hpp
  BELOW base device cost fit workloads files
  PRIVATE fmt::fmt)
