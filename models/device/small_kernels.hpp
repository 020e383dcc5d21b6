#pragma once

#include "models/base/units.hpp"
#include "models/device/provenance.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace tokenyard::models {

/// Kernels that move activations and multiply no matrix. Norms add the residual; "quantise" is to one byte an element
/// (half a byte in NVFP4), in the kernel before or alone; a rotary kernel appends to the KV cache as well.
enum class SmallKernel : std::uint8_t {
  Norm,
  NormQuantise,
  Activation,
  ActivationQuantise,
  Quantise,
  Rotary,
  Add,       ///< of the shared experts' result
  Routing,   ///< scores of the experts, the best of them
  Sampling,  ///< logits to FP32, the greatest of a row
  TopP,      ///< logits to FP32, the most probable tokens of a row by sorting it, one drawn from these
};
inline constexpr std::size_t kSmallKernels = 10;
[[nodiscard]] std::string_view name(SmallKernel kind);  ///< "norm", "norm_quantise", ..., as in a chip's entry

/// Small kernels find what the kernel before them wrote in the chip's L2, as long as it fits: bytes cost `share` of
/// what they cost from memory while all of them stay below half of `below`, their full price from `below` on, and
/// something on the straight line between.
struct NearBytes {
  Bytes below;  ///< 0: all comes from memory
  double share = 1.0;
};

/// t = pnorm_p( t0 + row_latency * width/1000 , near bytes / (BW*eff_bw) ), where one thread block walks the `width`
/// elements of a row; p = 1: their sum.
struct SmallKernelCoefficients {
  Seconds t0;
  double eff_bw = 1.0;
  Seconds row_latency;  ///< per 1,000 elements of a row
  double p = 1.0;
  NearBytes near;
  Provenance provenance;
};

/// The small kernels of a chip.
struct SmallKernels {
  SmallKernelCoefficients other;  ///< of kinds that have none of their own
  std::array<std::optional<SmallKernelCoefficients>, kSmallKernels> by_kind;
  /// The tables behind the attention coefficients measured rotary embedding and append along; those behind the experts'
  /// the routing. Then they are no kernels of their own.
  bool rotary_in_attention = false;
  bool routing_in_experts = false;

  [[nodiscard]] const SmallKernelCoefficients& of(SmallKernel kind) const {
    const auto& own = by_kind[static_cast<std::size_t>(kind)];
    return own ? *own : other;
  }
};

}  // namespace tokenyard::models
