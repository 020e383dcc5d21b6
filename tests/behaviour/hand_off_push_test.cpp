#include "tests/support/small_cluster.hpp"

#include <doctest/doctest.h>

#include <variant>
#include <vector>

using namespace tokenyard;
using namespace tokenyard::test;

// Ways to hand a KV cache over, worked out by hand on the cluster of hand_off_test.cpp: a step with prompt chunks takes
// 1 ms and 0.1 ms a token, a step of decodes 2 ms. KV: 1 MB a token, 1 ms of set-up, links of 1 GB/s, so 1 ms a token.

namespace {

constexpr std::int64_t kMs = 1'000'000;

SimTime ms(double milliseconds) { return SimTime::from(Seconds{milliseconds * 1e-3}); }

Played play_split(const SmallCluster& cluster, std::vector<ScriptedSource::Row> rows) {
  ScriptedSource source{std::move(rows)};
  const FormulaCost cost([](const cost::StepShape& shape) {
    return shape.prefill_tokens > 0 ? kMs + kMs / 10 * std::int64_t{shape.prefill_tokens} : 2 * kMs;
  });
  return play(cluster, source, cost);
}

SmallCluster pushing() { return {.depth = 1, .log_steps = true, .decode_instances = 1, .push = true}; }

SmallCluster streaming(std::uint32_t layers) {
  SmallCluster cluster = pushing();
  cluster.with_prefill = true;
  cluster.layers = layers;
  return cluster;
}

/// Bytes that left the senders' NICs.
double sent(const Played& played) {
  double bytes = 0.0;
  for (const engine::LinkUse& link : played.links) {
    if (link.link.ends_with(" up")) bytes += link.carried.value();
  }
  return bytes;
}

}  // namespace

TEST_CASE("hand-off: a push to an idle decode side takes as long as a pull") {
  const Played played = play_split(pushing(), {{5 * kMs, 20, 4}});
  CHECK(played.requests.at(0).kv_transfer == ms(21));
  CHECK(played.requests.at(0).last_token == ms(37));
}

TEST_CASE("hand-off: a push goes on while the decode side is full") {
  // 4 blocks a side, as in the test of a full decode side. A(48,10) is prefilled until 5.8 and sent until 54.8; B(20,2)
  // is prefilled from then until 57.8 and sent until 57.8 + 21 = 78.8, though A keeps the decode side's blocks until
  // its tenth token at 56.8 + 9 * 2 = 74.8. Its tokens: 80.8 and 82.8.
  SmallCluster cluster = pushing();
  cluster.blocks = 4;
  const Played played = play_split(cluster, {{0, 48, 10}, {1 * kMs, 20, 2}});
  const auto& b = played.requests.at(1);
  CHECK(b.kv_wait == ms(74.8 - 57.8));
  CHECK(b.kv_transfer == ms(78.8 - 74.8));
  CHECK(b.first_token == ms(80.8));
  CHECK(b.last_token == ms(82.8));
}

TEST_CASE("hand-off: KV that was there before its blocks takes no further time") {
  // The same with 17 tokens for A, until 56.8 + 16 * 2 = 88.8: B's KV is there since 78.8.
  SmallCluster cluster = pushing();
  cluster.blocks = 4;
  const Played played = play_split(cluster, {{0, 48, 17}, {1 * kMs, 20, 2}});
  const auto& b = played.requests.at(1);
  CHECK(b.kv_wait == ms(88.8 - 57.8));
  CHECK(b.kv_transfer == ms(0));
  CHECK(b.first_token == ms(90.8));
  // The prefill side's 3 + 2 blocks: from admission until the KV has left.
  CHECK(played.meters[0].block_ns() == doctest::Approx((3.0 * 54.8 + 2.0 * (78.8 - 54.8)) * kMs));
}

namespace {

/// A(20,30) is prefilled until 3, its KV is there at 3 + 0.1 + 0.2 = 3.3, its steps end at 5.3, 7.3, 9.3 and so on.
/// B(20,2) comes at 3 and is prefilled until 6: its KV could be there at 6.3.
metrics::RequestRecord beside_a_decode(SmallCluster cluster) {
  cluster.bandwidth = BytesPerSecond{100e9};
  cluster.setup = Seconds{1e-4};
  return play_split(cluster, {{0, 20, 30}, {3 * kMs, 20, 2}}).requests.at(1);
}

}  // namespace

