#pragma once

#include "models/device/accelerator.hpp"
#include "models/fit/family.hpp"
#include "models/fit/samples.hpp"
#include "sim/calibrate/measurements.hpp"

#include <string>
#include <vector>

namespace tokenyard::calibrate {

/// Throws UserError "path:line: why" at the first matrix product that is more than 5 % quicker than the chip's dense
/// peak and its memory permit: 2 m n k operations at the peak of the format, and weights, activations and results once
/// each. What is above 256 MiB comes from memory; less may stand in the chip's cache.
/// assumed: no cache is larger, or more than eight times as quick as the memory behind it. Products of formats that the
/// chip has no peak for, and other kernels, are not looked at.
void refuse_above_peaks(const Measurements& measured, const models::AcceleratorSpec& chip);

/// Rows of a family that says what its shapes compute and move (fit::Family::roofline), without those that are more
/// than 5 % quicker than the chip's peak, its memory (with the same allowance for a cache) or its links permit: such a
/// row did not do what it says. `left_out` gets a sentence that counts them and names the quickest. Throws UserError
/// with that row where they are more than half of all: then the chip, the unit or the columns are not what they
/// seem. Rows of other families stay, and single ones of families whose load is only expected (routed experts).
[[nodiscard]] fit::Samples possible_rows(const fit::Family& family, const fit::Samples& rows,
                                         const Measurements& measured, const models::AcceleratorSpec& chip,
                                         std::vector<std::string>& left_out);

}  // namespace tokenyard::calibrate
