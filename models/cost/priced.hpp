#pragma once

#include "models/base/units.hpp"
#include "models/cost/collectives.hpp"
#include "models/cost/exchange.hpp"
#include "models/cost/kernel_profile.hpp"
#include "models/cost/kernels.hpp"
#include "models/cost/roofline.hpp"
#include "models/cost/small_kernels.hpp"

#include <optional>

namespace tokenyard::cost {

/// Time of a kernel, and what it rests on.
struct Priced {
  Seconds time;
  bool outside = false;  ///< of the shapes that the coefficients were fitted on, or they were fitted on none
  bool table = false;    ///< from the user's own table, which then takes the place of the formula
  Roofline roofline{};   ///< what it computes and moves; nothing of what sends
};

/// The kernels of a chip that depend on token counts alone. Each is the formula of models/cost/kernels.hpp or
/// collectives.hpp with the chip's coefficients, held against their range of validity (models::Provenance::covers).
/// Where a user's own profile has the shape its time stands in the formula's place; a profile has single products,
/// experts that a rank holds all tokens for, and all-reduces inside a domain.
class PricedKernels {
 public:
  /// Both outlive this; `profile` may be nullptr. REQUIRES: as the formulas.
  PricedKernels(const models::AcceleratorSpec& chip, const KernelProfile* profile) : chip_(chip), profile_(profile) {}

  [[nodiscard]] Priced product(const GemmShape& shape, models::GemmKind kind) const;
  /// `skew` of the load as a profile names it (its exponent, 0 when dealt in turn); nothing: no profile has it.
  [[nodiscard]] Priced experts(const MoeShape& shape, const ExpertLoad& load, models::GemmKind kind,
                               std::optional<double> skew) const;
  /// For all `tokens` (rows, of sampling) of a step.
  [[nodiscard]] Priced small(const SmallShape& shape, models::SmallKernel kind, double tokens) const;
  /// By the library: `size` on every rank behind the all-gather, before the reduce-scatter.
  [[nodiscard]] Priced all_gather(Bytes size, const GroupLinks& links) const;
  [[nodiscard]] Priced reduce_scatter(Bytes size, const GroupLinks& links) const;
  [[nodiscard]] Priced all_reduce(Bytes size, const GroupLinks& links) const;
  /// By this kernel of an engine. REQUIRES: links.domains == 1.
  [[nodiscard]] Priced all_reduce_by(const models::AllReduceCoefficients& kernel, Bytes size,
                                     const GroupLinks& links) const;
  [[nodiscard]] Priced exchange(const ExchangeShape& shape, const GroupLinks& links, bool prompts,
                                Direction direction) const;
  [[nodiscard]] Priced hop(Bytes size, const GroupLinks& links) const;

 private:
  [[nodiscard]] Priced by_library(models::Collective op, Bytes size, const GroupLinks& links) const;

  const models::AcceleratorSpec& chip_;
  const KernelProfile* profile_;
};

}  // namespace tokenyard::cost
