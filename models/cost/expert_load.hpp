#pragma once

#include "models/llm/architecture.hpp"
#include "models/llm/expert_load.hpp"

#include <cstdint>
#include <vector>

namespace tokenyard::cost {

/// How unevenly tokens choose experts, and what an engine does against it.
struct ExpertRouting {
  enum class Kind : std::uint8_t {
    Balanced,   ///< dealt in turn: every expert gets equally many
    PowerLaw,   ///< popularity drawn from a power law, as kernel tables are taken ("power_law_1.2")
    LogNormal,  ///< popularity whose logarithm is normally distributed, as traffic has it
    Measured    ///< popularity of each expert as somebody counted it
  };
  enum class Placement : std::uint8_t {
    InOrder,   ///< experts as numbered, n/ranks of them on each rank
    Balanced,  ///< EPLB: the most loaded experts are copied to redundant slots, slots dealt to the least loaded rank
    Ideal      ///< every rank has the same load
  };
  Kind kind = Kind::PowerLaw;
  double alpha = 1.2;            ///< of the power law
  double sigma = 0.0;            ///< of the log-normal
  std::vector<double> measured;  ///< by expert, any scale
  Placement placement = Placement::InOrder;
  std::uint32_t redundant = 0;  ///< slots for copies, all ranks together; used by Placement::Balanced
  std::uint32_t groups = 0;     ///< of experts, as their router limits its choice; used by Placement::Balanced
  std::uint32_t nodes = 1;      ///< that the ranks stand in, of a fast network inside; likewise
  /// Whether the tokens of a step draw their experts: popularity is then what a step has on average. Else every step
  /// has exactly that, as the steps that kernel tables are taken with.
  bool drawn = false;
  double drift = 0.0;  ///< of a drawn routing: standard deviation of an expert's popularity between steps, relative
};

/// The routing that an instance's `expert_load` stands for whose expert ranks stand in `nodes` nodes.
[[nodiscard]] ExpertRouting routing_of(const models::ExpertLoad& load, const models::MoeSpec& moe,
                                       std::uint32_t redundant, std::uint32_t nodes = 1);

/// What the busiest of the ranks that share a layer's experts has to do.
struct ExpertLoad {
  double rows = 1.0;  ///< its rows over those of the mean rank, at least 1
  /// Of its experts, how many get a row: the weights it reads. Where copies and placement even the rows out, the most
  /// of any rank: those with the popular experts read fewer, and a step waits for the others.
  double hit = 0.0;
  double mean_hit = 0.0;  ///< of all ranks; without copies the same for every placement
};

/// ExpertLoad by number of tokens, tabulated at powers of two and interpolated in the logarithm.
///
/// Expert i gets T*k*q_i of the rows, at most T, q from the routing; power law: q the quantiles (i + 1/2)/E of a
/// density x^-alpha between 1 and 0.8 T (between 0.01 and 2 while there are fewer rows than experts); log-normal: the
/// same quantiles of exp(sigma*z). In order: the mean over 16 fixed permutations of the experts of the busiest rank's
/// sum. A part of a row counts as that part of a hit.
///
/// Drawn: the rows e of a slot (an expert, or a copy that gets its part of one) become
///   e*(1 + drift*z) + sqrt(e*(1 - e/T))*z'
/// the first z common to an expert's copies, not below 0, scaled to T*k rows in all; `rows` is the mean over 64 fixed
/// draws of the busiest rank, and a slot is hit with the chance 1 - (1 - e/T)^T. Drift and spread as DeepSeek-R1 has
/// them are the defaults of `expert_load_drift` and `expert_load_sigma`: TensorRT-LLM counted, in steps of 128 tokens a
/// rank, means over layers and steps, 491.6 of 1,024 rows of standard deviation among 32 ranks without a balancer and a
/// busiest rank of 2.56 times the mean; with 32 copies 52.0 and 1.109 (32 ranks), 53.9 and 1.115 (36), where chance
/// alone would be 32 and 1.065. sigma 1.03 and drift 0.10 give those figures, and those of slots, within 15 %, power
/// laws not: their most popular experts get 3 to 8 times the mean where 11.9 were counted. One data set, of
/// translations; what drifts is not told, so that prompts drift as decodes do is assumed.
///
/// Balanced, where the nodes divide the groups of experts: whole groups are packed to nodes first, then each node's
/// experts are copied to and packed on its ranks, so that a node keeps what its groups have too much; over 16 fixed
/// permutations again. Elsewhere all slots are packed at once, as TensorRT-LLM does always.
///
/// Sources: NVIDIA aiconfigurator (commit 095f58a51), whose tables are taken with these power laws; placement after
/// DeepSeek's EPLB, github.com/deepseek-ai/EPLB, eplb.py, as SGLang (eplb_algorithms, `auto`) and vLLM use it;
/// TensorRT-LLM (commit 2c64852c), docs/source/blogs/tech_blog/blog04_Scaling_Expert_Parallelism_in_TensorRT-LLM.md,
/// table 1.
class ExpertLoads {
 public:
  /// REQUIRES: ranks divides experts + redundant; top_k <= experts; a measured routing has one
  /// share of at least 0 for each expert and not only zeros.
  ExpertLoads(const ExpertRouting& routing, std::uint32_t experts, std::uint32_t top_k, std::uint32_t ranks);

  /// REQUIRES: tokens >= 0.
  [[nodiscard]] ExpertLoad at(double tokens) const;

 private:
  std::vector<ExpertLoad> by_octave_;  // of 2^i tokens
};

/// The same for one number of tokens, not tabulated.
[[nodiscard]] ExpertLoad expert_load(const ExpertRouting& routing, std::uint32_t experts, std::uint32_t top_k,
                                     std::uint32_t ranks, double tokens);

}  // namespace tokenyard::cost
