#include "sim/config/catalog.hpp"
#include "sim/config/experiment.hpp"
#include "sim/config/read_engine.hpp"
#include "sim/config/read_ffn.hpp"
#include "sim/config/read_kv.hpp"
#include "sim/config/read_models.hpp"
#include "sim/config/read_steps.hpp"
#include "sim/config/read_topology.hpp"
#include "sim/config/read_workload.hpp"

#include <algorithm>
#include <cctype>
#include <optional>
#include <set>

namespace tokenyard::config {
namespace {

models::GemmKind read_kind(YamlMap& map, std::string_view key, models::GemmKind native) {
  const std::string written = map.choice(key, {"native", "bf16", "fp8", "fp8_block", "int8", "nvfp4", "w4a16", "w4a8"});
  return written == "native" ? native : *models::gemm_kind(written);
}

/// Of matrices that some checkpoints hold in another format than the rest.
std::optional<models::GemmKind> read_other_kind(YamlMap& map, std::string_view key) {
  const std::string written =
      map.choice(key, {"weights", "bf16", "fp8", "fp8_block", "int8", "nvfp4", "w4a16", "w4a8"});
  return written == "weights" ? std::nullopt : models::gemm_kind(written);
}

void read_precision(YamlMap map, const models::LlmSpec& llm, PoolSpec& pool) {
  models::Precision& precision = pool.precision;
  precision.weights = read_kind(map, "weights", llm.native);
  precision.experts = read_kind(map, "experts", llm.native_experts.value_or(llm.native));
  pool.native_experts = map.text("experts") == "native";
  precision.kv = *models::dtype(map.choice("kv", {"bf16", "fp8", "int8"}));
  precision.ffn = read_other_kind(map, "ffn");
  precision.attention_output = read_other_kind(map, "attention_output");
  map.finish();
}

void read_parallel(const YamlMap& pool_map, YamlMap map, const models::LlmSpec& llm, PoolSpec& pool) {
  constexpr std::uint32_t kMost = 1'000'000;  // chips of an instance; their product must not leave 64 bits
  const models::ParallelPlan plan{.tensor = map.count("tensor", 1, kMost),
                                  .pipeline = map.count("pipeline", 1, kMost),
                                  .attention_data = map.count("attention_data", 1, kMost),
                                  .expert = map.count("expert", 1, kMost),
                                  .context = map.count("context", 1, kMost),
                                  .kv = map.count("kv", 1, kMost),
                                  .redundant_experts = map.count("redundant_experts", 0, kMost),
                                  .shared_expert_ranks = map.count("shared_expert_ranks", 0, kMost)};
  pool.plan = plan;
  pool.expert_load = read_expert_load(map);
  map.finish();
  map.located([&] {
    if (!pool.ffn) models::validate(plan, llm);
    models::validate(pool.expert_load, llm.moe ? llm.moe->experts : 0, plan.redundant_experts);
  });
  if (pool.ffn) check_apart(pool_map, map, llm, pool);
  const auto chips = 1.0 * plan.tensor * plan.pipeline * plan.attention_data * plan.context;
  if (chips > kMost) {
    map.fail("attention_data",
             "tensor x pipeline x attention_data x context is more than " + std::to_string(kMost) + " chips");
  }
}

/// The chip a pool runs on: named, or the only kind the machine has.
std::string read_chip_name(YamlMap& map, const std::vector<std::string>& kinds) {
  if (map.given("chip")) return map.choice("chip", kinds);
  if (kinds.size() == 1) return kinds[0];
  std::string all;
  for (const std::string& kind : kinds) all += (all.empty() ? "" : ", ") + kind;
  map.fail("chip", "required: the topology has several kinds of chips: " + all);
}

std::vector<std::filesystem::path> read_kernel_tables(YamlMap& pool) {
  if (!pool.given("cost")) return {};
  YamlMap map = pool.map("cost", "cost");
  const bool table = map.choice("kind", {"formula", "table"}) == "table";
  std::vector<std::filesystem::path> files = map.files("files");
  if (table && files.empty()) map.fail("files", "name one kernel table at least, or set kind to formula");
  if (!table && !files.empty()) map.fail("files", "have no meaning with kind: formula; set kind to table");
  map.finish();
  return files;
}

PoolSpec read_pool(const std::string& name, YamlMap map, const models::LlmSpec& llm,
                   const std::vector<std::string>& kinds) {
  PoolSpec pool{.name = name};
  const std::string role = map.choice("role", {"mixed", "prefill", "decode"});
  pool.role = role == "mixed"     ? serving::Role::Mixed
              : role == "prefill" ? serving::Role::Prefill
                                  : serving::Role::Decode;
  pool.chip = read_chip_name(map, kinds);
  pool.instances = map.count("instances", 1, 100'000);
  pool.ffn = read_ffn(map, kinds, pool.chip);
  read_parallel(map, map.map_or_empty("parallel", "parallel"), llm, pool);
  read_precision(map.map_or_empty("precision", "precision"), llm, pool);
  pool.engine = read_engine(map.map_or_empty("engine", "engine"), pool.plan.tensor * pool.plan.attention_data);
  pool.kernel_tables = read_kernel_tables(map);
  pool.speculation = read_speculation(map, llm);
  pool.router = read_router(map);
  if (pool.router.view == policy::PrefixView::Events && !pool.engine.caching) {
    map.fail("router.view", "events come from prefix caches; add engine.prefix_caching: true");
  }
  if (pool.router.reject && pool.role == serving::Role::Decode) {
    map.fail("router.reject", "is of the pool that requests come to; set it in the prefill pool");
  }
  map.finish();
  check_steps(map, pool, llm);
  pool.source = std::make_shared<const YamlMap>(std::move(map));
  return pool;
}

std::vector<PoolSpec> read_pools(YamlMap& root, const models::LlmSpec& llm, const std::vector<std::string>& kinds) {
  std::vector<PoolSpec> pools;
  for (auto& [name, map] : root.named_maps("pools", "pool"))
    pools.push_back(read_pool(name, std::move(map), llm, kinds));
  const auto count = [&](serving::Role role) {
    return std::count_if(pools.begin(), pools.end(), [&](const PoolSpec& pool) { return pool.role == role; });
  };
  const bool together = pools.size() == 1 && count(serving::Role::Mixed) == 1;
  const bool split = pools.size() == 2 && count(serving::Role::Prefill) == 1 && count(serving::Role::Decode) == 1;
  if (!together && !split) {
    std::string all;
    for (const PoolSpec& pool : pools) {
      const char* role = pool.role == serving::Role::Mixed     ? "mixed"
                         : pool.role == serving::Role::Prefill ? "prefill"
                                                               : "decode";
      all += (all.empty() ? "" : ", ") + pool.name + " (" + role + ")";
    }
    root.fail("pools", "must be one pool of role mixed, or one of role prefill and one of role decode; there are: " +
                           (all.empty() ? "none" : all));
  }
  if (split && pools[0].role == serving::Role::Decode) std::swap(pools[0], pools[1]);
  for (const PoolSpec& pool : pools) {
    if (split && pool.speculation.tokens > 0 && !std::holds_alternative<policy::VllmSpec>(pool.engine.rules)) {
      pool.source->fail("speculation",
                        "drafts with prefill and decode apart are played by the rules of kind vllm only");
    }
  }
  if (split && pools[0].engine.rules.index() != pools[1].engine.rules.index()) {
    pools[1].source->fail(
        "engine.kind", "must be that of pool '" + pools[0].name + "': KV caches are handed off by one engine's rules");
  }
  if (split && pools[0].precision.kv != pools[1].precision.kv) {
    pools[1].source->fail("precision.kv", "must be that of pool '" + pools[0].name + "' (" +
                                              std::string(models::name(pools[0].precision.kv)) +
                                              "): KV caches are handed off as they are");
  }
  return pools;
}

/// A plane of the machine by name.
std::optional<std::string> read_plane_name(YamlMap& map, std::string_view key,
                                           const topologies::TopologySpec& machine) {
  if (!map.given(key)) return std::nullopt;
  std::vector<std::string> names;
  for (const topologies::PlaneSpec& plane : machine.planes) names.push_back(plane.name);
  return map.choice(key, names);
}

PlaneChoice read_planes(YamlMap map, const topologies::TopologySpec& machine, std::optional<std::string>& kv) {
  PlaneChoice planes{.tensor = read_plane_name(map, "tensor", machine),
                     .expert = read_plane_name(map, "expert", machine),
                     .pipeline = read_plane_name(map, "pipeline", machine),
                     .offload = read_plane_name(map, "offload", machine),
                     .weights = read_plane_name(map, "weights", machine),
                     .front_end = read_plane_name(map, "front_end", machine)};
  kv = read_plane_name(map, "kv", machine);
  map.finish();
  return planes;
}

NetworkSpec read_network(YamlMap map) {
  const NetworkSpec spec{.contention = map.choice("contention", {"on", "off"}) == "on",
                         .flows = map.choice("fidelity", {"step", "flow"}) == "flow",
                         .rounds = map.count("rounds", 0, 100'000),
                         .simgrid = map.choice("solver", {"flat", "simgrid"}) == "simgrid"};
  if (!spec.contention && spec.flows) {
    map.fail("contention", "cannot be off with `fidelity: flow`, where all flows share links; leave it out");
  }
  if (spec.rounds > 0 && !spec.flows) map.fail("rounds", "has no meaning without `fidelity: flow`");
  map.finish();
  return spec;
}

/// When KV travels, where the engine's rules leave it open.
void read_kv_timing(YamlMap& map, KvTransferSpec& spec) {
  spec.push = map.choice("direction", {"pull", "push"}) == "push";
  spec.with_prefill = map.choice("when", {"after_prefill", "with_prefill"}) == "with_prefill";
  if (spec.with_prefill && !spec.push) map.fail("when", "with_prefill needs `direction: push`: the prefill side sends");
  spec.chunk_tokens = map.count("chunk_tokens", 0);
  spec.per_chunk = map.seconds("per_chunk");
  if (spec.with_prefill && spec.chunk_tokens > 0) {
    map.fail("chunk_tokens",
             "has no meaning with `when: with_prefill`, where the chunks are those of the prefill steps");
  }
  if (spec.chunk_tokens == 0 && spec.per_chunk > Seconds{}) {
    map.fail("per_chunk", "has no meaning without `chunk_tokens`");
  }
}

KvTransferSpec read_kv_transfer(YamlMap map, const policy::RulesSpec& rules) {
  KvTransferSpec spec;
  if (map.given("plane")) spec.plane = map.text("plane");
  spec.setup = map.seconds("setup");
  spec.efficiency = map.number("efficiency", 0.001, 1.0);
  spec.decode_first = std::holds_alternative<policy::SglangSpec>(rules);
  if (!spec.decode_first) read_kv_timing(map, spec);
  for (const char* key : {"direction", "when", "chunk_tokens", "per_chunk"}) {
    if (!spec.decode_first || !map.has(key)) continue;
    map.fail(key,
             "has no meaning under the rules of kind sglang, which send the pages of every chunk when it is computed");
  }
  spec.non_cached_tokens = map.count("non_cached_tokens", 0);
  spec.replicas_once = map.choice("replicas", {"each", "once"}) == "once";
  map.finish();
  return spec;
}

RequestTransferSpec read_request_transfer(YamlMap map) {
  RequestTransferSpec spec{.prompt_token = map.bytes("per_prompt_token"),
                           .output_token = map.bytes("per_output_token")};
  if (map.given("bandwidth")) {
    spec.bandwidth = map.bandwidth("bandwidth");
    if (*spec.bandwidth <= BytesPerSecond{}) map.fail("bandwidth", "must be above 0, or no call ever comes");
  }
  map.finish();
  return spec;
}

OutputSpec read_output(YamlMap map) {
  OutputSpec output{.requests = map.flag("requests"), .steps = map.flag("steps")};
  output.interval = SimTime::from(map.seconds("interval"));
  if (output.interval <= SimTime{}) map.fail("interval", "must be longer than 0");
  map.finish();
  return output;
}

/// A checkpoint says how its weights are stored; engines multiply MXFP4 experts with 8-bit activations where the chip
/// has such kernels (vLLM, SGLang and TensorRT-LLM on Blackwell).
void choose_activations(Experiment& experiment) {
  constexpr auto kEightBit = static_cast<std::size_t>(models::GemmKind::W4a8);
  for (PoolSpec& pool : experiment.pools) {
    models::GemmKind& experts = pool.precision.experts;
    const models::AcceleratorSpec& chip = experiment.chips.at(pool.ffn ? pool.ffn->chip : pool.chip);
    if (pool.native_experts && experts == models::GemmKind::W4a16 && chip.kernels.moe[kEightBit]) {
      experts = models::GemmKind::W4a8;
    }
  }
}

/// A user of a closed loop who is turned away comes back at the same instant, and again.
void check_rejection(const Experiment& experiment) {
  const auto* synthetic = std::get_if<workloads::SyntheticSpec>(&experiment.workload.source);
  if (synthetic == nullptr || !std::holds_alternative<workloads::ClosedLoop>(synthetic->arrivals)) return;
  for (const PoolSpec& pool : experiment.pools) {
    if (!pool.router.reject) continue;
    pool.source->fail("router.reject",
                      "a closed loop would ask again at once, for ever; take arrivals of another kind");
  }
}

/// Where the machine asks for each kind of chip.
std::vector<std::string> keys_of_chips(const std::vector<std::string>& kinds, const topologies::TopologySpec& machine) {
  std::vector<std::string> keys;
  for (const std::string& kind : kinds) {
    const auto group = std::find_if(machine.groups.begin(), machine.groups.end(),
                                    [&](const topologies::NodeGroupSpec& one) { return one.chip == kind; });
    const bool named = group != machine.groups.end() && !group->name.empty();
    keys.push_back(named ? "topology.groups." + group->name + ".chip" : "topology.chip");
  }
  return keys;
}

}  // namespace

Experiment read_experiment(const std::filesystem::path& file, const std::vector<Override>& overrides) {
  YamlMap root = YamlMap::load(file, "experiment", overrides);
  Experiment experiment{.file = file};
  if (root.integer("schema", 0, 1'000'000) != kSchema) {
    root.fail("schema", "this build reads schema " + std::to_string(kSchema));
  }
  experiment.name = root.text("name");
  const bool plain =
      !experiment.name.empty() && std::all_of(experiment.name.begin(), experiment.name.end(), [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' || c == '.';
      });
  if (!plain || experiment.name[0] == '.') {
    root.fail("name", "'" + experiment.name + "' is also a folder's name: use letters, digits, '-', '_' and '.'");
  }
  constexpr std::size_t kLongestName = 200;  // a folder's name has at most 255 bytes, some of which we need
  if (experiment.name.size() > kLongestName) root.fail("name", "is too long; at most 200 characters");
  if (root.given("description")) (void)root.text("description");
  experiment.seed = static_cast<std::uint64_t>(root.integer("seed", 0, INT64_MAX));
  experiment.topology = read_topology(root.entry("topology", "topology", "topologies"));
  experiment.llm = read_llm(root.entry("llm", "llm", "models/catalog/llms"));

  std::vector<std::string> kinds;
  for (const auto& group : experiment.topology.groups) {
    if (std::find(kinds.begin(), kinds.end(), group.chip) == kinds.end()) kinds.push_back(group.chip);
  }
  experiment.pools = read_pools(root, experiment.llm, kinds);
  std::set<std::string> used;
  for (const PoolSpec& pool : experiment.pools) {
    used.insert(pool.chip);
    if (pool.ffn) used.insert(pool.ffn->chip);
  }
  const std::vector<std::string> names(used.begin(), used.end());
  for (auto& [name, map] :
       root.named_entries("chips", names, "chip", "models/catalog/chips", keys_of_chips(names, experiment.topology))) {
    experiment.chips.emplace(name, read_chip(std::move(map)));
  }
  choose_activations(experiment);
  experiment.network = read_network(root.map_or_empty("network", "network"));
  if (root.has("kv_transfer") && experiment.pools.size() == 1) {
    root.fail("kv_transfer", "one mixed pool hands no KV over; leave it out, or split the pool in prefill and decode");
  }
  std::optional<std::string> kv;
  experiment.planes = read_planes(root.map_or_empty("planes", "planes"), experiment.topology, kv);
  if (kv && experiment.pools.size() == 1) root.fail("planes.kv", "one mixed pool hands no KV over; leave it out");
  if (experiment.pools.size() == 2) {
    experiment.kv_transfer =
        read_kv_transfer(root.map_or_empty("kv_transfer", "kv_transfer"), experiment.pools[0].engine.rules);
    if (kv && experiment.kv_transfer.plane) root.fail("planes.kv", "stands beside kv_transfer.plane; keep one of them");
    if (kv) {
      experiment.kv_transfer.plane = kv;
      experiment.kv_transfer.plane_key = "planes.kv";
    }
  }
  if (experiment.planes.front_end) {
    experiment.request_transfer = read_request_transfer(root.map_or_empty("request_transfer", "request_transfer"));
  } else if (root.has("request_transfer")) {
    root.fail("request_transfer", "has no meaning without `planes.front_end`, the network that carries calls");
  }
  experiment.workload = read_workload(root.map("workload", "workload"));
  experiment.workload.session_context = experiment.llm.max_context;
  auto* const trace = std::get_if<workloads::TraceSpec>(&experiment.workload.source);
  if (trace != nullptr && trace->limits_context && trace->policy.max_context == 0) {
    trace->policy.max_context = experiment.llm.max_context;
  }
  check_rejection(experiment);
  experiment.output = read_output(root.map_or_empty("output", "output"));
  root.finish();
  experiment.resolved = root.resolved();
  experiment.source = std::make_shared<const YamlMap>(std::move(root));
  return experiment;
}

}  // namespace tokenyard::config
