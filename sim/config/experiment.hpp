#pragma once

#include "models/cost/step_cost.hpp"
#include "models/device/accelerator.hpp"
#include "models/llm/architecture.hpp"
#include "models/llm/parallel_plan.hpp"
#include "models/llm/speculation.hpp"
#include "sim/config/yaml_map.hpp"
#include "sim/kv/spec.hpp"
#include "sim/kv/tiers.hpp"
#include "sim/policy/router_spec.hpp"
#include "sim/policy/spec.hpp"
#include "sim/serving/serving.hpp"
#include "topologies/spec.hpp"
#include "workloads/spec.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tokenyard::config {

inline constexpr std::int64_t kSchema = 1;

/// What of a chip's memory becomes KV cache: (memory * utilisation - reserve - weights) * of_free.
struct EngineMemory {
  std::optional<double> utilisation = 0.9;  ///< share of the memory the engine may take; absent: by SGLang's formula
  Bytes reserve;                            ///< of that, for activations, graphs and libraries
  double of_free = 1.0;
};

/// How an engine serves on one instance.
struct EngineSpec {
  policy::RulesSpec rules;
  policy::QueueOrder order = policy::QueueOrder::FirstCome;
  bool asynchronous = true;  ///< two steps in flight
  cost::HostOverhead host;
  cost::TwoBatchOverlap two_batch;
  std::uint32_t absorbed_prefix_below = 0;  ///< cost::StepCostSpec
  bool one_attention_kernel = false;        ///< for prompts and decodes of a step, where the chip has such a kernel
  cost::KernelFusion fusion;
  bool flash_attention = false;           ///< decodes by FlashAttention, where the chip says how much longer that takes
  double fp8_prompt_attention = 0.0;      ///< times what the chip's kernel takes over a BF16 cache; 0: its own for FP8
  std::vector<std::string> all_reduce{};  ///< its kernels: the first of these that the chip has; empty = the chip's own
  std::vector<std::string> experts{};     ///< kernels of routed experts, likewise; not where tokens are dispatched
  std::uint32_t one_shot_tokens = 0;      ///< of an all-reduce of more than two ranks; 0 = the quicker of its kernels
  cost::ExpertExchange expert_exchange = cost::ExpertExchange::AllToAll;
  cost::Sampling sampling = cost::Sampling::Greedy;
  serving::FrontEndSpec front_end;
  bool graphs = true;  ///< decode-only steps are padded to captured sizes
  std::uint32_t block_tokens = 16;
  std::optional<bool>
      hybrid_kv_cache{};  ///< vLLM: windowed layers give blocks back; absent = where it can (run/kv_layout)
  double swa_full_tokens_ratio = 1.0;            ///< SGLang: tokens of windowed layers' store, by those of the others'
  std::optional<kv::PrefixCacheSpec> caching{};  ///< absent = freed blocks are forgotten
  std::optional<kv::TiersSpec> tiers{};          ///< where they go instead
  std::uint32_t graph_max = 512;                 ///< largest captured batch (vLLM: at most that)
  std::optional<std::uint32_t> prompt_graph_tokens{};  ///< absent = as the largest captured batch
  bool graph_padding = true;  ///< batches between captured sizes are padded up; false: they run without
  EngineMemory memory;
  std::optional<std::uint32_t> blocks;  ///< KV blocks of an attention rank; absent = what the memory gives
};

/// Chips of an instance that hold its FFN, where they are not those of its attention.
struct FfnPoolSpec {
  std::string chip;           ///< kind of chip, a name in Experiment::chips
  models::ParallelPlan plan;  ///< `tensor` chips share dense FFN and shared experts; `expert` groups of experts
  std::uint32_t micro_batches = 3;
};

