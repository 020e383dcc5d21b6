#pragma once

#include "models/llm/architecture.hpp"
#include "sim/config/experiment.hpp"
#include "sim/config/yaml_map.hpp"

#include <optional>
#include <string>
#include <vector>

namespace tokenyard::config {

/// Chips that hold a pool's FFN apart from its attention, where its mapping has them; `kinds`: chips of the topology.
[[nodiscard]] std::optional<FfnPoolSpec> read_ffn(YamlMap& pool, const std::vector<std::string>& kinds,
                                                  const std::string& own_kind);

/// Both sides by themselves, once pool.plan is read: attention chips have no experts, FFN chips nothing else. Gives the
/// FFN side the plan's redundant experts. UserError at the key, with the values that would fit. REQUIRES: pool.ffn.
void check_apart(const YamlMap& pool_map, const YamlMap& parallel, const models::LlmSpec& llm, PoolSpec& pool);

}  // namespace tokenyard::config
