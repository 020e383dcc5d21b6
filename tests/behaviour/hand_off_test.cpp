#include "tests/support/split_cluster.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace tokenyard;
using namespace tokenyard::test;

// Prefill and decode apart, worked out by hand. Times in ms in the text, in ns in the code.
// A step with prompt chunks takes 1 ms and 0.1 ms a token, a step of decodes 2 ms. KV: 1 MB a token, 1 ms of set-up,
// links of 1 GB/s, so 1 ms a token. Blocks of 16 tokens; one step in flight.

namespace {

SmallCluster one_and_one() { return {.depth = 1, .log_steps = true, .decode_instances = 1}; }

}  // namespace

TEST_CASE("hand-off: every stamp and part of one request") {
  // Prefill 5 to 5 + 1 + 2.0 = 8. The decode side is idle and takes blocks at once: set-up to 9, 20 MB until 29. There
  // the last prompt token is one step of 2: first token at 31, the others at 33, 35, 37.
  const Played played = play_split(one_and_one(), {{5 * kMs, 20, 4}});
  const metrics::RequestRecord& r = played.requests.at(0);
  CHECK(r.admitted == ms(5));
  CHECK(r.first_token == ms(31));
  CHECK(r.last_token == ms(37));
  CHECK(r.queue == ms(0));
  CHECK(r.prefill == ms(3));
  CHECK(r.kv_wait == ms(0));
  CHECK(r.kv_transfer == ms(21));
  CHECK(r.decode_wait == ms(0));
  CHECK(r.preempted == ms(0));
  CHECK(r.decode == ms(8));
  CHECK(r.prefill_instance == InstanceId{0});
  CHECK(r.decode_instance == InstanceId{1});
  // The prefill side hands out nothing; the decode side has three gaps of 2 ms.
  CHECK(played.meters[0].gaps().count() == 0);
  CHECK(played.meters[1].gaps().count() == 3);
  CHECK(played.meters[1].gaps().mean().value() == doctest::Approx(0.002).epsilon(1e-12));
  CHECK(played.meters[0].prefill_tokens == 20);
  CHECK(played.meters[1].decode_tokens == 4);
}

TEST_CASE("hand-off: blocks are used on both sides while the KV travels") {
  // As above: 2 blocks of the prefill side from 5 until the KV has left at 29, 2 of the decode side from 8 until the
  // last token at 37 (23 tokens at most are in its cache).
  const Played played = play_split(one_and_one(), {{5 * kMs, 20, 4}});
  CHECK(played.meters[0].block_ns() == 2.0 * (29 - 5) * kMs);
  CHECK(played.meters[1].block_ns() == 2.0 * (37 - 8) * kMs);
  CHECK(played.meters[0].peak_blocks() == 2);
  // In a batch only while it computes: 3 ms there, 8 here; while its KV is on the way it waits here.
  CHECK(played.meters[0].running_ns() == 3.0 * kMs);
  CHECK(played.meters[1].running_ns() == 8.0 * kMs);
  CHECK(played.meters[1].waiting_ns() == 21.0 * kMs);
}

TEST_CASE("hand-off: a request whose KV is on the way counts where the next one chooses its rank") {
  // Two ranks a side, prompts of 20. A runs from 0 to 3; B comes at 1, to the other rank, and runs from 3 to 6. A's KV
  // travels from 4 to 24: at 6 rank 0 of the decode side has one that waits, so B goes to rank 1, and the flows share
  // no link: B's goes from 7 to 27.
  SmallCluster cluster = one_and_one();
  cluster.ranks = 2;
  const Played played = play_split(cluster, {{0, 20, 4}, {1 * kMs, 20, 4}});
  CHECK(played.requests.at(0).kv_transfer == ms(21));
  CHECK(played.requests.at(1).kv_transfer == ms(21));
}

TEST_CASE("hand-off: two transfers to one decode instance share its link") {
  // Prompts of 10 and 30 on two prefill instances end at 2 and 4, their flows start at 3 and 5. The first is alone for
  // 2 MB; its other 8 MB go at half speed until 5 + 16 = 21. By then the second has 8 of its 30 MB; 22 more alone
  // until 43.
  SmallCluster cluster = one_and_one();
  cluster.instances = 2;
  const Played played = play_split(cluster, {{0, 10, 2}, {0, 30, 1}});
  const auto& a = played.requests.at(0);
  const auto& b = played.requests.at(1);
  CHECK(a.kv_transfer == ms(21 - 2));
  CHECK(b.kv_transfer == ms(43 - 4));
  CHECK(a.first_token == ms(23));
  CHECK(a.last_token == ms(25));
  CHECK(b.last_token == ms(45));
}

