#pragma once

#include <cstdint>
#include <vector>

namespace tokenyard::models {

/// Shares of a layer's tokens that its experts get.
enum class Routing : std::uint8_t {
  Fitted,  ///< as kernels are measured for the model: experts by the power law of MoeSpec::load_alpha, exchanges evenly
  Balanced,   ///< all alike
  PowerLaw,   ///< loads of density x^-alpha: see cost::ExpertLoads
  LogNormal,  ///< logarithms of the loads normally distributed
  Measured,   ///< as listed
};

/// Who decides which rank holds which expert, and which experts are held twice.
enum class Eplb : std::uint8_t {
  Off,    ///< nobody: experts stand in an order that knows nothing of their load
  On,     ///< DeepSeek's expert-parallel load balancer, which knows the loads
  Ideal,  ///< every rank gets the mean load
};

/// Loads of all layers are alike. Where they are told (PowerLaw, LogNormal, Measured) and no ideal balancer evens them
/// out, they are what experts get in the long run: the tokens of a step draw their experts by chance, and an expert's
/// load drifts from step to step, which no balancer foresees. Source of the balancer: github.com/deepseek-ai/EPLB.
struct ExpertLoad {
  Routing routing = Routing::Fitted;
  double alpha = 0.0;          ///< of PowerLaw
  double sigma = 0.0;          ///< of LogNormal: standard deviation of the loads' logarithms
  double drift = 0.0;          ///< standard deviation of an expert's load between steps, over the load
  std::vector<double> shares;  ///< of Measured: one an expert, in the order of their indices; any scale
  Eplb eplb = Eplb::Off;
};

/// Throws SpecError("expert_load_alpha" | "expert_load_sigma" | "expert_load_drift" | "expert_shares" |
/// "redundant_experts", ...).
void validate(const ExpertLoad& load, std::uint32_t experts, std::uint32_t redundant);

}  // namespace tokenyard::models
