#include "models/cost/token_table.hpp"

#include <algorithm>
#include <functional>

namespace tokenyard::cost {

TokenTable::TokenTable(std::uint32_t most, const std::function<double(double)>& price) : most_(most) {
  expect(most < (1U << 31U), "a table of tokens ends below 2^31");
  for (std::uint32_t count = 0; count <= std::min(most, kDense); ++count) values_.push_back(price(count));
  if (most <= kDense) return;
  // One knot beyond `most`, so that every count has two neighbours.
  for (std::uint32_t knot = kDense; knot <= most;) {
    knot += 1U << shift_of(knot);
    values_.push_back(price(knot));
  }
}

TokenTable operator+(TokenTable left, const TokenTable& right) {
  expect(left.most_ == right.most_, "tables that are added have the same knots");
  std::transform(left.values_.begin(), left.values_.end(), right.values_.begin(), left.values_.begin(), std::plus<>{});
  return left;
}

}  // namespace tokenyard::cost
