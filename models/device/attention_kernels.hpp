#pragma once

#include "models/device/attention_heads.hpp"
#include "models/device/dtype.hpp"
#include "models/device/kernels.hpp"

#include <optional>

namespace tokenyard::models {

/// Which decode kernel heads have to themselves, where a chip has one; absent: that of heads of 128 in groups.
[[nodiscard]] std::optional<DecodeHeads> decode_heads(const HeadShape& heads);
[[nodiscard]] std::optional<ContextHeads> context_heads(const HeadShape& heads);

/// The decode kernel of these heads: the one that the chip has for them, else the nearest. A group of one has its own
/// whatever its heads; a size between two is the larger's; where a chip has none for the window or for groups above 8,
/// that of the size's narrower groups; where it has none for the size, the one for heads of 128. nullptr: the chip has
/// none for this cache.
[[nodiscard]] const DecodeAttentionCoefficients* decode_kernel(const KernelSet& kernels, Dtype kv,
                                                               const HeadShape& heads);

/// Likewise the kernel of prompts; heads above 128 are those of 256, whether they have a window or not.
[[nodiscard]] const ContextAttentionCoefficients* context_kernel(const KernelSet& kernels, Dtype kv,
                                                                 const HeadShape& heads);

}  // namespace tokenyard::models
