#pragma once

#include "models/base/units.hpp"
#include "models/device/clocks.hpp"
#include "models/device/dtype.hpp"
#include "models/device/kernels.hpp"

#include <array>
#include <optional>
#include <string>

namespace tokenyard::models {

/// Power of one chip, by what it does. Source of the phases: the catalogue entry.
struct PowerSpec {
  Watts idle;
  Watts decode;
  Watts prefill;
  Watts tdp;
};

/// One accelerator as its catalogue entry describes it.
struct AcceleratorSpec {
  std::string name;  ///< catalogue name, "h100-sxm"
  std::string vendor;
  bool scenario = false;                                   ///< true: targets of a plan, not a product's data sheet
  std::array<std::optional<FlopPerSecond>, kDtypes> peak;  ///< dense, by Dtype; absent = the chip does not have it
  Bytes memory;
  BytesPerSecond memory_bandwidth;
  BytesPerSecond scale_up;   ///< per direction, all links of the chip together
  BytesPerSecond scale_out;  ///< per direction, the chip's share of NICs
  PowerSpec power;
  std::optional<BurstClocks> clocks;  ///< absent: nobody measured that they fall
  KernelSet kernels;

  /// Dense peak of a format. Throws SpecError("weights", ...) naming the formats the chip has.
  [[nodiscard]] FlopPerSecond peak_of(Dtype dtype) const;
};

/// Throws SpecError when a figure is absurd: no BF16 peak, zero memory, efficiencies outside (0, 1], idle above TDP ...
void validate(const AcceleratorSpec& spec);

}  // namespace tokenyard::models
