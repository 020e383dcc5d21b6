#pragma once

#include "models/device/accelerator.hpp"
#include "sim/config/experiment.hpp"

namespace tokenyard {

/// The chip of `pool`, with the kernels that its engine uses: decode attention as long as FlashAttention takes where
/// the engine runs that; prompts over an FP8 cache by engine.fp8_prompt_attention, where the chip has kernels for both
/// caches; of all-reduces the first of engine.all_reduce that the chip has, and one shot up to
/// engine.one_shot_tokens of the model's hidden vectors (BF16); of routed experts, where none are dispatched, for each
/// format the first of engine.experts that the chip has. UserError at the key where the chip has none of the names.
[[nodiscard]] models::AcceleratorSpec served_chip(const config::Experiment& experiment, const config::PoolSpec& pool);

}  // namespace tokenyard
