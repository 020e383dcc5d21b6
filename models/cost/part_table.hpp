#pragma once

#include "models/base/price_basis.hpp"
#include "models/cost/step_parts.hpp"
#include "models/cost/token_table.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

namespace tokenyard::cost {

/// Parts of a step that depend on one token count, compiled: their sum, and by family what of it is priced outside of
/// what was measured. A family that is never outside costs nothing.
class PartTable {
 public:
  /// Calls `parts` once a knot (TokenTable). REQUIRES: most < 2^31.
  PartTable(std::uint32_t most, const std::function<std::vector<Part>(double)>& parts);

  /// Nanoseconds of all parts. REQUIRES: count <= most.
  [[nodiscard]] double operator()(std::uint32_t count) const { return total_(count); }
  [[nodiscard]] const TokenTable& total() const { return total_; }

  /// Adds what the price of `count` tokens rests on. REQUIRES: count <= most.
  void add_basis(std::uint32_t count, PriceBasis& basis) const {
    for (const auto& [family, outside] : outside_) {
      basis.of(family) += static_cast<std::uint64_t>(outside(count) + 0.5);
    }
    if (table_) basis.table += static_cast<std::uint64_t>((*table_)(count) + 0.5);
  }

 private:
  using ByKnot = std::vector<std::vector<double>>;  // by family, the user's table last; then by knot

  PartTable(std::uint32_t most, const std::function<std::vector<Part>(double)>& parts, ByKnot outside);

  TokenTable total_;
  std::vector<std::pair<PriceFamily, TokenTable>> outside_;
  std::optional<TokenTable> table_;
};

}  // namespace tokenyard::cost
