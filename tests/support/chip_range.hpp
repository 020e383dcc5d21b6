#pragma once

#include "models/base/ids.hpp"

#include <cstdint>
#include <vector>

namespace tokenyard::test {

/// `count` chips from `first` on.
inline std::vector<ChipId> chips(std::uint32_t first, std::uint32_t count) {
  std::vector<ChipId> all;
  for (std::uint32_t i = first; i < first + count; ++i) all.emplace_back(i);
  return all;
}

}  // namespace tokenyard::test
