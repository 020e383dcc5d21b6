#pragma once

#include "models/base/price_basis.hpp"
#include "models/cost/attention.hpp"
#include "models/cost/attention_coverage.hpp"
#include "models/cost/kernel_profile.hpp"
#include "models/cost/step_cost.hpp"

#include <optional>
#include <string>
#include <vector>

namespace tokenyard::cost {

/// Attention of one rank from a user's own table, in nanoseconds over all layers, with the formula outside of it.
///
/// A step's decodes are looked up as that many sequences of their mean context. Its chunks as that many prompts of
/// their mean length, times what the formula makes of their prefixes and unequal lengths. Since a step's price never
/// falls as contexts grow, a row counts for no less than the rows of shorter contexts, and the formula beyond the
/// longest row for no less than that row (before the shortest, for no more). The formula is kept by prompts that are
/// computed as decodes are, by models with sliding windows, by the half batches of two-batch overlap, by caches and
/// prompts that chips share, and by the one kernel of an engine that takes prompts and decodes of a step together.
class ProfiledAttention {
 public:
  /// REQUIRES: as Attention.
  ProfiledAttention(const StepCostSpec& spec, const KernelProfile& profile);

  /// Whether the table has anything for this pool.
  [[nodiscard]] bool any() const { return !decode_.empty() || !context_.empty(); }

  struct Time {
    double decode = 0.0;   ///< ns
    double context = 0.0;  ///< of prompts, or of one kernel that takes prompts and decodes
    bool decode_in_table = false;
    bool context_in_table = false;
    [[nodiscard]] double ns() const { return decode + context; }
  };
  /// Of a step, by `formula` where the table ends. Never falls when the decodes' context grows.
  [[nodiscard]] Time operator()(const StepShape& shape, const Attention& formula) const;

  /// Adds what these times rest on: the table, or a formula within or beyond what `coverage` says was measured.
  void add_basis(const StepShape& shape, const Attention& formula, const AttentionCoverage& coverage,
                 PriceBasis& basis) const;

 private:
  /// Times by length for one number of sequences; natural logarithms, lengths ascending, times never falling.
  struct Curve {
    double sequences = 0.0;
    std::vector<double> length;
    std::vector<double> time;
    [[nodiscard]] double at(double length) const;  ///< REQUIRES: within `length`
  };
  /// A length put back into what the table has for so many sequences, and the time there; nothing when it has none.
  struct Found {
    double log_time = 0.0;
    int side = 0;  // of the table: -1 below, 0 inside, 1 above
  };
  [[nodiscard]] static std::vector<Curve> curves(const KernelProfile& profile, const std::string& place,
                                                 const std::vector<double>& heads);
  [[nodiscard]] static std::optional<Found> find(const std::vector<Curve>& curves, double sequences, double length);

  double layers_;  // that see everything
  std::vector<Curve> decode_;
  std::vector<Curve> context_;
};

}  // namespace tokenyard::cost
