#pragma once

#include <span>
#include <string>
#include <string_view>

namespace tokenyard::config {

/// One key that a YAML file may hold. The tables of these are the only list of keys: readers look defaults up here,
/// unknown keys are measured against it, `tokenyard keys` prints it.
struct Key {
  std::string_view section;  ///< kind of mapping the key stands in: "experiment", "pool", "chip", ...
  std::string_view name;
  std::string_view
      unit;  ///< "s, ms, us, ..." or "count", "ratio", "text", "one of: a | b", "mapping: pool", "list: pool"
  std::string_view fallback;  ///< text of the default; kRequired: must be given; kOptional: may be absent
  std::string_view sentence;
};

inline constexpr std::string_view kRequired = "(required)";
inline constexpr std::string_view kOptional = "(none)";

/// All keys, section by section, in the order `tokenyard keys` prints them.
[[nodiscard]] std::span<const Key> all_keys();

/// The table of one reader; each read_*.cpp defines one of these, keys.cpp joins them.
[[nodiscard]] std::span<const Key> experiment_keys();  ///< keys_experiment.cpp: experiment, pool, router, ...
[[nodiscard]] std::span<const Key> engine_keys();      ///< keys_engine.cpp: engine and its parts
[[nodiscard]] std::span<const Key> kv_keys();          ///< keys_kv.cpp: cache, router
[[nodiscard]] std::span<const Key> model_keys();       ///< keys_models.cpp: chip, llm and their parts
[[nodiscard]] std::span<const Key> small_keys();       ///< keys_small.cpp: chip.kernels.small
[[nodiscard]] std::span<const Key> kernel_keys();      ///< keys_kernels.cpp: chip.kernels and its families
[[nodiscard]] std::span<const Key> collective_keys();  ///< keys_collectives.cpp: a chip's collectives
[[nodiscard]] std::span<const Key> topology_keys();    ///< keys_topology.cpp
[[nodiscard]] std::span<const Key> workload_keys();    ///< keys_workload.cpp
[[nodiscard]] std::span<const Key> claim_keys();       ///< keys_claims.cpp: a claim of a document and its test

}  // namespace tokenyard::config
