#pragma once

#include "models/base/units.hpp"
#include "models/device/accelerator.hpp"
#include "models/device/small_kernels.hpp"

namespace tokenyard::cost {

/// What one small kernel does for all tokens of a step.
struct SmallShape {
  double width = 0;  ///< elements of a row that one thread block walks; 0 where blocks share a row
  double bytes = 0;  ///< read and written, weights left out
};

/// t = pnorm_p( t0 + row_latency * width/1000 , near bytes / (BW*eff_bw) ). In a CUDA graph, the gap to the kernel
/// before included.
[[nodiscard]] Seconds small_kernel_time(const SmallShape& shape, const models::SmallKernelCoefficients& c,
                                        const models::AcceleratorSpec& chip);
[[nodiscard]] Seconds small_kernel_time(const SmallShape& shape, models::SmallKernel kind,
                                        const models::AcceleratorSpec& chip);

/// Greedy sampling of `rows` rows of `vocabulary` BF16 logits: to FP32 (2 bytes read, 4 written), and the greatest of
/// each row (4 read). One thread block walks a row alone unless each of its 512 threads has 256 values: PyTorch's rule,
/// seen in the times (26 us at 128,256 columns, 9 us at 151,936). Source: pytorch,
/// aten/src/ATen/native/cuda/Reduce.cuh, values_per_thread() >= 256.
[[nodiscard]] SmallShape sampling_shape(double rows, double vocabulary);

}  // namespace tokenyard::cost
