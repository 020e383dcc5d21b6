#pragma once

#include "sim/metrics/summary.hpp"

#include <string>

namespace tokenyard::test {

/// A spread whose figures tell themselves apart: p50, p90 and p99 are 1, 2 and 4 times the mean.
inline metrics::Spread spread_of(std::uint64_t count, double mean_s) {
  return {.count = count, .mean_s = mean_s, .p50_s = mean_s, .p90_s = 2 * mean_s, .p99_s = 4 * mean_s};
}

/// One mixed pool of 2 instances on 4 chips each, 100 requests of 128 output tokens in 10 s, by hand:
///   TTFT 12.3 ms, TPOT 20 ms, end to end 2.56 s = queue 0.01 + prefill 0.05 + decode 2.5 s
///   12,800 tokens / 10 s = 1,280 tokens/s, / 8 chips = 160; 1 / 20 ms = 50 tokens/s for a user
///   80 of 100 requests met the targets: 8 a second; energy 25,600 J / 12,800 tokens = 2 J
inline metrics::Summary small_summary(const std::string& name = "small") {
  metrics::Summary summary{.name = name, .window_s = 10.0, .warm_up_s = 2.0};
  summary.requests_arrived = 120;
  summary.requests_finished = 110;
  summary.requests_measured = 100;
  summary.requests_preempted = 3;
  summary.chips = 8;
  summary.ttft = spread_of(100, 0.0123);
  summary.ttft_from_admission = spread_of(100, 0.0023);
  summary.tpot = spread_of(100, 0.02);
  summary.itl = spread_of(12'700, 0.0195);
  summary.latency = spread_of(100, 2.56);
  for (metrics::Spread& part : summary.parts) part = spread_of(100, 0.0);
  summary.parts[0] = spread_of(100, 0.01);
  summary.parts[1] = spread_of(100, 0.05);
  summary.parts[6] = spread_of(100, 2.5);
  summary.requests_per_s = 10.0;
  summary.prompt_tokens_per_s = 4000.0;
  summary.output_tokens_per_s = 1280.0;
  summary.output_tokens_per_s_per_chip = 160.0;
  summary.tokens_per_s_per_user = 50.0;
  summary.good_requests_per_s = 8.0;
  summary.good_tokens_per_s = 1024.0;
  summary.good_share = 0.8;
  summary.joules_per_output_token = 2.0;
  summary.mean_power_w = 2560.0;
  summary.classes = {{.name = "chat", .ttft = Seconds{0.5}, .tpot = Seconds{0.05}}};
  summary.by_class = {{.requests = 100, .output_tokens = 12'800, .good_requests = 80, .good_output_tokens = 10'240}};
  summary.class_rates = {{.good_requests_per_s = 8.0, .good_tokens_per_s = 1024.0}};
  metrics::PoolFigures pool{.facts = {.name = "main",
                                      .role = "mixed",
                                      .chip = "ridge-100",
                                      .instances = 2,
                                      .chips_per_instance = 4,
                                      .matmul_per_token = Flop{1.6e10},
                                      .attention_per_pair = Flop{5e5},
                                      .peak = FlopPerSecond{1e15},
                                      .memory_bandwidth = BytesPerSecond{3e12},
                                      .memory = Bytes{80e9},
                                      .weights_per_chip = Bytes{4e9},
                                      .kv_block = Bytes{2097152.0},
                                      .blocks_per_instance = 5000,
                                      .block_tokens = 16,
                                      .idle_power = Watts{100.0}},
                            .steps = 990,
                            .busy = 0.75,
                            .prefill_tokens_per_s = 4000.0,
                            .decode_tokens_per_s = 1270.0,
                            .mfu = 0.25,
                            .mfu_prefill_steps = 0.5,
                            .mfu_decode_steps = 0.0625,
                            .mfu_with_attention = 0.26,
                            .bandwidth_utilisation = 0.375,
                            .bandwidth_utilisation_decode_steps = 0.625,
                            .running_mean = 12.8,
                            .waiting_mean = 0.5,
                            .kv_occupancy_mean = 0.3,
                            .kv_occupancy_peak = 0.9,
                            .preemptions = 4,
                            .energy_j = 25'600.0};
  summary.pools = {pool};
  return summary;
}

/// As small_summary(), but with a prefill and a decode pool and a network between them.
inline metrics::Summary split_summary(const std::string& name = "split") {
  metrics::Summary summary = small_summary(name);
  metrics::PoolFigures prefill = summary.pools[0];
  prefill.facts.name = prefill.facts.role = "prefill";
  prefill.facts.instances = 1;
  prefill.mfu_decode_steps = 0.0;
  prefill.bandwidth_utilisation_decode_steps = 0.0;
  metrics::PoolFigures decode = summary.pools[0];
  decode.facts.name = decode.facts.role = "decode";
  decode.facts.instances = 1;
  decode.mfu_prefill_steps = 0.0;
  decode.mfu = 0.0321;
  summary.pools = {prefill, decode};
  summary.parts[3] = spread_of(100, 0.004);
  summary.planes = {{.plane = "scale_out",
                     .bytes = 4.2e11,
                     .mean_utilisation = 0.21,
                     .peak_link_utilisation = 0.42,
                     .peak_utilisation = 0.93,
                     .busiest_link = "prefill-0.0 up",
                     .collective_bytes = 3e12,
                     .collective_utilisation = 0.05}};
  return summary;
}

}  // namespace tokenyard::test
