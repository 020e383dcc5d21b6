#include "tests/support/split_cluster.hpp"

#include <doctest/doctest.h>

#include <numeric>

using namespace tokenyard;
using namespace tokenyard::test;

// Requests that are turned away when they come, beginnings that are copied between prefill instances, and prompts that
// skip the prefill pool. A step with prompt chunks takes 1 ms and 0.1 ms a token, a step of decodes 2 ms.

namespace {

std::vector<std::uint64_t> ids(std::uint64_t first, std::uint32_t count) {
  std::vector<std::uint64_t> all(count);
  std::iota(all.begin(), all.end(), first);
  return all;
}

SmallCluster apart(policy::RouterKind kind) {
  return {.rules = policy::VllmSpec{.max_num_seqs = 8, .max_num_batched_tokens = 1024},
          .blocks = 400,
          .depth = 1,
          .caching = kv::PrefixCacheSpec{},
          .routing = policy::RouterSpec{.kind = kind, .view = policy::PrefixView::Events},
          .decode_instances = 1,
          .bandwidth = BytesPerSecond{1e9},
          .bytes_per_token = Bytes{1e4},
          .setup = Seconds{1e-3}};
}

double bytes_out_of(const Played& played, const std::string& endpoint) {
  double bytes = 0;
  for (const engine::LinkUse& link : played.links) {
    if (link.link == endpoint + " up") bytes += link.carried.value();
  }
  return bytes;
}

}  // namespace

TEST_CASE("conductor R5: a prompt that the decode side lacks less of than nonCachedTokens skips the prefill pool") {
  // The first request leaves its 96 full tokens of 100 on the decode side. The second asks for the same 100: 4 are
  // missing there, fewer than 16. The third shares 64 with them: 36 are missing.
  SmallCluster cluster = apart(policy::RouterKind::PrefixAware);
  cluster.non_cached_tokens = 16;
  std::vector<std::uint64_t> shares = ids(1, 4);
  for (const std::uint64_t id : ids(50, 3)) shares.push_back(id);
  const Played played =
      play_split(cluster, {{0, 100, 3, ids(1, 7)}, {500 * kMs, 100, 3, ids(1, 7)}, {900 * kMs, 100, 3, shares}});
  REQUIRE(played.requests.size() == 3);
  CHECK(played.requests[0].prefill_instance.index() == 0);
  CHECK(played.requests[1].prefill_instance.index() == 1);
  CHECK(played.requests[2].prefill_instance.index() == 0);
  for (const auto& request : played.requests) CHECK(request.decode_instance.index() == 1);
  // At once in a step of 4 prompt tokens; no hand-off.
  CHECK(played.requests[1].cached_tokens == 96);
  CHECK(played.requests[1].ttft() == ms(1.4));
  CHECK(played.requests[1].kv_transfer == SimTime{});
  CHECK(played.requests[1].latency() == ms(1.4 + 2 * 2));
  // Prompts on the prefill side: the first one's 100, the third's 36 behind what it shares. The decode side computes
  // the last token of both again, and the second's 4.
  CHECK(played.meters[0].prefill_tokens == 100 + 36);
  CHECK(played.meters[1].prefill_tokens == 4);
  // KV of 100 tokens, and of 36 that the decode side has not: 10 kB each.
  CHECK(bytes_out_of(played, "e0") == doctest::Approx(136e4).epsilon(1e-9));  // whole bytes
}

TEST_CASE("conductor: routers that know no caches let only short prompts skip the prefill pool") {
  SmallCluster cluster = apart(policy::RouterKind::LeastOutstandingTokens);
  cluster.routing = policy::RouterSpec{.kind = policy::RouterKind::LeastOutstandingTokens};
  cluster.non_cached_tokens = 16;
  const Played played = play_split(cluster, {{0, 15, 2}, {500 * kMs, 16, 2}});
  CHECK(played.requests[0].prefill_instance.index() == 1);
  CHECK(played.requests[1].prefill_instance.index() == 0);
}

TEST_CASE("conductor: of more decodes than a step takes the others are expected to wait with their contexts") {
  // Two attention ranks of 4 places: of 20 requests with 2,000 tokens 8 run, 4 and 400 tokens a rank.
  const FormulaCost cost([](const cost::StepShape& shape) {
    return std::int64_t{shape.decodes} * kMs + static_cast<std::int64_t>(shape.decode_context);
  });
  const serving::StepForecast forecast(cost, policy::VllmSpec{.max_num_seqs = 4, .max_num_batched_tokens = 64}, 2);
  CHECK(forecast.decode_step(20, 2000) == SimTime{4 * kMs + 400});
  CHECK(forecast.decode_step(6, 600) == SimTime{3 * kMs + 300});
}

TEST_CASE("conductor R4: the beginning of a hot prompt is copied to an idle instance over the network") {
  // Two prefill instances. The first request of 512 tokens runs on instance 0. Then a long one with nothing in common
  // keeps that busy for 101 ms, as instance 0 is again the first of equals; the third asks for the first prompt again.
  // On instance 1: 32 blocks are copied: 1 ms and 512 tokens of 10 kB at 1 GB/s, 5.12 ms, then 16 tokens in 2.6 ms.
  SmallCluster cluster = apart(policy::RouterKind::Mooncake);
  cluster.instances = 2;
  cluster.routing->copy_threshold = 2.0;
  const Played played = play_split(
      cluster, {{0, 512, 2, ids(1, 32)}, {500 * kMs, 1000, 2, ids(100, 62)}, {501 * kMs, 512, 2, ids(1, 32)}});
  REQUIRE(played.requests.size() == 3);
  CHECK(played.requests[0].prefill_instance.index() == 0);
  CHECK(played.requests[1].prefill_instance.index() == 0);
  CHECK(played.requests[2].prefill_instance.index() == 1);
  CHECK(played.requests[2].cached_tokens == 496);
  CHECK(played.requests[2].prefill == ms(1 + 1.6));
  CHECK(played.requests[2].queue == ms(1 + 5.12));
  CHECK(played.meters[1].cached.copied_blocks == 32);
}

TEST_CASE("conductor: who is expected late is turned away when it comes and everybody else is served") {
  // TTFT target 1 s, TPOT 100 ms: a prompt of 1,000 tokens takes 101 ms, alone in its step of at most 1,024. Of 30 that
  // come at once each waits for those before it: the tenth ends after 1.01 s. Nine are let in, 21 turned away.
  SmallCluster cluster = apart(policy::RouterKind::Mooncake);
  cluster.decode_instances = 0;
  cluster.routing->reject = true;
  std::vector<ScriptedSource::Row> rows;
  for (std::uint32_t i = 0; i < 30; ++i) rows.push_back({0, 1000, 1, ids(1000 * (i + 1), 62)});
  const Played played = play_split(cluster, rows);
  const metrics::Recorder& recorder = *played.recorder;
  CHECK(recorder.finished == 9);
  CHECK(recorder.gone.rejected == 21);
  CHECK(recorder.finished + recorder.gone.requests() == rows.size());
  for (const auto& request : played.requests) CHECK(request.ttft() <= SimTime{1'000'000'000});
}
