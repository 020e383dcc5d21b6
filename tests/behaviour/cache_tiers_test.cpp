#include "tests/support/child.hpp"
#include "tests/support/small_cluster.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <numeric>
#include <optional>
#include <string>

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

TEST_CASE("cache tiers: what is fetched is weighed against the several steps that it would be computed in") {
  // At 1 / 1.92 GB/s the 5 blocks take 9.6 ms: more than the 9 ms of one step of 80 tokens, less than the 10 ms of the
  // steps of 64 and 16 that these rules allow.
  SmallCluster chunked = cluster(1.0 / 1.92);
  chunked.rules = policy::VllmSpec{.max_num_seqs = 4, .max_num_batched_tokens = 64};
  ScriptedSource source{again()};
  const FormulaCost cost = per_token();
  const Played played = play(chunked, source, cost);
  CHECK(played.requests[0].ttft().ns() == 2 * kMs + 96 * kMs / 10);
  CHECK(played.requests[2].cached_tokens == 80);
  CHECK(played.requests[2].ttft().ns() == 96 * kMs / 10 + kMs + 16 * kMs / 10);
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

namespace {

constexpr kv::TierRules kHiCache{
    .with_step = true, .by_layer = true, .layers = 4, .keeps_copies = true, .chains = true, .waits_for_writes = true};
constexpr kv::TierRules kOffload{.with_step = true, .moves = true, .waits_for_writes = true};

/// 12 blocks of 1 MB; the host reads one in 1 ms.
SmallCluster loaded_with_steps(const policy::RulesSpec& rules, const kv::TierRules& tiers, double write_gb_per_s,
                               kv::WritePolicy policy = kv::WritePolicy::Back) {
  const kv::TierSpec host{.kind = kv::TierKind::Host,
                          .capacity = Bytes{100e6},
                          .read = BytesPerSecond{1e9},
                          .write = BytesPerSecond{write_gb_per_s * 1e9},
                          .policy = policy};
  return {.rules = rules,
          .blocks = 12,
          .block_tokens = 16,
          .depth = 1,
          .caching = kv::PrefixCacheSpec{},
          .tiers = kv::TiersSpec{.tiers = {host}, .when_faster = false, .rules = tiers}};
}

/// A prompt of 6 blocks, another one of 10 that takes the place of 4 of them, and the first again: 2 of its blocks are
/// on the chip, 3 come from the host, 16 tokens are computed in 2.6 ms.
Played again_after_ten(const SmallCluster& cluster) {
  ScriptedSource source{{{0, 96, 1, ids(1, 6)}, {100 * kMs, 160, 1, ids(100, 10)}, {200 * kMs, 96, 1, ids(1, 6)}}};
  const FormulaCost cost = per_token();
  return play(cluster, source, cost);
}

}  // namespace

TEST_CASE("cache tiers: SGLang loads back beside the step layer by layer") {
  // 3 ms of loading in 4 parts; behind the last one layer of 2.6 / 4 ms computes: 3.65 ms. A write takes 0.01 ms.
  const Played played = again_after_ten(loaded_with_steps(policy::SglangSpec{}, kHiCache, 100.0));
  REQUIRE(played.requests.size() == 3);
  CHECK(played.requests[2].cached_tokens == 80);
  CHECK(played.requests[2].ttft().ns() == 3 * kMs + 26 * kMs / 40);
  const metrics::CacheSums& sums = played.meters[0].cached;
  CHECK(sums.found_in_tier[0] == 48);
  CHECK(sums.read_blocks[0] == 3);
}

TEST_CASE("cache tiers: TensorRT-LLM computes when all is onboard and has it in one place only") {
  const Played played = again_after_ten(loaded_with_steps(policy::TrtllmSpec{}, kOffload, 100.0));
  REQUIRE(played.requests.size() == 3);
  CHECK(played.requests[2].cached_tokens == 80);
  CHECK(played.requests[2].ttft().ns() == 3 * kMs + 26 * kMs / 10);
  CHECK(played.meters[0].cached.read_blocks[0] == 3);
}

TEST_CASE("cache tiers: a step waits until the places that it takes are written back") {
  // The third prompt takes 4 blocks of the second: at 1 GB/s written back in 4 ms, then 2.6 ms. As many of the first
  // prompt's gave way to the second.
  const Played back = again_after_ten(loaded_with_steps(policy::SglangSpec{}, kHiCache, 1.0));
  CHECK(back.requests[2].ttft().ns() == 4 * kMs + 26 * kMs / 10);
  CHECK(back.meters[0].cached.written_blocks[0] == 4 + 4);
}

TEST_CASE("cache tiers: a step does not wait for places that were written through before") {
  const Played through =
      again_after_ten(loaded_with_steps(policy::SglangSpec{}, kHiCache, 1.0, kv::WritePolicy::Through));
  CHECK(through.requests[2].ttft().ns() == 3 * kMs + 26 * kMs / 40);
  CHECK(through.meters[0].cached.written_blocks[0] == 16);  // every block once
}

TEST_CASE("cache tiers: selective writes what a second request uses and nothing else") {
  // Of the first prompt only, when it is asked for again while it is on the chip.
  SmallCluster cluster = loaded_with_steps(policy::SglangSpec{}, kHiCache, 1.0, kv::WritePolicy::Selective);
  ScriptedSource source{{{0, 96, 1, ids(1, 6)}, {100 * kMs, 96, 1, ids(1, 6)}, {200 * kMs, 96, 1, ids(50, 6)}}};
  const FormulaCost cost = per_token();
  const Played played = play(cluster, source, cost);
  // Five blocks are found by the second request; it computes the sixth, which is here already.
  CHECK(played.meters[0].cached.written_blocks[0] >= 5);
  CHECK(played.meters[0].cached.written_blocks[0] <= 6);
}

namespace {

/// Two instances by turns; host memory at 100 GB/s and a pool that they share, 1 ms a block.
Played from_the_pool(const std::optional<kv::PrefetchSpec>& prefetch, bool links = false) {
  kv::TierStore pool(100);
  SmallCluster cluster = loaded_with_steps(policy::SglangSpec{}, kHiCache, 100.0, kv::WritePolicy::Through);
  cluster.instances = 2;
  cluster.shared_tier = &pool;
  cluster.tiers->tiers[0].read = BytesPerSecond{100e9};
  cluster.tiers->tiers.push_back({.kind = kv::TierKind::Pool,
                                  .capacity = Bytes{100e6},
                                  .read = BytesPerSecond{1e9},
                                  .write = BytesPerSecond{1e9}});
  cluster.tiers->prefetch = prefetch;
  if (links) {
    cluster.tiers_on_links = true;
    cluster.bandwidth = BytesPerSecond{1e12};
  }
  ScriptedSource source{{{0, 96, 1, ids(1, 6)}, {100 * kMs, 96, 1, ids(1, 6)}}};
  const FormulaCost cost = per_token();
  return play(cluster, source, cost);
}

}  // namespace

TEST_CASE("prefetch: a request waits until all that the pool has of it is in host memory") {
  // 5 blocks in 5 ms, then loaded in 4 parts of 12.5 us and 2.6 ms beside the last three.
  const Played played = from_the_pool(kv::PrefetchSpec{.policy = kv::PrefetchPolicy::WaitComplete, .threshold = 1});
  CHECK(played.requests[1].cached_tokens == 80);
  CHECK(played.requests[1].queue.ns() == 5 * kMs);
  CHECK(played.requests[1].ttft().ns() == 5 * kMs + 12'500 + 26 * kMs / 10);
  CHECK(played.meters[1].cached.read_blocks[2] == 5);
  CHECK(played.meters[1].cached.found_in_tier[0] == 80);
}

TEST_CASE("prefetch: best effort takes what has come when the turn comes and at once nothing") {
  const Played played = from_the_pool(kv::PrefetchSpec{.policy = kv::PrefetchPolicy::BestEffort, .threshold = 1});
  CHECK(played.requests[1].cached_tokens == 0);
  CHECK(played.requests[1].ttft().ns() == kMs + 96 * kMs / 10);
}

TEST_CASE("prefetch: a request waits no longer than its time") {
  // 2.5 ms: two blocks have come. 64 tokens are computed in 7.4 ms behind the first quarter of 20 us.
  const Played played = from_the_pool(kv::PrefetchSpec{.policy = kv::PrefetchPolicy::Timeout,
                                                       .threshold = 1,
                                                       .timeout_base = SimTime{5 * kMs / 2},
                                                       .timeout_per_1024 = SimTime{}});
  CHECK(played.requests[1].cached_tokens == 32);
  CHECK(played.requests[1].ttft().ns() == 5 * kMs / 2 + 5'000 + 74 * kMs / 10);
}

namespace {

/// The same with the tiers on the machine's links; chips take 1 TB/s, so that a store's rate alone bounds.
SmallCluster on_links(SmallCluster cluster) {
  cluster.tiers_on_links = true;
  cluster.bandwidth = BytesPerSecond{1e12};
  return cluster;
}

}  // namespace

TEST_CASE("cache tiers: on idle links of the machine SGLang loads back in the same time") {
  // First part 3 / 4 ms, the rest by 3 ms, then the last layer; a flow ends on a whole ns.
  const Played played = again_after_ten(on_links(loaded_with_steps(policy::SglangSpec{}, kHiCache, 100.0)));
  REQUIRE(played.requests.size() == 3);
  CHECK(played.requests[2].cached_tokens == 80);
  CHECK(std::abs(played.requests[2].ttft().ns() - (3 * kMs + 26 * kMs / 40)) <= 2);
  CHECK(played.links[0].link == "host up");
  CHECK(played.links[0].tiers.value() == doctest::Approx(3e6));
}

TEST_CASE("cache tiers: on idle links of the machine TensorRT-LLM onboards in the same time") {
  const Played played = again_after_ten(on_links(loaded_with_steps(policy::TrtllmSpec{}, kOffload, 100.0)));
  CHECK(played.requests[2].cached_tokens == 80);
  CHECK(std::abs(played.requests[2].ttft().ns() - (3 * kMs + 26 * kMs / 10)) <= 1);
}

TEST_CASE("cache tiers: a step waits until the places that it takes have crossed the machine's links") {
  const Played played = again_after_ten(on_links(loaded_with_steps(policy::SglangSpec{}, kHiCache, 1.0)));
  CHECK(std::abs(played.requests[2].ttft().ns() - (4 * kMs + 26 * kMs / 10)) <= 1);
  CHECK(played.links[1].link == "host down");
  CHECK(played.links[1].tiers.value() == doctest::Approx(8e6));
}

TEST_CASE("cache tiers: two instances that load back at once each get half of the host's link") {
  // 3 MB each at 0.5 GB/s: SGLang's last layer computes after 6 ms, TensorRT-LLM's step starts then.
  for (const bool sglang : {true, false}) {
    CAPTURE(sglang);
    const std::int64_t ttft = std::stoll(in_child([&] {
      SmallCluster cluster = sglang ? loaded_with_steps(policy::SglangSpec{}, kHiCache, 100.0)
                                    : loaded_with_steps(policy::TrtllmSpec{}, kOffload, 100.0);
      cluster.instances = 2;
      ScriptedSource source{{{0, 96, 1, ids(1, 6)},
                             {0, 96, 1, ids(11, 6)},
                             {100 * kMs, 160, 1, ids(100, 10)},
                             {100 * kMs, 160, 1, ids(200, 10)},
                             {200 * kMs, 96, 1, ids(1, 6)},
                             {200 * kMs, 96, 1, ids(11, 6)}}};
      const FormulaCost cost = per_token();
      const Played played = play(on_links(cluster), source, cost);
      REQUIRE(played.requests.size() == 6);
      CHECK(played.requests[4].cached_tokens == 80);
      CHECK(played.requests[5].ttft().ns() == played.requests[4].ttft().ns());
      return std::to_string(played.requests[4].ttft().ns());
    }));
    CHECK(std::abs(ttft - (6 * kMs + (sglang ? 26 * kMs / 40 : 26 * kMs / 10))) <= 2);
  }
}

TEST_CASE("prefetch: over the machine's links a request waits as long as over a link of its own") {
  const Played played =
      from_the_pool(kv::PrefetchSpec{.policy = kv::PrefetchPolicy::WaitComplete, .threshold = 1}, true);
  CHECK(played.requests[1].cached_tokens == 80);
  CHECK(std::abs(played.requests[1].queue.ns() - 5 * kMs) <= 1);
  CHECK(std::abs(played.requests[1].ttft().ns() - (5 * kMs + 12'500 + 26 * kMs / 10)) <= 3);
  CHECK(played.meters[1].cached.read_blocks[2] == 5);
  // From the pool's link: what was read. To the host's: all that the chips gave, not what came from the pool.
  CHECK(played.links[2].link == "pool up");
  CHECK(played.links[2].tiers.value() == doctest::Approx(5e6));
  CHECK(played.links[1].link == "host down");
  CHECK(played.links[1].tiers.value() ==
        doctest::Approx(7e6));  // six blocks, and the sixth again by the other instance
}

TEST_CASE("prefetch: a request whose time is over has what whole batches have brought") {
  // Its five blocks are one batch, of which nothing counts after 2.5 ms.
  const Played played = from_the_pool(kv::PrefetchSpec{.policy = kv::PrefetchPolicy::Timeout,
                                                       .threshold = 1,
                                                       .timeout_base = SimTime{5 * kMs / 2},
                                                       .timeout_per_1024 = SimTime{}},
                                      true);
  CHECK(played.requests[1].cached_tokens == 0);
  CHECK(played.requests[1].ttft().ns() == 5 * kMs / 2 + kMs + 96 * kMs / 10);
}
