#include "sim/config/keys.hpp"

#include <vector>

namespace tokenyard::config {

std::span<const Key> all_keys() {
  static const std::vector<Key> joined = [] {
    std::vector<Key> keys;
    for (const auto table : {experiment_keys(), engine_keys(), kv_keys(), workload_keys(), topology_keys(),
                             model_keys(), kernel_keys(), small_keys(), collective_keys(), claim_keys()}) {
      keys.insert(keys.end(), table.begin(), table.end());
    }
    return keys;
  }();
  return joined;
}

}  // namespace tokenyard::config
