#pragma once

#include "models/cost/kernel_profile.hpp"
#include "sim/config/experiment.hpp"

namespace tokenyard {

/// The user's own kernels that `cost: {kind: table}` of a pool names; empty without. Throws UserError at the key when a
/// table cannot be read (with its file, line and column), a product is above the peaks of the chip, or none holds a
/// kernel that steps are priced by.
[[nodiscard]] cost::KernelProfile read_profile(const config::PoolSpec& pool, const models::AcceleratorSpec& chip);

}  // namespace tokenyard
