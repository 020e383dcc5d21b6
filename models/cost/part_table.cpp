#include "models/cost/part_table.hpp"

#include <algorithm>
#include <cstddef>

namespace tokenyard::cost {
namespace {

constexpr double kNanoseconds = 1e9;

}  // namespace

PartTable::PartTable(std::uint32_t most, const std::function<std::vector<Part>(double)>& parts)
    : PartTable(most, parts, ByKnot(kPriceFamilies + 1)) {}

PartTable::PartTable(std::uint32_t most, const std::function<std::vector<Part>(double)>& parts, ByKnot outside)
    : total_(most, [&](double tokens) {
        double sum = 0.0;
        for (std::vector<double>& family : outside) family.push_back(0.0);
        for (const Part& part : parts(tokens)) {
          sum += part.time.value() * kNanoseconds;
          outside[static_cast<std::size_t>(part.family)].back() += part.outside.value() * kNanoseconds;
          outside[kPriceFamilies].back() += part.table.value() * kNanoseconds;
        }
        return sum;
      }) {
  for (std::size_t family = 0; family <= kPriceFamilies; ++family) {
    const std::vector<double>& knots = outside[family];
    if (std::all_of(knots.begin(), knots.end(), [](double ns) { return ns <= 0.0; })) continue;
    std::size_t next = 0;  // a table asks for its knots in order
    const auto play_back = [&](double) { return knots[next++]; };
    if (family == kPriceFamilies) {
      table_.emplace(most, play_back);
    } else {
      outside_.emplace_back(static_cast<PriceFamily>(family), TokenTable(most, play_back));
    }
  }
}

}  // namespace tokenyard::cost
