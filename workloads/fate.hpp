#pragma once

#include <cstdint>

namespace tokenyard::workloads {

/// What only the mechanics may know: how many tokens the model will answer with. No policy includes this header.
struct Fate {
  std::uint32_t output_tokens = 1;  ///< >= 1
};

}  // namespace tokenyard::workloads
