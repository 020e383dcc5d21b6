#include "sim/run/assemble.hpp"

#include "models/base/errors.hpp"
#include "models/cost/attention_ffn.hpp"
#include "sim/files/trace_file.hpp"
#include "sim/run/engine_memory.hpp"
#include "sim/run/graph_sizes.hpp"
#include "sim/run/instance_network.hpp"
#include "sim/run/join_pools.hpp"
#include "sim/run/kernel_profile.hpp"
#include "sim/run/request_ways.hpp"
#include "sim/run/served_chip.hpp"
#include "sim/run/tier_ways.hpp"
#include "sim/run/weights_load.hpp"
#include "topologies/make_topology.hpp"
#include "workloads/make_request_source.hpp"
#include "workloads/random_stream.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace tokenyard {
namespace {

std::string gigabytes(Bytes bytes) { return fmt::format("{:.1f} GB", bytes.value() * 1e-9); }

const char* role_name(serving::Role role) {
  switch (role) {
    case serving::Role::Mixed:
      return "mixed";
    case serving::Role::Prefill:
      return "prefill";
    case serving::Role::Decode:
      return "decode";
  }
  return "";
}

/// Uniform numbers of a named stream.
class StreamDraw final : public policy::UniformDraw {
 public:
  StreamDraw(std::uint64_t seed, const std::string& name) : stream_(seed, name) {}
  [[nodiscard]] double next() override { return stream_.uniform01(); }