TEST_CASE("hand-off: KV that was pushed before a step is composed joins that step") {
  const metrics::RequestRecord b = beside_a_decode(pushing());
  CHECK(b.kv_wait == ms(1.3));
  CHECK(b.kv_transfer == ms(0));
  CHECK(b.decode_wait == ms(0));
  CHECK(b.first_token == ms(9.3));
}

TEST_CASE("hand-off: KV that came layer by layer before a step is composed joins that step") {
  // The last of 4 layers' 5 MB follow the step's end in 0.05 ms: A's steps end at 5.05, 7.05 and 9.05.
  const metrics::RequestRecord b = beside_a_decode(streaming(4));
  CHECK(b.kv_transfer == ms(0));
  CHECK(b.first_token == ms(9.05));
}

TEST_CASE("hand-off: KV that is pulled when a step is composed joins the next one") {
  SmallCluster cluster = pushing();
  cluster.push = false;
  const metrics::RequestRecord b = beside_a_decode(cluster);
  CHECK(b.kv_transfer == ms(0.3));
  CHECK(b.first_token == ms(11.3));
}

TEST_CASE("hand-off: layers that follow the prefill leave only the last one when the network is fast") {
  // Prefill 5 to 8, 4 layers, 100 GB/s: the first 15 MB are gone before 8, the last 5 MB take 0.05 ms.
  SmallCluster cluster = streaming(4);
  cluster.bandwidth = BytesPerSecond{100e9};
  const Played played = play_split(cluster, {{5 * kMs, 20, 4}});
  CHECK(played.requests.at(0).kv_wait == ms(0));
  CHECK(played.requests.at(0).kv_transfer == ms(0.05));
  CHECK(played.requests.at(0).first_token == ms(10.05));
}

TEST_CASE("hand-off: layers that follow the prefill keep a slow network busy from the first on") {
  // The first layer is done at 5 + 3/4, set-up at 6; 20 MB from then on: 26.
  const Played played = play_split(streaming(4), {{5 * kMs, 20, 4}});
  CHECK(played.requests.at(0).kv_transfer == ms(26 - 8));
  CHECK(sent(played) == 20e6);
}

TEST_CASE("hand-off: a chunk's KV follows its own step") {
  // 100 tokens in steps of 64: 0 to 7.4 and 7.4 to 12. One layer: 64 MB from 7.4, 36 more from 12, the link never rests
  // until 7.4 + 100 = 107.4.
  const Played played = play_split(streaming(1), {{0, 100, 2}});
  CHECK(played.requests.at(0).prefill == ms(12));
  CHECK(played.requests.at(0).kv_transfer == ms(107.4 - 12));
  CHECK(sent(played) == 100e6);
}

TEST_CASE("hand-off: operations that are posted slowly hold the transfer up") {
  // 5 operations 10 ms apart: 1 + 50.
  SmallCluster cluster = pushing();
  cluster.chunk_tokens = 4;
  cluster.per_chunk = Seconds{10e-3};
  CHECK(play_split(cluster, {{5 * kMs, 20, 4}}).requests.at(0).kv_transfer == ms(51));
}

TEST_CASE("hand-off: operations that are posted faster than the wire carries them cost nothing") {
  // 5 operations 1 ms apart are posted at 14, the wire takes 1 + 20.
  SmallCluster cluster = pushing();
  cluster.chunk_tokens = 4;
  cluster.per_chunk = Seconds{1e-3};
  CHECK(play_split(cluster, {{5 * kMs, 20, 4}}).requests.at(0).kv_transfer == ms(21));
}

TEST_CASE("hand-off: prompts that are preempted and computed again are sent once") {
  // Prompts of 40 share 5 blocks of 16: the later one loses its blocks in the middle. Whatever the order, 160 MB leave.
  SmallCluster cluster = streaming(3);
  cluster.blocks = 5;
  std::get<policy::VllmSpec>(cluster.rules).max_num_batched_tokens = 24;
  const Played played = play_split(cluster, {{0, 40, 3}, {0, 40, 3}, {2 * kMs, 40, 3}, {3 * kMs, 40, 3}});
  CHECK(played.requests.size() == 4);
  CHECK(sent(played) == doctest::Approx(160e6).epsilon(1e-6));  // flows are of whole bytes
  for (const metrics::RequestRecord& r : played.requests) CHECK(r.kv_transfer >= ms(0));
}
