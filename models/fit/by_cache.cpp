#include "models/fit/by_cache.hpp"

#include <cstddef>
#include <utility>

namespace tokenyard::fit {

using models::Dtype;

bool counts_tiles(const models::AcceleratorSpec& chip) { return chip.kernels.multiprocessors > 0.0; }

Parameter tile_rows() {
  return {.key = "tile_rows", .highest = 256.0, .term = 3, .choices = {64.0, 128.0, 256.0}, .of_chip = counts_tiles};
}

Parameter last_tiles() { return {.key = "last_tiles", .term = 3, .trial = 0.5, .of_chip = counts_tiles}; }

Parameter alone() {
  return {
      .key = "alone", .start = 1.0, .lowest = 1.0, .highest = 4.0, .term = 4, .trial = 1.5, .of_chip = counts_tiles};
}

Family of_cache(Family family) {
  family.suits = [](const models::AcceleratorSpec& chip) {
    return chip.peak[static_cast<std::size_t>(Dtype::Bf16)].has_value();
  };
  return family;
}

std::vector<Family> by_cache(std::initializer_list<CacheFamily> kinds) {
  std::vector<Family> all;
  for (const CacheFamily kind : kinds) {
    for (const Dtype kv : {Dtype::Bf16, Dtype::Fp8}) {
      all.push_back(of_cache(kind(kv)));
    }
  }
  return all;
}

}  // namespace tokenyard::fit