 private:
  workloads::RandomStream stream_;
};

/// Runs `make`, which throws SpecError with a key of the pool's precision or engine.
template <class Make>
auto located_at_precision(const config::PoolSpec& pool, Make make) {
  try {
    return make();
  } catch (const SpecError& error) {
    const std::string& field = error.field();
    const bool format =
        field == "weights" || field == "experts" || field == "kv" || field == "ffn" || field == "attention_output";
    pool.source->fail((format ? "precision." : "") + field, error.why());
  }
}

/// The largest step there can be.
void refuse_endless_steps(const config::PoolSpec& pool, const Capacity& capacity, const cost::StepCostSpec& price) {
  const std::uint32_t decodes = std::min(policy::max_sequences(pool.engine.rules), price.max_tokens);
  const std::uint64_t context = capacity.kv_tokens(decodes);
  const std::uint64_t prompt = price.max_tokens - decodes;
  const std::vector<cost::StepShape> full(pool.plan.attention_data,
                                          {.decodes = decodes,
                                           .decode_context = context,
                                           .chunks = prompt > 0 ? 1U : 0U,
                                           .prefill_tokens = static_cast<std::uint32_t>(prompt),
                                           .prefill_area_x2 = prompt * prompt});
  refuse_endless_step(pool, "a full step", cost::explain_step(price, full));
}

/// A figure of one chip, mean over an instance's chips of both sides.
template <class Quantity>
Quantity mean_of_sides(const config::PoolSpec& pool, Quantity attention, Quantity ffn) {
  if (!pool.ffn) return attention;
  return (attention * (1.0 * pool.plan.chips()) + ffn * (1.0 * pool.ffn->plan.chips())) / (1.0 * pool.chips());
}

/// The chip of a pool's FFN side; its own without one.
const models::AcceleratorSpec& ffn_chip(const config::Experiment& experiment, const config::PoolSpec& pool) {
  return experiment.chips.at(pool.ffn ? pool.ffn->chip : pool.chip);
}

/// That the experts fit on the FFN side.
void check_ffn_memory(const config::PoolSpec& pool, const models::LlmSpec& llm, const models::AcceleratorSpec& chip) {
  const Bytes weights = cost::AttentionFfn::ffn_weights(llm, pool.ffn->plan, pool.precision);
  const Bytes budget = chip.memory * memory_share(pool.engine, pool.plan, chip.memory) - pool.engine.memory.reserve;
  if (weights <= budget) return;
  pool.source->fail("ffn.chips",
                    fmt::format("the FFN of {} takes {} of each {}, which offers {}; use more of them or a "
                                "smaller format",
                                llm.name, gigabytes(weights), chip.name, gigabytes(budget)));
}

serving::Pool make_pool(const config::PoolSpec& spec, const Capacity& capacity, const models::AcceleratorSpec& chip,
                        const models::AcceleratorSpec& ffn, std::uint32_t first_id, const AssembleOptions& options,
                        bool log_steps) {
  serving::Pool pool{.name = spec.name, .role = spec.role, .order = spec.engine.order, .rules = spec.engine.rules};
  for (std::uint32_t i = 0; i < spec.instances; ++i) {
    pool.instances.push_back({.id = InstanceId{first_id + i},
                              .ranks = spec.plan.attention_data,
                              .stages = spec.plan.pipeline,
                              .lanes = spec.lanes(),
                              .blocks_per_rank = capacity.blocks_per_rank / spec.lanes(),
                              .block_tokens = spec.engine.block_tokens,
                              .full_groups = capacity.layout.blocks.full,
                              .windowed_groups = capacity.layout.blocks.windowed,
                              .window = capacity.layout.blocks.window,
                              .depth = spec.engine.asynchronous && spec.plan.pipeline == 1 ? 2U : 1U,
                              .chips = spec.chips(),
                              .front_end = spec.engine.front_end,
                              .hand_off = spec.role == serving::Role::Prefill,
                              .caching = spec.engine.caching,
                              .step_by_step = options.step_by_step,
                              .log_steps = log_steps,
                              .decode_power = mean_of_sides(spec, chip.power.decode, ffn.power.decode),
                              .prefill_power = mean_of_sides(spec, chip.power.prefill, ffn.power.prefill),
                              .clocks = chip.clocks});
  }
  return pool;
}

metrics::PoolFacts make_facts(const config::PoolSpec& pool, const models::LlmSpec& llm,
                              const models::AcceleratorSpec& chip, const models::AcceleratorSpec& ffn,
                              const Capacity& capacity) {
  const models::Dtype format = models::compute_dtype(pool.precision.weights);
  const Bytes ffn_weights = pool.ffn ? cost::AttentionFfn::ffn_weights(llm, pool.ffn->plan, pool.precision) : Bytes{};
  const Bytes token = kv_bytes_per_token(llm, pool.plan, pool.precision.kv);
  return {.name = pool.name,
          .role = role_name(pool.role),
          .chip = pool.chip,
          .scenario = chip.scenario,
          .instances = pool.instances,
          .chips_per_instance = pool.chips(),
          .matmul_per_token = models::matmul_flop_per_token(llm),
          .attention_per_pair = models::attention_flop_per_context_token(llm),
          .peak = mean_of_sides(pool, chip.peak_of(format), ffn.peak_of(format)),
          .memory_bandwidth = mean_of_sides(pool, chip.memory_bandwidth, ffn.memory_bandwidth),
          .memory = mean_of_sides(pool, chip.memory, ffn.memory),
          .weights_per_chip = mean_of_sides(pool, capacity.weights_per_chip, ffn_weights),
          .kv_block = token * (capacity.layout.share * pool.engine.block_tokens),
          .blocks_per_instance =
              std::uint64_t{capacity.blocks_per_rank / pool.lanes()} * pool.lanes() * pool.plan.attention_data,
          .block_tokens = pool.engine.block_tokens,
          .windowed_groups = capacity.layout.blocks.windowed,
          .drafts = pool.speculation.tokens,
          .idle_power = mean_of_sides(pool, chip.power.idle, ffn.power.idle)};
}

/// Tiers behind the prefix caches of the last pool's instances, and the store that they share.
void add_tiers(const config::PoolSpec& spec, const std::vector<PlacedInstance>& placed,
               const TierStores::value_type& stores, std::uint32_t layers, Assembly& assembly) {
  const Bytes block = assembly.facts.back().kv_block;
  kv::TierStore* shared = nullptr;
  const kv::TiersSpec whole = tiers_of(assembly.topology, spec, placed[0], stores);
  for (const kv::TierSpec& tier : kv::part_of_rank(whole, spec.plan.attention_data).tiers) {
    if (tier.capacity < block) {
      spec.source->fail("engine.cache.tiers",
                        fmt::format("the capacity of tier {}, {} a rank, is less than one KV block of {}",
                                    kv::name(tier.kind), gigabytes(tier.capacity), gigabytes(block)));
    }
    if (tier.kind != kv::TierKind::Pool) continue;
    assembly.shared_tiers.push_back(std::make_unique<kv::TierStore>(kv::blocks_in(tier, block)));
    shared = assembly.shared_tiers.back().get();
  }
  for (std::size_t i = 0; i < placed.size(); ++i) {
    serving::InstanceSettings& instance = assembly.pools.back().instances[i];
    instance.tiers = tiers_of(assembly.topology, spec, placed[i], stores);
    instance.tiers->rules.layers = layers;
    instance.block_bytes = block;
    instance.pool = shared;
  }
}

/// The router of pool `p`, once the pools are joined.
void add_router(const config::Experiment& experiment, std::size_t p, Assembly& assembly) {
  const config::PoolSpec& spec = experiment.pools[p];
  serving::Pool& pool = assembly.pools[p];
  policy::RouterSpec router = spec.router;
  router.prefills = spec.role != serving::Role::Decode;
  router.decodes = spec.role != serving::Role::Prefill;
  // SGLang's decode side is asked for room before the prefill side has the request: nothing could be copied meanwhile.
  const bool copies = spec.role == serving::Role::Prefill && !assembly.hand_off->decode_first && spec.engine.caching;
  std::optional<serving::StepForecast::Copies> rate;
  if (copies) rate = serving::copies_of(*assembly.hand_off, pool.endpoints[0][0].size());
  assembly.forecasts.push_back(
      std::make_unique<serving::StepForecast>(*pool.cost, pool.rules, spec.plan.attention_data, rate));
  assembly.routers.push_back(policy::make_router(
      router, std::make_unique<StreamDraw>(experiment.seed, "router " + spec.name), assembly.forecasts.back().get()));
  pool.router = assembly.routers.back().get();
  pool.rejects = router.reject;
}

}  // namespace