TEST_CASE("hand-off: a full decode side leaves the KV where it is and its blocks pinned") {
  // 4 blocks on either side. A(48,10): prefill to 5.8, 3 blocks stay pinned until its KV has moved at 5.8 + 1 + 48
  // = 54.8; B(20,2), there since 1, needs 2 and starts its prefill only then: until 57.8. On the decode side A fills
  // its 3 blocks with its 48th token (first output at 56.8) and takes the 4th in the next step. So B waits until A's
  // tenth token, 56.8 + 9 * 2 = 74.8; then 1 + 20 until 95.8, tokens at 97.8 and 99.8. C(48,1) comes at 58. B's 2
  // pinned blocks leave 2 of 4, it needs 3: it waits until 95.8. Prefill until 101.6, transfer of 49 until 150.6, its
  // only token at 152.6.
  SmallCluster cluster = one_and_one();
  cluster.blocks = 4;
  const Played played = play_split(cluster, {{0, 48, 10}, {1 * kMs, 20, 2}, {58 * kMs, 48, 1}});
  const auto& a = played.requests.at(0);
  const auto& b = played.requests.at(1);
  const auto& c = played.requests.at(2);
  CHECK(a.kv_transfer == ms(49));
  CHECK(a.last_token == ms(74.8));
  CHECK(b.admitted == ms(54.8));
  CHECK(b.kv_wait == ms(74.8 - 57.8));
  CHECK(b.kv_transfer == ms(21));
  CHECK(b.first_token == ms(97.8));
  CHECK(b.last_token == ms(99.8));
  CHECK(c.admitted == ms(95.8));
  CHECK(c.prefill == ms(5.8));
  CHECK(c.kv_wait == ms(0));
  CHECK(c.last_token == ms(152.6));
}

TEST_CASE("hand-off: what the decode side preempts it prefills again itself") {
  // 5 blocks. A(30,20) and B(30,20) share the prefill step until 1 + 6 = 7 and the link until 8 + 60 = 68; first tokens
  // at 70 with 30 tokens computed, in 2 blocks each. In the step composed at 74 A's 33rd token takes the fifth block, B
  // finds none and is the last: preempted with 3 tokens given (70, 72, 74). It needs 3 blocks for 33 tokens, A leaves
  // 2: it waits for A's end at 70 + 19 * 2 = 108, prefills 33 tokens there until 112.3, its fourth token, and 16 more
  // until 144.3.
  SmallCluster cluster = one_and_one();
  cluster.blocks = 5;
  const Played played = play_split(cluster, {{0, 30, 20}, {0, 30, 20}});
  const auto& a = played.requests.at(0);
  const auto& b = played.requests.at(1);
  CHECK(a.preemptions == 0);
  CHECK(a.first_token == ms(70));
  CHECK(a.last_token == ms(108));
  CHECK(b.preemptions == 1);
  CHECK(b.first_token == ms(70));
  CHECK(b.last_token == ms(144.3));
  CHECK(b.prefill == ms(7));
  CHECK(b.kv_transfer == ms(61));
  CHECK(b.preempted == ms(108 - 74));
  CHECK(b.decode == ms(144.3 - 7 - 61 - 34));
  CHECK(played.meters[1].prefill_tokens == 33);
  // 19 gaps each, from the first to the last token of each: 38 ms and 74.3 ms.
  const metrics::SpanHistogram& gaps = played.meters[1].gaps();
  CHECK(gaps.count() == 38);
  CHECK(gaps.mean().value() * 38 == doctest::Approx(0.1123).epsilon(1e-12));
}

TEST_CASE("hand-off: a fetched request starts at once when the only running one gives up its blocks") {
  // One slot, 8 blocks of 4. A(12,20) and B(12,5) are prefilled until 2.2 and 4.4; flows from 3.2 and 5.4. A alone
  // moves 2.2 MB, the other 9.8 at half speed until 25; B then has 2.2 left: 27.2. A takes the slot at 25, B waits for
  // it with its 3 blocks. A: first token at 27 with 12 tokens, then one every 2; its 21st token, due in the step
  // composed at 43, needs a sixth block, and 5 + 3 are taken. It preempts itself, the step is empty, and the engine
  // composes again at once: B. B's tokens: 45 ... 53. Then A, 9 tokens given, prefills 21 until 53 + 3.1 = 56.1, and 10
  // more tokens until 76.1.
  SmallCluster cluster = one_and_one();
  std::get<policy::VllmSpec>(cluster.rules).max_num_seqs = 1;
  cluster.blocks = 8;
  cluster.block_tokens = 4;
  const Played played = play_split(cluster, {{0, 12, 20}, {0, 12, 5}});
  const auto& a = played.requests.at(0);
  const auto& b = played.requests.at(1);
  CHECK(a.kv_transfer == ms(25 - 2.2));
  CHECK(b.kv_transfer == ms(27.2 - 4.4));
  CHECK(a.first_token == ms(27));
  CHECK(b.decode_wait == ms(43 - 27.2));
  CHECK(b.first_token == ms(45));
  CHECK(b.last_token == ms(53));
  CHECK(a.preempted == ms(53 - 43));
  CHECK(a.last_token == ms(76.1));
}
