#pragma once

#include "sim/config/yaml_map.hpp"
#include "sim/kv/spec.hpp"
#include "sim/policy/router_spec.hpp"

#include <optional>

namespace tokenyard::config {

/// The keys `prefix_caching` and `cache` of an engine; nothing when it is off. UserError when `cache` stands without
/// it.
[[nodiscard]] std::optional<kv::PrefixCacheSpec> read_prefix_cache(YamlMap& engine);

/// The key `router` of a pool: one word, or a mapping.
[[nodiscard]] policy::RouterSpec read_router(YamlMap& pool);

}  // namespace tokenyard::config