cost::StepCostSpec step_cost_spec(const config::Experiment& experiment, const config::PoolSpec& pool,
                                  const cost::NetworkFigures& network) {
  cost::HostOverhead host = pool.engine.host;
  // In a pipeline a lane's next step is composed when its tokens are back.
  if (pool.plan.pipeline > 1) host.overlapped = false;
  std::optional<cost::FfnSide> ffn;
  if (pool.ffn) {
    ffn = {
        .chip = experiment.chips.at(pool.ffn->chip), .plan = pool.ffn->plan, .micro_batches = pool.ffn->micro_batches};
  }
  return {.llm = experiment.llm,
          .chip = served_chip(experiment, pool),
          .plan = pool.plan,
          .precision = pool.precision,
          .network = network,
          .host = host,
          .expert_load = pool.expert_load,
          .speculation = pool.speculation,
          .two_batch = pool.engine.two_batch,
          .one_attention_kernel = pool.engine.one_attention_kernel,
          .fusion = pool.engine.fusion,
          .absorbed_prefix_below = pool.engine.absorbed_prefix_below,
          .expert_exchange = pool.engine.expert_exchange,
          .sampling = pool.engine.sampling,
          .ffn = std::move(ffn),
          // A prompt's last token that stands alone is padded to a decode's width.
          .max_tokens = policy::max_step_tokens(pool.engine.rules) +
                        policy::max_sequences(pool.engine.rules) * pool.speculation.tokens,
          .graph_sizes = graph_sizes(pool.engine),
          .pad_to_graphs = pool.engine.graph_padding,
          .prompt_graph_tokens = pool.engine.prompt_graph_tokens};
}

