tokenyard_room(device
  SOURCES device/accelerator.cpp device/collective_kernels.cpp device/dtype.cpp device/figure_group.cpp device/provenance.cpp device/small_kernels.cpp
  HEADERS device/accelerator.hpp device/collective_kernels.hpp device/dtype.hpp device/figure_group.hpp device/kernels.hpp device/provenance.hpp device/small_kernels.hpp
  BELOW base)
