tokenyard_room(device
  SOURCES device/accelerator.cpp device/attention_heads.cpp device/attention_kernels.cpp device/collective_kernels.cpp device/dtype.cpp device/figure_group.cpp device/provenance.cpp device/small_kernels.cpp
  HEADERS device/accelerator.hpp device/attention_heads.hpp device/attention_kernels.hpp device/clocks.hpp device/collective_kernels.hpp device/dtype.hpp device/figure_group.hpp device/kernels.hpp device/provenance.hpp device/small_kernels.hpp
  BELOW base)
