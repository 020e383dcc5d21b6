#include "tests/support/split_cluster.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

using namespace tokenyard;
using namespace tokenyard::test;

// Prefill and decode apart as TensorRT-LLM and SGLang do it, worked out by hand. As in hand_off_test: a step with
// prompt chunks takes 1 ms and 0.1 ms a token, a step of decodes 2 ms. KV: 1 MB a token, 1 ms of set-up. One step in
// flight.

namespace {

SmallCluster trtllm() { return {.rules = policy::TrtllmSpec{}, .depth = 1, .decode_instances = 1}; }
SmallCluster sglang(const policy::SglangSpec& rules) {
  return {.rules = rules, .depth = 1, .decode_instances = 1, .decode_first = true};
}

}  // namespace

TEST_CASE("TensorRT-LLM hand-off: the first token comes with the KV and only the others are computed there") {
  // Prefill 5 to 8, set-up to 9, 20 MB until 29: first token at 29, and three steps of 2 for the others.
  const Played played = play_split(trtllm(), {{5 * kMs, 20, 4}});
  const metrics::RequestRecord& r = played.requests.at(0);
  CHECK(r.prefill == ms(3));
  CHECK(r.kv_wait == ms(0));
  CHECK(r.kv_transfer == ms(21));
  CHECK(r.decode_wait == ms(0));
  CHECK(r.first_token == ms(29));
  CHECK(r.last_token == ms(35));
  CHECK(r.decode == ms(6));
  CHECK(played.meters[1].decode_tokens == 3);
  CHECK(played.meters[1].gaps().count() == 3);
  CHECK(played.meters[1].gaps().mean().value() == doctest::Approx(0.002).epsilon(1e-12));
}

TEST_CASE("TensorRT-LLM hand-off: an answer of one token ends when its KV has come") {
  const Played played = play_split(trtllm(), {{5 * kMs, 20, 1}});
  CHECK(played.requests.at(0).first_token == ms(29));
  CHECK(played.requests.at(0).last_token == ms(29));
  CHECK(played.meters[1].decode_tokens == 0);
}

TEST_CASE("TensorRT-LLM hand-off: one that comes in the midst of a step joins at its end") {
  // A(20,10) as above: first token at 24, steps end at 26, 28, ... B(2,3) comes at 23: prefill until 24.2. It gets
  // blocks at 26, its KV is there after set-up and 2 MB at 29. The step that ends at 30 takes it over; its other tokens
  // come at 32 and 34.
  const Played played = play_split(trtllm(), {{0, 20, 10}, {23 * kMs, 2, 3}});
  CHECK(played.requests.at(0).first_token == ms(24));
  const metrics::RequestRecord& r = played.requests.at(1);
  CHECK(r.kv_wait == ms(1.8));
  CHECK(r.kv_transfer == ms(3));
  CHECK(r.decode_wait == ms(1));
  CHECK(r.first_token == ms(30));
  CHECK(r.last_token == ms(34));
}

TEST_CASE("TensorRT-LLM hand-off: two steps deep the gap after a first token runs over the step in flight") {
  // At 30 one step is in flight until 32; B joins the one behind it, until 34, and has its last token at 36. Gaps of B
  // are 4 and 2, those of A, whose 10 tokens come from 24 to 42, nine of 2.
  SmallCluster cluster = trtllm();
  cluster.depth = 2;
  const Played played = play_split(cluster, {{0, 20, 10}, {23 * kMs, 2, 3}});
  CHECK(played.requests.at(1).first_token == ms(30));
  CHECK(played.requests.at(1).last_token == ms(36));
  const metrics::SpanHistogram& gaps = played.meters[1].gaps();
  CHECK(gaps.count() == 11);
  CHECK(gaps.mean().value() * 11 == doctest::Approx(9 * 0.002 + 0.006).epsilon(1e-12));
}

TEST_CASE("SGLang hand-off: the decode side has room before the prefill starts and every chunk goes over at its end") {
  // Chunks of 8, 8 and 4 end at 1.8, 3.6 and 5. The first 8 MB leave after the set-up at 2.8 and take until 10.8; what
  // follows at 3.6 and 5 is on the same link, which is busy with 20 MB until 22.8.
  SmallCluster cluster = sglang({.chunked_prefill_size = 8});
  cluster.block_tokens = 8;
  const Played played = play_split(cluster, {{0, 20, 4}});
  const metrics::RequestRecord& r = played.requests.at(0);
  CHECK(r.queue == ms(0));
  CHECK(r.prefill == ms(5));
  CHECK(r.kv_wait == ms(0));
  CHECK(r.kv_transfer == ms(17.8));
  CHECK(r.first_token == ms(22.8));
  CHECK(r.last_token == ms(28.8));
  CHECK(played.meters[1].decode_tokens == 3);
}

TEST_CASE("sglang S14: full pages leave with their chunk and the rest with the last one") {
  // P = 32, pages of 8, chunks of 8, 12 and 12 (only the first cut of a prompt falls on a page): they end at 1.8, 4 and
  // 6.2. Links of 10 MB/ms: 8 MB from 2.8 to 3.6, 8 more (of 20 tokens 16 are full pages) from 4 to 4.8, 16 from 6.2 to
  // 7.8. Were the 4 tokens of the cut page sent with the second chunk, the last would be 12 and there at 7.4.
  SmallCluster cluster = sglang({.chunked_prefill_size = 12});
  cluster.block_tokens = 8;
  cluster.bandwidth = BytesPerSecond{1e10};
  const metrics::RequestRecord r = play_split(cluster, {{0, 32, 2}}).requests.at(0);
  CHECK(r.prefill == ms(6.2));
  CHECK(r.kv_transfer == ms(1.6));
}

TEST_CASE("SGLang hand-off: what finds no room on the decode side is not computed on the other") {
  // A pool of 48 tokens there, 4 reserved for each request: two prompts of 10 that may produce 8 find room (S13), the
  // third after one of them has ended.
  SmallCluster cluster = sglang({.chunked_prefill_size = 64, .num_reserved_decode_tokens = 4});
  cluster.block_tokens = 1;
  cluster.blocks = 40;
  const Played played = play_split(cluster, {{0, 10, 8}, {0, 10, 8}, {0, 10, 8}});
  const auto& r = played.requests;
  CHECK(r.at(0).queue == ms(0));
  CHECK(r.at(1).admitted < std::min(r.at(0).last_token, r.at(1).last_token));
  CHECK(r.at(2).admitted >= std::min(r.at(0).last_token, r.at(1).last_token));
}

TEST_CASE("SGLang hand-off: who goes away while the KV travels leaves nothing behind on either side") {
  // Prefill until 3, KV until 24. A gives up at 10, when its blocks on both sides are held; B at 1, in the prefill
  // step; what ended is counted, every block is free at the end (Serving::finish asks), and C is served as if alone
  // later.
  SmallCluster cluster = sglang({.chunked_prefill_size = 64});
  const workloads::Patience at_10{.first_token = SimTime{10 * kMs}};
  const workloads::Patience at_1{.first_token = SimTime{1 * kMs}};
  const Played played =
      play_split(cluster, {{0, 20, 4, {}, 0, 0, at_10}, {0, 20, 4, {}, 0, 0, at_1}, {100 * kMs, 20, 4}});
  CHECK(played.requests.size() == 1);
  CHECK(played.recorder->finished == 1);
  CHECK(played.requests.at(0).first_token - played.requests.at(0).arrival == ms(24));
}
