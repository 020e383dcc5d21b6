#include "tests/support/small_cluster.hpp"

#include <doctest/doctest.h>

#include <numeric>

using namespace tokenyard;
using namespace tokenyard::test;

// One instance of 8 blocks of 16 tokens with a host tier. A step takes 1 ms and 0.1 ms a prompt token.

namespace {

constexpr std::int64_t kMs = 1'000'000;

FormulaCost per_token() {
  return FormulaCost([](const cost::StepShape& shape) { return kMs + std::int64_t{shape.prefill_tokens} * kMs / 10; });
}

/// Blocks of 1 MB: at 1 GB/s one takes 1 ms.
SmallCluster cluster(double gb_per_s, bool when_faster = true) {
  const kv::TierSpec host{.kind = kv::TierKind::Host,
                          .capacity = Bytes{100e6},
                          .read = BytesPerSecond{gb_per_s * 1e9},
                          .write = BytesPerSecond{1e9}};
  return {.rules = policy::VllmSpec{.max_num_seqs = 4, .max_num_batched_tokens = 256},
          .blocks = 8,
          .block_tokens = 16,
          .depth = 1,
          .caching = kv::PrefixCacheSpec{},
          .tiers = kv::TiersSpec{.tiers = {host}, .when_faster = when_faster},
          .block_bytes = Bytes{1e6}};
}

std::vector<std::uint64_t> ids(std::uint64_t first, std::uint32_t count) {
  std::vector<std::uint64_t> all(count);
  std::iota(all.begin(), all.end(), first);
  return all;
}

/// A prompt of 6 blocks, another one of 8 that takes its place, and the first again.
std::vector<ScriptedSource::Row> again() {
  return {{0, 96, 1, ids(1, 6)}, {100 * kMs, 128, 1, ids(100, 8)}, {200 * kMs, 96, 1, ids(1, 6)}};
}

}  // namespace

TEST_CASE("cache tiers: an evicted prompt is fetched where that is faster than to compute it") {
  // The third request finds nothing on the chip. The host has its 6 blocks, of which 5 count (one token is left to
  // compute): 5 ms to fetch against 1 + 8 ms to compute 80 tokens. Then 16 tokens in a step of 1 + 1.6 ms.
  ScriptedSource source{again()};
  const FormulaCost cost = per_token();
  const Played played = play(cluster(1.0), source, cost);
  REQUIRE(played.requests.size() == 3);
  CHECK(played.requests[0].ttft().ns() == kMs + 96 * kMs / 10);
  CHECK(played.requests[0].cached_tokens == 0);
  CHECK(played.requests[2].cached_tokens == 80);
  CHECK(played.requests[2].ttft().ns() == 5 * kMs + kMs + 16 * kMs / 10);
  const metrics::CacheSums& sums = played.meters[0].cached;
  CHECK(sums.found_in_tier[0] == 80);
  CHECK(sums.read_blocks[0] == 5);
  CHECK(sums.written_blocks[0] >= 6);
}

TEST_CASE("cache tiers: a slow tier is left alone and the prompt computed anew") {
  // At 0.5 GB/s the 5 blocks take 10 ms, more than 9.
  ScriptedSource source{again()};
  const FormulaCost cost = per_token();
  const Played played = play(cluster(0.5), source, cost);
  CHECK(played.requests[2].cached_tokens == 0);
  CHECK(played.requests[2].ttft().ns() == kMs + 96 * kMs / 10);
  CHECK(played.meters[0].cached.read_blocks[0] == 0);
}

TEST_CASE("cache tiers: fetching always takes even what comes late") {
  ScriptedSource source{again()};
  const FormulaCost cost = per_token();
  const Played played = play(cluster(0.5, false), source, cost);
  CHECK(played.requests[2].cached_tokens == 80);
  CHECK(played.requests[2].ttft().ns() == 10 * kMs + kMs + 16 * kMs / 10);
}

TEST_CASE("cache tiers: a preempted request gets its blocks back from the host instead of computing them") {
  // Two requests of 48 + 40 tokens: 6 blocks each at the end, 8 in all. The later one is preempted with 64 tokens,
  // comes back when the other has ended, and finds what was taken from it in the host's memory.
  ScriptedSource source{{{0, 48, 40}, {0, 48, 40}}};
  const FormulaCost cost = per_token();
  const Played played = play(cluster(100.0), source, cost);
  REQUIRE(played.requests.size() == 2);
  CHECK(played.requests[1].preemptions == 1);
  const metrics::CacheSums& sums = played.meters[0].cached;
  CHECK(sums.read_blocks[0] > 0);
  CHECK(sums.repeated_tokens == 0);  // 4 full blocks were lost, 4 are there again
}
