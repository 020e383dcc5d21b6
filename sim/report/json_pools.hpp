#pragma once

#include "models/base/price_basis.hpp"
#include "sim/metrics/summary.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

/// What summary.json says of pools and planes, for json.cpp alone: each describe_() works on either of its two doors,
/// the one that puts figures into JSON and the one that takes them out.
namespace tokenyard::report {

void describe_facts(auto door, auto& facts) {
  door.quantity("peak_per_chip_flop_per_s", facts.peak);
  door.quantity("memory_bandwidth_per_chip_bytes_per_s", facts.memory_bandwidth);
  door.quantity("idle_power_per_chip_w", facts.idle_power);
  door.quantity("memory_per_chip_bytes", facts.memory);
  door.quantity("weights_per_chip_bytes", facts.weights_per_chip);
  door.quantity("matmul_per_token_flop", facts.matmul_per_token);
  door.quantity("attention_per_pair_flop", facts.attention_per_pair);
  door.quantity("kv_block_bytes", facts.kv_block);
  door.field("kv_block_tokens", facts.block_tokens);
  door.rare_count("kv_windowed_groups", facts.windowed_groups);
  door.field("kv_blocks_per_instance", facts.blocks_per_instance);
  door.rare_count("drafts", facts.drafts);
}

/// Figures of the prefix caches; rates are derived, so that reading asks for the counts only.
void describe_cache(auto door, auto& cache) {
  const auto rate = [](std::uint64_t found, std::uint64_t asked) {
    return asked > 0 ? static_cast<double>(found) / static_cast<double>(asked) : 0.0;
  };
  door.derived("hit_rate_tokens", rate(cache.found_tokens, cache.asked_tokens), cache.asked_tokens > 0);
  door.derived("hit_rate_blocks", rate(cache.found_blocks, cache.asked_blocks), cache.asked_blocks > 0);
  door.field("asked_tokens", cache.asked_tokens);
  door.field("found_tokens", cache.found_tokens);
  door.field("asked_blocks", cache.asked_blocks);
  door.field("found_blocks", cache.found_blocks);
  door.field("evicted_blocks", cache.evicted_blocks);
  door.rare_count("expired_blocks", cache.expired_blocks);
  door.field("recomputed_blocks", cache.recomputed_blocks);
  door.rare_count("copied_blocks", cache.copied_blocks);
  door.field("repeated_tokens", cache.repeated_tokens);
  for (std::size_t i = 0; i < metrics::kCacheTiers; ++i) {
    door.group(metrics::kCacheTierNames[i], [&](auto in) {
      in.field("found_tokens", cache.found_in_tier[i]);
      in.field("read_blocks", cache.read_blocks[i]);
      in.field("written_blocks", cache.written_blocks[i]);
    });
  }
}

/// KV bytes of an instance against its weights and its memory.
void describe_kv_share(auto door, const metrics::PoolFigures& pool) {
  const metrics::PoolFacts& facts = pool.facts;
  const double all = facts.kv_block.value() * static_cast<double>(facts.blocks_per_instance);
  const double weights = facts.weights_per_chip.value() * facts.chips_per_instance;
  const double memory = facts.memory.value() * facts.chips_per_instance;
  const auto give = [&](const std::string& name, double bytes) {
    door.derived((name + "_bytes").c_str(), bytes, true);
    door.derived((name + "_share_of_weights").c_str(), weights > 0.0 ? bytes / weights : 0.0, weights > 0.0);
    door.derived((name + "_share_of_memory").c_str(), memory > 0.0 ? bytes / memory : 0.0, memory > 0.0);
  };
  give("kv_mean", pool.kv_occupancy_mean * all);
  give("kv_peak", pool.kv_occupancy_peak * all);
}

/// Shares of the time of steps; families that were always priced inside what was measured have no key.
void describe_priced(auto door, auto& priced) {
  door.derived("outside_measured", priced.all_outside(), true);
  door.group("outside_by_family", [&](auto in) {
    for (std::size_t i = 0; i < kPriceFamilies; ++i) {
      auto& share = priced.outside[i];
      in.rare(std::string(name(static_cast<PriceFamily>(i))).c_str(), share, share > 0.0);
    }
  });
  door.rare("from_table", priced.table, priced.table > 0.0);
}

void describe_pool(auto door, auto& pool) {
  door.field("name", pool.facts.name);
  door.field("role", pool.facts.role);
  door.field("chip", pool.facts.chip);
  door.field("chip_is_scenario", pool.facts.scenario);
  door.field("instances", pool.facts.instances);
  door.field("chips_per_instance", pool.facts.chips_per_instance);
  door.field("steps", pool.steps);
  door.figure("busy", pool.busy);
  door.figure("mfu", pool.mfu);
  // A step computes a token at least: an MFU of 0 is that of no steps.
  door.figure("mfu_prefill_steps", pool.mfu_prefill_steps, pool.mfu_prefill_steps > 0.0);
  door.figure("mfu_decode_steps", pool.mfu_decode_steps, pool.mfu_decode_steps > 0.0);
  door.figure("mfu_with_attention", pool.mfu_with_attention);
  door.figure("bandwidth_utilisation", pool.bandwidth_utilisation);
  door.figure("bandwidth_utilisation_decode_steps", pool.bandwidth_utilisation_decode_steps,
              pool.bandwidth_utilisation_decode_steps > 0.0);
  door.figure("exposed_communication_prefill_steps", pool.exposed_prefill_steps, pool.mfu_prefill_steps > 0.0);
  door.figure("exposed_communication_decode_steps", pool.exposed_decode_steps, pool.mfu_decode_steps > 0.0);
  door.figure("running_mean", pool.running_mean);
  door.figure("waiting_mean", pool.waiting_mean);
  door.figure("kv_occupancy_mean", pool.kv_occupancy_mean);
  door.figure("kv_occupancy_peak", pool.kv_occupancy_peak);
  door.rare("kv_unfilled_tokens_mean", pool.kv_unfilled_tokens, pool.kv_unfilled_tokens > 0.0);
  door.rare("kv_fragmentation", pool.kv_fragmentation, pool.kv_unfilled_tokens > 0.0);
  door.field("preemptions", pool.preemptions);
  door.figure("prefill_tokens_per_s", pool.prefill_tokens_per_s);
  door.figure("decode_tokens_per_s", pool.decode_tokens_per_s);
  door.rare("tokens_per_step", pool.tokens_per_step, pool.tokens_per_step > 0.0);
  door.rare("draft_acceptance", pool.draft_acceptance, pool.tokens_per_step > 0.0);
  door.figure("energy_j", pool.energy_j);
  door.group("facts", [&](auto in) { describe_facts(in, pool.facts); });
  door.group("priced", [&](auto in) { describe_priced(in, pool.priced); });
  describe_kv_share(door, pool);
  door.group("prefix_cache", [&](auto in) { describe_cache(in, pool.cache); });
}

void describe_plane(auto door, auto& plane) {
  door.field("plane", plane.plane);
  door.figure("kv_bytes", plane.bytes);
  door.rare_group("requests", plane.request_bytes > 0.0, [&](auto in) { in.figure("bytes", plane.request_bytes); });
  door.figure("mean_utilisation", plane.mean_utilisation);
  door.figure("peak_link_utilisation", plane.peak_link_utilisation);
  door.figure("peak_utilisation", plane.peak_utilisation);
  door.field("busiest_link", plane.busiest_link);
  door.figure("collective_bytes", plane.collective_bytes);
  door.figure("collective_utilisation", plane.collective_utilisation);
}

}  // namespace tokenyard::report
