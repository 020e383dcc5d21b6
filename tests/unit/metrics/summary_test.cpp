#include "sim/metrics/summary.hpp"

#include "models/base/errors.hpp"

#include <doctest/doctest.h>

using namespace tokenyard;
using namespace tokenyard::metrics;

namespace {

SimTime at(double seconds) { return SimTime::from(Seconds{seconds}); }

/// Rounding of a few products and quotients.
doctest::Approx near(double value) { return doctest::Approx(value).epsilon(1e-12); }

const std::vector<SloTarget> kClasses{{.name = "chat", .ttft = Seconds{1.0}, .tpot = Seconds{0.1}}};

/// 2 instances of 4 chips; 10 GFLOP a token, 1 TFLOP/s and 1 GB/s a chip, 100 blocks, 50 W idle.
PoolFacts facts() {
  return {.name = "all",
          .role = "mixed",
          .chip = "slow",
          .instances = 2,
          .chips_per_instance = 4,
          .matmul_per_token = Flop{1e10},
          .attention_per_pair = Flop{1e6},
          .peak = FlopPerSecond{1e12},
          .memory_bandwidth = BytesPerSecond{1e9},
          .blocks_per_instance = 100,
          .block_tokens = 16,
          .idle_power = Watts{50.0}};
}

/// Instance 0 of two works, instance 1 does not, over 10 s:
///   2 s of mixed steps: 800 prompt and 200 decode tokens; 1 s of decode steps: 40 tokens
std::deque<InstanceMeter> meters() {
  std::deque<InstanceMeter> all;
  all.emplace_back(SimTime{}, at(1));
  all.emplace_back(SimTime{}, at(1));
  InstanceMeter& busy = all[0];
  busy.level(at(0), {.running = 5, .waiting = 2, .used_blocks = 60, .unfilled_tokens = 26});
  busy.step({.start = at(0),
             .end = at(2),
             .decode_tokens = 200,
             .prefill_tokens = 800,
             .attention_pairs_x2 = 4'000'000,
             .traffic = Bytes{2e9},
             .power = Watts{2'000.0}});
  busy.step({.start = at(2),
             .end = at(3),
             .decode_tokens = 40,
             .attention_pairs_x2 = 0,
             .traffic = Bytes{3e9},
             .power = Watts{1'000.0}});
  busy.level(at(3), {.running = 0, .waiting = 0, .used_blocks = 80});
  busy.level(at(4), {});
  busy.gap(at(3), at(0.02), 40);
  busy.preemptions = 6;
  for (InstanceMeter& meter : all) meter.finish(at(10));
  return all;
}

Recorder empty_recorder(double warm_up_s = 0.0) { return {at(warm_up_s), kClasses, false, false}; }

}  // namespace

TEST_CASE("summary: MFU is matmul work over what the chips could do") {
  Recorder recorder = empty_recorder();
  const Summary summary = summarize("s", recorder, meters(), {facts()}, {}, at(10));
  REQUIRE(summary.pools.size() == 1);
  const PoolFigures& pool = summary.pools[0];
  // 1,040 tokens * 10 GFLOP = 10.4 TFLOP of 10 s * 8 chips * 1 TFLOP/s = 80 TFLOP.
  CHECK(pool.mfu == near(0.13));
  // 1,000 tokens = 10 TFLOP of 2 s * 4 chips * 1 TFLOP/s = 8 TFLOP: more than a chip can, but these are hand-made.
  CHECK(pool.mfu_prefill_steps == near(1.25));
  // 40 tokens = 0.4 TFLOP of 1 s * 4 chips * 1 TFLOP/s = 4 TFLOP.
  CHECK(pool.mfu_decode_steps == near(0.1));
  // 2e6 pairs * 1 MFLOP = 2 TFLOP more: 12.4 of 80.
  CHECK(pool.mfu_with_attention == near(0.155));
}

TEST_CASE("summary: utilisation is over the window and all chips") {
  Recorder recorder = empty_recorder();
  const Summary summary = summarize("s", recorder, meters(), {facts()}, {}, at(10));
  const PoolFigures& pool = summary.pools[0];
  CHECK(pool.steps == 2);
  CHECK(pool.busy == near(0.15));                                // 3 s of 2 * 10 s
  CHECK(pool.bandwidth_utilisation == near(0.0625));             // 5 GB of 10 s * 8 * 1 GB/s
  CHECK(pool.bandwidth_utilisation_decode_steps == near(0.75));  // 3 GB of 1 s * 4 * 1 GB/s
  CHECK(pool.prefill_tokens_per_s == near(80.0));
  CHECK(pool.decode_tokens_per_s == near(24.0));
  CHECK(pool.running_mean == near(0.75));  // 5 for 3 s, of 2 * 10 s
  CHECK(pool.waiting_mean == near(0.3));
  CHECK(pool.kv_occupancy_mean == near(0.13));  // (60 * 3 + 80 * 1) / (100 * 20)
  CHECK(pool.kv_occupancy_peak == near(0.8));
  CHECK(pool.kv_unfilled_tokens == near(3.9));                  // 26 for 3 s, of 2 * 10 s
  CHECK(pool.kv_fragmentation == near(78.0 / (260.0 * 16.0)));  // 26 * 3 of (60 * 3 + 80 * 1) * 16
  CHECK(pool.preemptions == 6);
  // Steps 5,000 J; idle 20 - 3 = 17 instance seconds * 4 chips * 50 W = 3,400 J.
  CHECK(pool.energy_j == near(8'400.0));
  CHECK(summary.mean_power_w == near(840.0));
  CHECK(summary.chips == 8);
  CHECK(summary.itl.count == 40);
}

TEST_CASE("summary: throughput and goodput are of the requests that end in a window up to the last arrival") {
  // Warm-up until 2 s, last arrival at 8 s, last token at 10 s. Each request has its first token 0.5 s after it came
  // and 20 more, evenly, in 2 s. The one of 0.5 s ends at 3 s, half of its 20 tokens after warm-up; that of 4 s at
  // 6.5 s with all of its 21; that of 5 s waits 1.5 s for its first token and misses its target; that of 7.5 s at 10 s,
  // late.
  Recorder recorder = empty_recorder(2.0);
  std::optional<Steady> steady;
  for (const double arrival : {0.5, 4.0, 5.0, 7.5}) {
    if (arrival > 7.0) {
      steady = Steady{.end = at(8), .meters = {}, .ended_after_warm_up = recorder.ended_after_warm_up};
      for (const InstanceMeter& meter : meters()) steady->meters.push_back(meter);
    }
    const double ttft = arrival == 5.0 ? 1.5 : 0.5;
    recorder.request({.prompt_tokens = 100,
                      .output_tokens = 21,
                      .arrival = at(arrival),
                      .admitted = at(arrival),
                      .first_token = at(arrival + ttft),
                      .last_token = at(arrival + ttft) + at(2.0),
                      .prefill = at(ttft),
                      .decode = at(2.0)});
  }
  const Summary summary = summarize("s", recorder, meters(), {facts()}, {}, at(10), &*steady);
  CHECK(summary.window_end == WindowEnd::LastArrival);
  CHECK(summary.requests_measured == 3);
  CHECK(summary.requests_per_s == near(3 / 6.0));
  CHECK(summary.good_requests_per_s == near(2 / 6.0));
  CHECK(summary.good_tokens_per_s == near((10 + 21) / 6.0));
  CHECK(summary.class_rates.at(0).good_requests_per_s == near(2 / 6.0));
  CHECK(summary.good_share == near(2 / 3.0));  // of the measured ones
}

TEST_CASE("summary: rates are of measured requests over the window after warm-up") {
  Recorder recorder = empty_recorder(2.0);
  for (const double arrival : {1.0, 3.0, 4.0}) {
    // 21 tokens: the first after 0.5 s (1.5 s for the last request: target missed), then one every 20 ms.
    const double ttft = arrival > 3.5 ? 1.5 : 0.5;
    recorder.request({.prompt_tokens = 100,
                      .output_tokens = 21,
                      .arrival = at(arrival),
                      .admitted = at(arrival),
                      .first_token = at(arrival + ttft),
                      .last_token = at(arrival + ttft) + at(0.4),
                      .prefill = at(ttft),
                      .decode = at(0.4)});
  }
  const Summary summary = summarize("s", recorder, meters(), {facts()}, {}, at(10));
  CHECK(summary.window_s == near(8.0));
  CHECK(summary.warm_up_s == near(2.0));
  CHECK(summary.requests_finished == 3);
  CHECK(summary.requests_measured == 2);
  CHECK(summary.requests_per_s == near(0.25));
  CHECK(summary.prompt_tokens_per_s == near(25.0));
  CHECK(summary.output_tokens_per_s == near(5.25));  // 42 tokens in 8 s
  CHECK(summary.output_tokens_per_s_per_chip == near(5.25 / 8.0));
  CHECK(summary.tokens_per_s_per_user == near(50.0));  // 1 / 20 ms
  CHECK(summary.good_requests_per_s == near(0.125));
  CHECK(summary.good_tokens_per_s == near(2.625));
  CHECK(summary.good_share == near(0.5));
  CHECK(summary.ttft.count == 2);
  CHECK(summary.ttft.mean_s == near(1.0));
  CHECK(summary.ttft.p50_s == near(0.5));
  CHECK(summary.ttft.p99_s == near(1.5));
  CHECK(summary.parts[static_cast<std::size_t>(Part::Decode)].mean_s == near(0.4));
}

TEST_CASE("summary: a run in which nothing happened has zeros and counts that say so") {
  Recorder recorder = empty_recorder(5.0);
  std::deque<InstanceMeter> idle;
  idle.emplace_back(at(5), at(1));
  idle.emplace_back(at(5), at(1));
  const Summary summary = summarize("s", recorder, idle, {facts()}, {}, SimTime{});
  CHECK(summary.window_s == 0.0);
  CHECK(summary.ttft.count == 0);
  CHECK(summary.output_tokens_per_s == 0.0);
  CHECK(summary.pools[0].mfu == 0.0);
  CHECK(summary.joules_per_output_token == 0.0);
}

TEST_CASE("summary: a plane takes the bytes that entered it and its busiest link") {
  Recorder recorder = empty_recorder();
  const auto link = [](const char* plane, const char* name, double bytes, double utilisation, bool entry = false) {
    // Collectives double what hand-offs do, and the fullest interval has three times the mean.
    return LinkFigures{.plane = plane,
                       .link = name,
                       .entry = entry,
                       .bytes = bytes,
                       .utilisation = utilisation,
                       .mean_utilisation = 2.0 * utilisation,
                       .peak_utilisation = 6.0 * utilisation};
  };
  const Summary summary =
      summarize("s", recorder, meters(), {facts()},
                {link("scale_up", "domain 0 up", 70.0, 0.1), link("scale_up", "domain 0 down", 0.0, 0.0),
                 link("scale_up", "p-0.0 up", 70.0, 0.3, true), link("scale_up", "d-0.0 down", 70.0, 0.4),
                 link("scale_out", "p-0.0 up", 5.0, 0.05, true)},
                at(10));
  REQUIRE(summary.planes.size() == 2);
  CHECK(summary.planes[0].plane == "scale_up");
  CHECK(summary.planes[0].bytes == 70.0);
  CHECK(summary.planes[0].mean_utilisation == near(0.2));  // (0.1 + 0 + 0.3 + 0.4) / 4
  CHECK(summary.planes[0].peak_link_utilisation == near(0.8));
  CHECK(summary.planes[0].peak_utilisation == near(2.4));
  CHECK(summary.planes[0].busiest_link == "d-0.0 down");
  CHECK(summary.planes[1].bytes == 5.0);
  CHECK(summary.links.size() == 5);
}

TEST_CASE("summary: ports of instances are no links of hand-offs") {
  Recorder recorder = empty_recorder();
  const LinkFigures ports{
      .plane = "up", .link = "p 0 ports", .flows = false, .mean_utilisation = 0.2, .peak_utilisation = 0.5};
  const Summary summary = summarize("s", recorder, meters(), {facts()}, {ports}, at(10));
  REQUIRE(summary.planes.size() == 1);
  CHECK(summary.planes[0].mean_utilisation == 0.0);
  CHECK(summary.planes[0].busiest_link == "p 0 ports");
  CHECK(summary.planes[0].peak_link_utilisation == near(0.2));
  CHECK(summary.planes[0].peak_utilisation == near(0.5));
}

TEST_CASE("summary: a meter without a pool is a bug") {
  Recorder recorder = empty_recorder();
  CHECK_THROWS_AS((void)summarize("s", recorder, meters(), {}, {}, at(10)), BugError);
}

TEST_CASE("summary: collectives of a pool are what its steps sent, plane by plane") {
  // 10 s on 2 x 4 chips. One step sends 520,000 B inside and 104,000 B across its domain:
  // 520,000 B over 8 ports of 1,000 B/s for 10 s = 6.5, 104,000 B over 8 ports of 100 B/s = 13 of capacity.
  Recorder recorder = empty_recorder();
  PoolFacts pool = facts();
  CollectiveShare inside;
  CollectiveShare across;
  inside[Sender::Tensor].inside = across[Sender::Tensor].across = 1.0;
  pool.collectives = {{"nvlink", inside, BytesPerSecond{1'000.0}}, {"ib", across, BytesPerSecond{100.0}}};
  std::deque<InstanceMeter> sending = meters();
  CollectiveBytes sent;
  sent[Sender::Tensor] = {520'000, 104'000};
  sending.front().step({.start = at(9), .end = at(10), .decode_tokens = 1, .sent = sent});
  const Summary summary = summarize("s", recorder, sending, {pool}, {}, at(10));
  REQUIRE(summary.planes.size() == 2);
  const double ports = pool.instances * pool.chips_per_instance;
  CHECK(summary.planes[0].plane == "nvlink");
  CHECK(summary.planes[0].collective_bytes == near(520'000.0));
  CHECK(summary.planes[0].collective_utilisation == near(520'000.0 / (ports * 1'000.0 * 10.0)));
  CHECK(summary.planes[1].collective_bytes == near(104'000.0));
  CHECK(summary.planes[1].collective_utilisation == near(104'000.0 / (ports * 100.0 * 10.0)));
}