struct PoolSpec {
  std::string name;
  serving::Role role = serving::Role::Mixed;
  std::string chip;  ///< kind of chip, a name in Experiment::chips
  std::uint32_t instances = 1;
  models::ParallelPlan plan;
  std::optional<FfnPoolSpec> ffn{};  ///< absent: on the chips of `plan`
  models::ExpertLoad expert_load;
  models::Precision precision;
  bool native_experts = true;  ///< their format is the checkpoint's, not one that the experiment names
  EngineSpec engine;
  models::SpeculationSpec speculation;
  std::vector<std::filesystem::path> kernel_tables;  ///< the user's own kernels; empty: formulas alone
  policy::RouterSpec router;
  std::shared_ptr<const YamlMap> source;  ///< for errors that only show when the parts are put together

  /// Batches that keep the stages of its pipeline busy. Prompts alone follow each other without.
  [[nodiscard]] std::uint32_t lanes() const { return role == serving::Role::Prefill ? 1 : plan.pipeline; }
  /// Chips of one instance, FFN included.
  [[nodiscard]] std::uint32_t chips() const { return plan.chips() + (ffn ? ffn->plan.chips() : 0); }
};

/// Networks by kind of traffic; absent = the default (sim/run/placement.hpp).
struct PlaneChoice {
  std::optional<std::string> tensor;
  std::optional<std::string> expert;
  std::optional<std::string> pipeline;
  std::optional<std::string> offload;    ///< blocks of KV tiers (sim/run/tier_ways.hpp)
  std::optional<std::string> weights;    ///< from where they are loaded (sim/run/weights_load.hpp)
  std::optional<std::string> front_end;  ///< calls and tokens; absent: these are not played (sim/run/request_ways.hpp)
};

struct NetworkSpec {
  bool contention = true;    ///< KV flows and collectives on the same links slow each other
  bool flows = false;        ///< collectives are flows themselves (serving::StepFlows)
  std::uint32_t rounds = 0;  ///< of flows in a step; 0 = the layers
  bool simgrid = false;      ///< flows are played by SimGrid, the reference (engine::Solver)
};

struct KvTransferSpec {
  std::string plane_key = "kv_transfer.plane";  ///< that names it, for errors; or "planes.kv"
  std::optional<std::string> plane;  ///< absent = the scale-up plane if it joins both sides, else the scale-out plane
  Seconds setup;
  double efficiency = 1.0;
  bool push = false;  ///< see serving::HandOff
  bool with_prefill = false;
  bool decode_first = false;  ///< by the engine's rules
  std::uint32_t chunk_tokens = 0;
  Seconds per_chunk;
  std::uint32_t non_cached_tokens = 0;  ///< see serving::HandOff
  bool replicas_once = false;           ///< KV that several decode chips hold crosses the network once
};

/// Calls and tokens on PlaneChoice::front_end.
struct RequestTransferSpec {
  Bytes prompt_token;                         ///< of a call, for each token of its prompt
  Bytes output_token;                         ///< of what goes back for each
  std::optional<BytesPerSecond> bandwidth{};  ///< per direction, to all users; absent: as much as instances can take
};

struct OutputSpec {
  bool requests = true;
  bool steps = false;
  SimTime interval;  ///< of timeseries.csv
};

/// Everything that one run depends on. Same Experiment, same build: same numbers.
struct Experiment {
  std::filesystem::path file;
  std::string name;
  std::uint64_t seed = 0;
  topologies::TopologySpec topology;
  models::LlmSpec llm;
  std::map<std::string, models::AcceleratorSpec> chips;  ///< every kind the pools use
  std::vector<PoolSpec> pools;                           ///< one mixed; or one prefill and one decode, in this order
  PlaneChoice planes;
  NetworkSpec network;
  KvTransferSpec kv_transfer;
  RequestTransferSpec request_transfer;
  workloads::WorkloadSpec workload;
  OutputSpec output;
  std::string resolved;  ///< the same experiment with every default and catalogue entry in place
  std::shared_ptr<const YamlMap> source;
};

/// Throws UserError with the place of what is wrong.
[[nodiscard]] Experiment read_experiment(const std::filesystem::path& file, const std::vector<Override>& overrides);

}  // namespace tokenyard::config
