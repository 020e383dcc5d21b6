#pragma once

#include "models/device/accelerator.hpp"
#include "sim/calibrate/measurements.hpp"

namespace tokenyard::calibrate {

/// Throws UserError "path:line: why" at the first matrix product that is more than 5 % quicker than the chip's dense
/// peak and its memory permit: 2 m n k operations at the peak of the format, and weights, activations and results once
/// each. What is above 256 MiB comes from memory; less may stand in the chip's cache.
/// assumed: no cache is larger, or more than eight times as quick as the memory behind it. Products of formats that the
/// chip has no peak for, and other kernels, are not looked at.
void refuse_above_peaks(const Measurements& measured, const models::AcceleratorSpec& chip);

}  // namespace tokenyard::calibrate
