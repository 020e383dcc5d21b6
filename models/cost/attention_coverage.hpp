#pragma once

#include "models/base/price_basis.hpp"
#include "models/cost/attention.hpp"
#include "models/cost/step_cost.hpp"
#include "models/device/provenance.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace tokenyard::cost {

/// What of a rank's attention is priced outside the shapes that its coefficients were fitted on.
///
/// The tables behind the fits are of equal sequences: a step is held against them by how many it has and by their mean
/// length, the whole context of a windowed layer. What no table has, prompts with a cached prefix, does not count
/// against a price.
class AttentionCoverage {
 public:
  explicit AttentionCoverage(const StepCostSpec& spec);

  /// Which kernels of a step are outside. A kernel that takes prompts and decodes together is that of the prompts.
  struct Outside {
    bool decode = false;
    bool context = false;
  };
  [[nodiscard]] Outside of(const StepShape& shape) const;

  /// Adds the nanoseconds of the kernels of `shape` that are outside.
  void add_basis(const StepShape& shape, const Attention& attention, PriceBasis& basis) const;

  /// Whether all steps of a run of decodes are inside: the i-th has a context of first + i * decodes.
  [[nodiscard]] bool covers_run(std::uint32_t decodes, std::uint64_t first_context, std::uint64_t steps) const;

 private:
  /// Sequences and mean lengths that a kernel was measured with.
  struct Box {
    Box(const models::Provenance& provenance, bool heads, const char* length);
    [[nodiscard]] bool holds(double count, double sum) const;

    bool any = false;
    models::ValidRange sequences;
    models::ValidRange length;
  };

  [[nodiscard]] static bool hold(const std::vector<Box>& boxes, double count, double sum);

  std::vector<Box> decode_;  // of each kind of layers; a kernel is inside when all of them are
  std::vector<Box> context_;
  double absorbed_below_;         // StepCostSpec::absorbed_prefix_below of latent attention: no table has those prompts
  std::optional<bool> together_;  // whether the one kernel of prompts and decodes was measured; absent: two kernels
};

}  // namespace tokenyard::cost
