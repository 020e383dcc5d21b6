tokenyard_room(device
  SOURCES device/accelerator.cpp device/dtype.cpp
  HEADERS device/accelerator.hpp device/dtype.hpp device/kernels.hpp
  BELOW base)
