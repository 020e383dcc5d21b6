#include "models/fit/by_cache.hpp"

#include <cstddef>
#include <utility>

namespace tokenyard::fit {

using models::Dtype;

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
