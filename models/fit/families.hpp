#pragma once

#include "models/fit/family.hpp"

#include <string_view>
#include <vector>

namespace tokenyard::fit {

/// Every family that can be fitted, in the order of the keys of chip.kernels.
[[nodiscard]] const std::vector<Family>& families();

/// The family whose coefficients stand at `place`; nullptr when there is none.
[[nodiscard]] const Family* find_family(std::string_view place);

// Each defines the families of one kind; families.cpp joins them.
[[nodiscard]] std::vector<Family> gemm_families();  ///< gemm_family.cpp: gemm.KIND
[[nodiscard]] std::vector<Family>
attention_families();  ///< attention_families.cpp: attention_decode.KV, attention_context.KV
[[nodiscard]] std::vector<Family> skew_families();    ///< skew_family.cpp: attention_skew.bf16
[[nodiscard]] std::vector<Family> mixed_families();   ///< mixed_family.cpp: attention_mixed.bf16
[[nodiscard]] std::vector<Family> latent_families();  ///< latent_families.cpp: mla_decode.KV, mla_context.KV
[[nodiscard]] std::vector<Family> moe_families();     ///< moe_family.cpp: moe.KIND, moe_of.LIBRARY.KIND
[[nodiscard]] std::vector<Family> small_families();   ///< small_families.cpp: small.KIND

}  // namespace tokenyard::fit
