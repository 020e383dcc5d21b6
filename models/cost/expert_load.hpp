#pragma once

#include "models/llm/expert_load.hpp"

#include <cstdint>
#include <vector>

namespace tokenyard::cost {

/// How unevenly tokens choose experts, and what an engine does against it.
struct ExpertRouting {
  enum class Kind : std::uint8_t {
    Balanced,  ///< dealt in turn: every expert gets equally many
    PowerLaw,  ///< popularity drawn from a power law, as kernel tables are taken ("power_law_1.2")
    Measured   ///< popularity of each expert as somebody counted it
  };
  enum class Placement : std::uint8_t {
    InOrder,   ///< experts as numbered, n/ranks of them on each rank
    Balanced,  ///< EPLB: the most loaded experts are copied to redundant slots, slots dealt to the least loaded rank
    Ideal      ///< every rank has the same load
  };
  Kind kind = Kind::PowerLaw;
  double alpha = 1.2;            ///< of the power law
  std::vector<double> measured;  ///< by expert, any scale
  Placement placement = Placement::InOrder;
  std::uint32_t redundant = 0;  ///< slots for copies, all ranks together; used by Placement::Balanced
};

/// The routing that an instance's `expert_load` stands for, of a model whose loads follow a power law of `fitted` where
/// nobody tells them.
[[nodiscard]] ExpertRouting routing_of(const models::ExpertLoad& load, std::uint32_t redundant, double fitted);

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
/// density x^-alpha between 1 and 0.8 T (between 0.01 and 2 while there are fewer rows than experts). In order: the
/// mean over 16 fixed permutations of the experts of the busiest rank's sum. A part of a row counts as that part of a
/// hit. Leaves out: chance around the expected rows, which adds about sqrt(2 ln(ranks) / rows per rank) when rows are
/// few. Source: the distributions are those that NVIDIA aiconfigurator (commit 095f58a51) takes its tables with;
/// placement after DeepSeek's EPLB, github.com/deepseek-ai/EPLB.
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
