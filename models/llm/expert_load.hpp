#pragma once

#include <cstdint>
#include <vector>

namespace tokenyard::models {

/// Shares of a layer's tokens that its experts get.
enum class Routing : std::uint8_t {
  Fitted,    ///< as when the chip's kernels were measured: the power law of 1.2 of kernel tables (cost::ExpertLoads)
  Balanced,  ///< all alike
  PowerLaw,  ///< loads of density x^-alpha: see expert_shares()
  Measured,  ///< as listed
};

/// Who decides which rank holds which expert, and which experts are held twice.
enum class Eplb : std::uint8_t {
  Off,    ///< nobody: experts stand in an order that knows nothing of their load
  On,     ///< DeepSeek's expert-parallel load balancer, which knows the loads
  Ideal,  ///< every rank gets the mean load
};

/// Source of the balancer: github.com/deepseek-ai/EPLB. The loads of all layers are alike and do not change.
struct ExpertLoad {
  Routing routing = Routing::Fitted;
  double alpha = 0.0;          ///< of PowerLaw
  std::vector<double> shares;  ///< of Measured: one an expert, in the order of their indices; any scale
  Eplb eplb = Eplb::Off;
};

/// Throws SpecError("expert_load_alpha" | "expert_shares" | "redundant_experts", ...).
void validate(const ExpertLoad& load, std::uint32_t experts, std::uint32_t redundant);

/// Shares of the experts, adding up to 1. PowerLaw: the E quantiles (i + 1/2)/E of the density x^-alpha on [1, 1000],
/// the largest first. Source of the form: the sampled loads of NVIDIA aiconfigurator's MoE benchmarks, whose upper
/// bound is 0.8 times the tokens; the bound is fixed here, as a load that did not depend on the step is wanted.
/// REQUIRES: not Fitted.
[[nodiscard]] std::vector<double> expert_shares(const ExpertLoad& load, std::uint32_t experts);

/// Load of the fullest of `ranks` over the mean, each holding (experts + redundant) / ranks experts.
///   Off    groups of neighbours (Measured), or the mean over 32 shuffles (PowerLaw)
///   On     every further replica goes to the expert with the largest load a replica; then, the heaviest replica first,
///   each
///          to the lightest rank that has a place left
///   Ideal  1
/// REQUIRES: ranks divides experts + redundant; not Fitted.
[[nodiscard]] double fullest_rank(const ExpertLoad& load, std::uint32_t experts, std::uint32_t redundant,
                                  std::uint32_t ranks);

}  // namespace tokenyard::models
