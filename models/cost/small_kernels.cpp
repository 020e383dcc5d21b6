#include "models/cost/small_kernels.hpp"

#include "models/cost/kernels.hpp"

namespace tokenyard::cost {

Seconds small_kernel_time(const SmallShape& shape, const models::SmallKernelCoefficients& c,
                          const models::AcceleratorSpec& chip) {
  const double floor = c.t0.value() + c.row_latency.value() * shape.width / 1000.0;
  const double work =
      priced_bytes(shape.bytes, c.near.below, c.near.share) / (chip.memory_bandwidth.value() * c.eff_bw);
  return Seconds{p_norm(floor, work, c.p)};
}

Seconds small_kernel_time(const SmallShape& shape, models::SmallKernel kind, const models::AcceleratorSpec& chip) {
  return small_kernel_time(shape, chip.kernels.small.of(kind), chip);
}

SmallShape sampling_shape(double rows, double vocabulary) {
  constexpr double kShared = 512.0 * 256.0;  // columns from which blocks share a row
  constexpr double kBytes = 2.0 + 4.0 + 4.0;
  return {.width = vocabulary < kShared ? vocabulary : 0.0, .bytes = kBytes * rows * vocabulary};
}

}  // namespace tokenyard::cost
