#include "models/fit/samples.hpp"

#include "models/base/errors.hpp"

#include <algorithm>
#include <bit>
#include <numeric>

namespace tokenyard::fit {

Samples::Samples(std::size_t width) : width_(width) { expect(width >= 1, "a shape has a figure"); }

void Samples::add(std::span<const double> shape, double seconds, std::uint64_t origin) {
  expect(shape.size() == width_, "a row has the family's figures");
  expect(seconds > 0.0, "a kernel takes time");
  figures_.insert(figures_.end(), shape.begin(), shape.end());
  seconds_.push_back(seconds);
  origins_.push_back(origin);
}

Samples Samples::distinct() const {
  std::vector<std::size_t> order(size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto compare = [&](std::size_t a, std::size_t b) {
    return std::lexicographical_compare_three_way(shape(a).begin(), shape(a).end(), shape(b).begin(), shape(b).end());
  };
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    const auto shapes = compare(a, b);
    if (shapes != 0) return shapes < 0;
    return seconds(a) != seconds(b) ? seconds(a) < seconds(b) : a < b;
  });
  Samples kept(width_);
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (i > 0 && compare(order[i - 1], order[i]) == 0) continue;
    kept.add(shape(order[i]), seconds(order[i]), origin(order[i]));
  }
  return kept;
}

std::uint64_t shape_hash(std::span<const double> shape) {
  std::uint64_t hash = 0x9e3779b97f4a7c15U;
  for (const double figure : shape) {
    // The finaliser of splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, OOPSLA 2014).
    hash ^= std::bit_cast<std::uint64_t>(figure);
    hash = (hash ^ (hash >> 30U)) * 0xbf58476d1ce4e5b9U;
    hash = (hash ^ (hash >> 27U)) * 0x94d049bb133111ebU;
    hash ^= hash >> 31U;
  }
  return hash;
}

}  // namespace tokenyard::fit
