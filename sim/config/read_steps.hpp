#pragma once

#include "sim/config/experiment.hpp"
#include "sim/config/yaml_map.hpp"

namespace tokenyard::config {

/// Keys of section `engine` that say how steps are computed: graphs' launches, two-batch overlap.
void read_step_keys(YamlMap& engine_map, EngineSpec& engine);

/// Keys of section `parallel` that say how full the experts' ranks are.
[[nodiscard]] models::ExpertLoad read_expert_load(YamlMap& parallel);

/// The pool's `speculation`; absent: none. Throws UserError where the model has no such layer.
[[nodiscard]] models::SpeculationSpec read_speculation(YamlMap& pool, const models::LlmSpec& llm);

/// What only holds between a pool's parts: two half batches need dispatched experts and one stage, drafts a budget.
void check_steps(const YamlMap& source, const PoolSpec& pool, const models::LlmSpec& llm);

}  // namespace tokenyard::config
