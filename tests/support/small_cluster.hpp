#pragma once

#include "sim/engine/engine.hpp"
#include "sim/metrics/recorder.hpp"
#include "sim/policy/router.hpp"
#include "sim/serving/serving.hpp"
#include "tests/support/scripted.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

namespace tokenyard::test {

/// Knobs of a cluster whose steps cost what a formula says.
struct SmallCluster {
  policy::RulesSpec rules =
      policy::VllmSpec{.max_num_seqs = 4, .max_num_batched_tokens = 64, .reserve_full_prompt = false};
  std::uint32_t instances = 1;
  std::uint32_t ranks = 1;
  std::uint32_t stages = 1;  ///< of a pipeline; the cost must know them too
  std::uint32_t blocks = 1'000'000;
  std::uint32_t block_tokens = 16;
  kv::BlockLayout layout{};  ///< groups and window of it
  std::uint32_t depth = 2;
  bool step_by_step = false;
  policy::QueueOrder order = policy::QueueOrder::FirstCome;
  std::optional<kv::PrefixCacheSpec> caching{};
  std::optional<kv::TiersSpec> tiers{};
  Bytes block_bytes{1e6};
  /// The tiers stand on one network with an endpoint of `bandwidth` for each rank of the mixed instances, and one for
  /// each tier, with its rates, that all of them share.
  bool tiers_on_links = false;
  kv::TierStore* shared_tier = nullptr;  ///< what TierKind::Pool holds
  bool log_steps = false;
  std::optional<models::BurstClocks> clocks{};
  serving::FrontEndSpec front_end{};
  std::uint32_t concurrency = 0;
  serving::Acceptance* acceptance = nullptr;  ///< of drafts, of all instances together
  SimTime warm_up;
  policy::RouterKind router = policy::RouterKind::RoundRobin;
  std::optional<policy::RouterSpec> routing{};  ///< instead of `router`
  /// Decode instances; with 0 the instances serve both phases. Prefill and decode sides are then joined by a network of
  /// one endpoint an instance and `bandwidth` each.
  std::uint32_t decode_instances = 0;
  BytesPerSecond bandwidth{1e9};
  Bytes bytes_per_token{1e6};
  Seconds setup{1e-3};
  std::uint32_t non_cached_tokens = 0;
  bool push = false;
  bool with_prefill = false;
  bool decode_first = false;
  std::uint32_t layers = 1;
  std::uint32_t chunk_tokens = 0;
  Seconds per_chunk;
  bool contention = false;  ///< the experts' exchange of every step uses the links that KV does
  /// Calls and tokens cross a network of their own, on which the users have `user_bandwidth` and each instance 10 GB/s;
  /// network and endpoints are filled in.
  std::optional<serving::RequestWay> users{};
  BytesPerSecond user_bandwidth{1e5};
};

struct Played {
  std::vector<metrics::RequestRecord> requests;  ///< by id
  std::vector<metrics::StepRecord> steps;
  std::unique_ptr<metrics::Recorder> recorder;
  std::deque<metrics::InstanceMeter> meters;
  std::vector<engine::LinkUse> links;
  std::uint64_t events = 0;
};

/// Plays it once. ONE A PROCESS, like the engine.
inline Played play(const SmallCluster& cluster, workloads::RequestSource& source, const cost::StepCost& cost) {
  const policy::RouterSpec routing = cluster.routing.value_or(policy::RouterSpec{.kind = cluster.router});
  const bool split = cluster.decode_instances > 0;
  std::vector<serving::Pool> pools;
  std::vector<topologies::FlowNetwork> networks;
  std::optional<serving::HandOff> hand_off;
  std::uint32_t id = 0;
  const auto add_pool = [&](serving::Role role, std::uint32_t count) {
    serving::Pool pool{.name = "pool", .role = role, .order = cluster.order, .rules = cluster.rules, .cost = &cost};
    for (std::uint32_t i = 0; i < count; ++i) {
      pool.instances.push_back(
          {.id = InstanceId{id++},
           .ranks = cluster.ranks,
           .stages = cluster.stages,
           .lanes = role == serving::Role::Prefill ? 1 : cluster.stages,
           .blocks_per_rank = cluster.blocks,
           .block_tokens = cluster.block_tokens,
           .full_groups = cluster.layout.full,
           .windowed_groups = cluster.layout.windowed,
           .window = cluster.layout.window,
           .depth = cluster.stages > 1 ? 1 : cluster.depth,
           .chips = 1,
           .front_end = cluster.front_end,
           .hand_off = role == serving::Role::Prefill,
           .caching = cluster.caching,
           .tiers = cluster.tiers,
           .block_bytes = cluster.block_bytes,
           .pool = cluster.shared_tier,
           .step_by_step = cluster.step_by_step,
           .log_steps = cluster.log_steps,
           .acceptance = cluster.acceptance,
           .tell_chunks = role == serving::Role::Prefill && (cluster.with_prefill || cluster.decode_first),
           .decode_power = Watts{100},
           .prefill_power = Watts{200},
           .clocks = cluster.clocks});
    }
    pools.push_back(std::move(pool));
  };
  add_pool(split ? serving::Role::Prefill : serving::Role::Mixed, cluster.instances);
  if (cluster.tiers_on_links) {
    topologies::FlowNetwork network{.plane = "net", .domains = {{.name = "all", .trunk = BytesPerSecond{}}}};
    for (const kv::TierSpec& tier : cluster.tiers->tiers) {
      network.endpoints.push_back(
          {.name = kv::name(tier.kind), .domain = 0, .bandwidth = tier.read, .receive = tier.write});
    }
    for (serving::InstanceSettings& instance : pools[0].instances) {
      for (kv::TierSpec& tier : instance.tiers->tiers) tier.on_links = true;
      auto& ways = pools[0].tier_ways.emplace_back(cluster.ranks);
      for (auto& rank : ways) {
        const EndpointId chips{static_cast<std::uint32_t>(network.endpoints.size())};
        network.endpoints.push_back({.name = "chips", .domain = 0, .bandwidth = cluster.bandwidth});
        for (std::uint32_t i = 0; i < cluster.tiers->tiers.size(); ++i) {
          const kv::TierSpec& tier = cluster.tiers->tiers[i];
          rank[static_cast<std::size_t>(tier.kind)] =
              serving::TierWay{.legs = {{.store = EndpointId{i}, .chips = chips}},
                               .before_read = tier.latency,
                               .before_write = {},
                               .read = std::min(tier.read, cluster.bandwidth),
                               .block = cluster.block_bytes};
        }
      }
    }
    networks.push_back(network);
  }
  if (split) {
    add_pool(serving::Role::Decode, cluster.decode_instances);
    topologies::FlowNetwork network{.plane = "net", .domains = {{.name = "all", .trunk = BytesPerSecond{}}}};
    std::vector<serving::Footprint> footprints;
    for (serving::Pool& pool : pools) {
      for (std::size_t i = 0; i < pool.instances.size(); ++i) {
        auto& ranks = pool.endpoints.emplace_back();
        serving::Footprint& footprint = footprints.emplace_back();
        footprint.on_plane.expert.inside = true;
        for (std::uint32_t rank = 0; rank < cluster.ranks * pool.instances[i].lanes; ++rank) {
          ranks.push_back({EndpointId{static_cast<std::uint32_t>(network.endpoints.size())}});
          footprint.nics.push_back({ranks.back()[0], 1});
          network.endpoints.push_back(
              {.name = "e" + std::to_string(network.endpoints.size()), .domain = 0, .bandwidth = cluster.bandwidth});
        }
      }
    }
    hand_off = serving::HandOff{.bytes_per_token = cluster.bytes_per_token,
                                .prefill_bytes_per_token = cluster.bytes_per_token,
                                .setup = cluster.setup,
                                .push = cluster.push,
                                .with_prefill = cluster.with_prefill,
                                .decode_first = cluster.decode_first,
                                .layers = cluster.layers,
                                .non_cached_tokens = cluster.non_cached_tokens,
                                .chunk_tokens = cluster.chunk_tokens,
                                .per_chunk = cluster.per_chunk,
                                .network = network};
    if (cluster.contention) hand_off->footprints = std::move(footprints);
    networks.push_back(network);
  }
  if (cluster.users) {
    topologies::FlowNetwork network{.plane = "front", .domains = {{.name = "all", .trunk = BytesPerSecond{}}}};
    network.endpoints.push_back({.name = "users", .domain = 0, .bandwidth = cluster.user_bandwidth});
    for (serving::Pool& pool : pools) {
      for (serving::InstanceSettings& instance : pool.instances) {
        instance.requests = *cluster.users;
        instance.requests->network = networks.size();
        instance.requests->users = EndpointId{0};
        instance.requests->instance = EndpointId{static_cast<std::uint32_t>(network.endpoints.size())};
        instance.front_end.way_back = SimTime::from(cluster.users->latency);
        network.endpoints.push_back({.name = "instance", .domain = 0, .bandwidth = BytesPerSecond{1e10}});
      }
    }
    networks.push_back(network);
  }
  std::vector<std::unique_ptr<serving::StepForecast>> forecasts;
  std::vector<std::unique_ptr<policy::Router>> routers;
  for (serving::Pool& pool : pools) {
    std::optional<serving::StepForecast::Copies> copies;
    if (pool.role == serving::Role::Prefill) copies = serving::copies_of(*hand_off, 1);
    forecasts.push_back(std::make_unique<serving::StepForecast>(cost, pool.rules, cluster.ranks, copies));
    policy::RouterSpec of_pool = routing;
    of_pool.prefills = pool.role != serving::Role::Decode;
    of_pool.decodes = pool.role != serving::Role::Prefill;
    routers.push_back(policy::make_router(of_pool, nullptr, forecasts.back().get()));
    pool.router = routers.back().get();
    pool.rejects = of_pool.reject;
  }
  engine::Engine engine{networks};
  Played played;
  played.recorder = std::make_unique<metrics::Recorder>(
      cluster.warm_up,
      std::vector<metrics::SloTarget>{{"default", Seconds{1.0}, Seconds{0.1}}, {"hasty", Seconds{0.1}, Seconds{0.1}}},
      true, cluster.log_steps);
  serving::Serving serving{
      engine, pools, hand_off, source, cluster.concurrency, *played.recorder, SimTime{1'000'000'000}, {}};
  serving.start();
  engine.run();
  serving.finish();
  played.requests = played.recorder->requests();
  std::sort(played.requests.begin(), played.requests.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  played.steps = played.recorder->steps();
  played.meters = serving.meters();
  played.links = engine.link_use();
  played.events = engine.events();
  return played;
}

}  // namespace tokenyard::test
