#include "models/device/small_kernels.hpp"

namespace tokenyard::models {

std::string_view name(SmallKernel kind) {
  constexpr std::array<std::string_view, kSmallKernels> names{
      "norm",    "norm_quantise", "activation", "activation_quantise", "quantise", "rotary", "add",
      "routing", "sampling",      "top_p"};
  return names[static_cast<std::size_t>(kind)];
}

}  // namespace tokenyard::models