void refuse_endless_step(const config::PoolSpec& pool, const std::string& what, std::span<const cost::CostLine> lines) {
  constexpr Seconds kLongest{3600.0};
  Seconds sum;
  std::string longest;
  Seconds longest_time;
  for (const cost::CostLine& line : lines) {
    sum += line.time;
    if (line.time <= longest_time) continue;
    longest_time = line.time;
    longest = line.name;
  }
  if (sum <= kLongest) return;  // not of infinity, nor of no number
  pool.source->fail("chip", fmt::format("{} would take {:.3g} s on {}, most of it in {}; is a figure of the chip or "
                                        "of its network wrong?",
                                        what, sum.value(), pool.chip, longest));
}

Capacity capacity_of(const config::PoolSpec& pool, const models::LlmSpec& llm, const models::AcceleratorSpec& chip) {
  Capacity capacity{.weights_per_chip =
                        (pool.ffn ? cost::AttentionFfn::attention_weights(llm, pool.plan, pool.precision)
                                  : models::weight_bytes_per_chip(llm, pool.plan, pool.precision)) +
                        models::draft_weight_bytes_per_chip(pool.speculation, llm, pool.plan, pool.precision)};
  const double share = memory_share(pool.engine, pool.plan, chip.memory);
  const Bytes budget = chip.memory * share - pool.engine.memory.reserve;
  const Bytes left = (budget - capacity.weights_per_chip) * pool.engine.memory.of_free;
  capacity.layout = kv_layout(pool, llm);
  Bytes token = models::kv_bytes_per_token_per_chip(llm, pool.plan, pool.precision.kv) * capacity.layout.share;
  if (!capacity.layout.with_drafts) {
    token += models::draft_kv_bytes_per_token_per_chip(pool.speculation, llm, pool.plan, pool.precision.kv);
  }
  const Bytes block = token * static_cast<double>(pool.engine.block_tokens);
  if (left < block) {
    if (budget <= Bytes{}) {
      pool.source->fail(pool.engine.memory.utilisation ? memory_key(pool.engine) : "engine",
                        fmt::format("{} x {} - {} of memory_reserve leave nothing of the memory of {}",
                                    gigabytes(chip.memory), share, gigabytes(pool.engine.memory.reserve), chip.name));
    }
    const Bytes missing = block - left;
    pool.source->fail(
        "parallel",
        fmt::format(
            "{} does not fit: weights take {} of each {}, which offers {} ({} x {} - {}); {:.0f} bytes ({}) are "
            "missing a chip before the first KV block; use more chips an instance or a smaller format",
            llm.name, gigabytes(capacity.weights_per_chip), chip.name, gigabytes(budget), gigabytes(chip.memory), share,
            gigabytes(pool.engine.memory.reserve), std::ceil(missing.value()), gigabytes(missing)));
  }
  const double blocks = std::floor(left / block);
  capacity.blocks_per_rank = static_cast<std::uint32_t>(std::min(blocks, 4e9));
  if (pool.engine.blocks) {
    if (*pool.engine.blocks > capacity.blocks_per_rank) {
      pool.source->fail("engine.blocks", fmt::format("{} KV blocks do not fit; the memory has room for {}",
                                                     *pool.engine.blocks, capacity.blocks_per_rank));
    }
    capacity.blocks_per_rank = *pool.engine.blocks;
  }
  return capacity;
}

