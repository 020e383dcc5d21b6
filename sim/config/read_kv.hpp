#pragma once

#include "sim/config/yaml_map.hpp"
#include "sim/kv/spec.hpp"
#include "sim/kv/tiers.hpp"
#include "sim/policy/router_spec.hpp"

#include <optional>
#include <string>

namespace tokenyard::config {

/// How an engine keeps blocks that nobody uses.
struct CacheSpec {
  std::optional<kv::PrefixCacheSpec> caching{};  ///< absent = freed blocks are forgotten
  std::optional<kv::TiersSpec> tiers{};          ///< behind it
};

/// The keys `prefix_caching` and `cache` of an engine of this kind, with the rules by which it uses tiers. UserError
/// when `cache` stands without prefix_caching, and for tiers that the engine has not.
[[nodiscard]] CacheSpec read_prefix_cache(YamlMap& engine, const std::string& kind);

/// The key `router` of a pool: one word, or a mapping.
[[nodiscard]] policy::RouterSpec read_router(YamlMap& pool);

}  // namespace tokenyard::config