Assembly assemble(const config::Experiment& experiment, const AssembleOptions& options) {
  Assembly assembly{.topology = topologies::make_topology(experiment.topology)};
  const auto placed = place(assembly.topology, experiment.pools);
  const TierStores stores = tier_stores(assembly.topology, experiment, placed);
  const std::optional<PlaneId> users = front_end_plane(assembly.topology, experiment, placed);
  if (experiment.planes.weights) (void)weights_store(assembly.topology, experiment, placed);
  std::vector<cost::NetworkFigures> figures;
  std::uint32_t first_id = 0;
  std::uint32_t chips_used = 0;
  for (std::size_t p = 0; p < experiment.pools.size(); ++p) {
    const config::PoolSpec& spec = experiment.pools[p];
    const models::AcceleratorSpec& chip = experiment.chips.at(spec.chip);
    // Whether the chip has the formats is asked before whether they fit.
    const cost::NetworkFigures network = experiment.source->located(
        [&] { return network_figures(assembly.topology, placed[p][0], spec, experiment.planes); });
    const cost::KernelProfile profile = read_profile(spec, chip);
    cost::StepCostSpec price = step_cost_spec(experiment, spec, network);
    if (!profile.empty()) price.profile = &profile;
    assembly.costs.push_back(located_at_precision(spec, [&] { return cost::make_kernel_sum(price); }));
    const Capacity capacity = capacity_of(spec, experiment.llm, chip);
    if (spec.ffn) check_ffn_memory(spec, experiment.llm, ffn_chip(experiment, spec));
    if (capacity.blocks_per_rank < spec.lanes()) {
      spec.source->fail("parallel.pipeline", fmt::format("the {} batches that fill the stages share {} KV blocks of an "
                                                         "attention rank; each needs at least one",
                                                         spec.lanes(), capacity.blocks_per_rank));
    }
    refuse_endless_steps(spec, capacity, price);
    const models::AcceleratorSpec& ffn = ffn_chip(experiment, spec);
    assembly.pools.push_back(make_pool(spec, capacity, chip, ffn, first_id, options, experiment.output.steps));
    for (serving::InstanceSettings& settings : assembly.pools.back().instances) {
      if (spec.speculation.tokens == 0) break;
      auto draw = std::make_unique<StreamDraw>(
          experiment.seed, fmt::format("acceptance {} {}", spec.name, settings.id.index() - first_id));
      assembly.acceptances.push_back(std::make_unique<serving::DrawnAcceptance>(spec.speculation, std::move(draw)));
      settings.acceptance = assembly.acceptances.back().get();
    }
    assembly.pools.back().cost = assembly.costs.back().get();
    assembly.facts.push_back(make_facts(spec, experiment.llm, chip, ffn, capacity));
    if (spec.engine.tiers) add_tiers(spec, placed[p], stores[p], experiment.llm.layers, assembly);
    figures.push_back(network);
    assembly.facts.back().collectives = collective_wires(assembly.topology, placed[p][0], experiment.planes);
    if (chip.scenario) {
      assembly.notes.push_back(
          fmt::format("{} is a scenario: its figures are targets of a plan, not of a product", spec.chip));
    }
    if (spec.plan.attention_data > 1 && !experiment.llm.moe) {
      assembly.notes.push_back(
          fmt::format("{}: attention ranks of a dense model wait for each other here; independent "
                      "copies are `instances`",
                      spec.name));
    }
    first_id += spec.instances;
    chips_used += spec.instances * spec.chips();
  }
  if (experiment.network.flows) {
    play_collectives(experiment, placed, figures, stores, users, assembly);
  } else {
    if (experiment.pools.size() == 2) join_pools(experiment, placed, stores, assembly);
    join_others(experiment, placed, stores, users, assembly);
  }

  for (std::size_t p = 0; p < experiment.pools.size(); ++p) add_router(experiment, p, assembly);

  std::unique_ptr<workloads::ByteSource> trace;
  if (const auto* spec = std::get_if<workloads::TraceSpec>(&experiment.workload.source)) {
    try {
      trace = files::open_trace(spec->path);
    } catch (const UserError& error) {
      experiment.source->fail("workload.trace.path", error.what());
    }
  }
  assembly.source = workloads::make_request_source(experiment.workload, experiment.seed, std::move(trace));
  const auto* synthetic = std::get_if<workloads::SyntheticSpec>(&experiment.workload.source);
  if (synthetic != nullptr && !assembly.source->interactive()) {  // else the source itself waits for answers
    if (const auto* loop = std::get_if<workloads::ClosedLoop>(&synthetic->arrivals))
      assembly.concurrency = loop->concurrency;
  }
  expect(chips_used <= assembly.topology.chip_count(), "instances stand on chips of the topology");
  return assembly;
}

}  // namespace tokenyard
