#include "sim/policy/rank_balance.hpp"
#include "tests/support/rank_bench.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace tokenyard;
using policy::CapacityPolicy;
using policy::ChunkingPolicy;
using policy::TrtllmSpec;
using tokenyard::test::RankBench;

// Small cases of TensorRT-LLM's scheduler worked out by hand; docs/engines.md gives the rule behind each and its
// source. Blocks of 4 tokens. "A(6,4)" is a request of 6 prompt and 4 output tokens, which is also the most its call
// allows unless said. One step in flight unless said. There is no block reuse.

TEST_CASE("trtllm T1: admission reserves the blocks of prompt and most output") {
  // 6 blocks. A and B reserve ceil(10 / 4) = 3 each, of which they hold 2; C needs 1 and none is left unpromised.
  RankBench bench(TrtllmSpec{.max_num_tokens = 16}, 6);
  bench.add(6, 4);
  bench.add(6, 4);
  bench.add(2, 2);
  CHECK(bench.step() == "A6 B6 | free 2 | running AB | waiting C | first AB");
  CHECK(bench.step() == "A1 B1 | free 2 | running AB | waiting C");
  CHECK(bench.step() == "A1 B1 | free 2 | running AB | waiting C");
  CHECK(bench.step() == "A1 B1 | free 6 | waiting C | ended AB");
  CHECK(bench.step() == "C2 | free 5 | running C | first C");
  CHECK(bench.step() == "C1 | free 6 | ended C");
}

TEST_CASE("trtllm T2: for utilisation a request needs blocks for one step only") {
  RankBench bench(TrtllmSpec{.max_num_tokens = 16, .capacity_scheduler_policy = CapacityPolicy::MaxUtilization}, 6);
  bench.add(6, 4);
  bench.add(6, 4);
  bench.add(2, 2);
  CHECK(bench.step() == "A6 B6 C2 | free 1 | running ABC | first ABC");
  CHECK(bench.step() == "A1 B1 C1 | free 2 | running AB | ended C");
  CHECK(bench.step() == "A1 B1 | free 2 | running AB");
  CHECK(bench.step() == "A1 B1 | free 6 | ended AB");
}

TEST_CASE("trtllm T3: for utilisation the last started is paused when a block is missing") {
  // 5 blocks. In step 2 both need a third and one is free: B is paused with 1 token. It needs ceil(9 / 4) = 3 blocks
  // and 2 are free until A ends; then it computes prompt and token anew.
  RankBench bench(TrtllmSpec{.max_num_tokens = 16, .capacity_scheduler_policy = CapacityPolicy::MaxUtilization}, 5);
  bench.add(8, 6);
  bench.add(8, 6);
  CHECK(bench.step() == "A8 B8 | free 1 | running AB | first AB");
  CHECK(bench.step() == "A1 | free 2 | running A | waiting B | preempted B");
  CHECK(bench.step() == "A1 | free 2 | running A | waiting B");
  CHECK(bench.step() == "A1 | free 2 | running A | waiting B");
  CHECK(bench.step() == "A1 | free 2 | running A | waiting B");
  CHECK(bench.step() == "A1 | free 5 | waiting B | ended A");
  CHECK(bench.step() == "B9 | free 2 | running B");
  CHECK(bench.step() == "B1 | free 2 | running B");
  CHECK(bench.step() == "B1 | free 2 | running B");
  CHECK(bench.step() == "B1 | free 2 | running B");
  CHECK(bench.step() == "B1 | free 5 | ended B");
}

TEST_CASE("trtllm T3: without eviction the same two run one after the other") {
  // Each reserves ceil(14 / 4) = 4 of 5 blocks.
  RankBench bench(TrtllmSpec{.max_num_tokens = 16}, 5);
  bench.add(8, 6);
  bench.add(8, 6);
  CHECK(bench.step() == "A8 | free 3 | running A | waiting B | first A");
  for (int i = 0; i < 4; ++i) CHECK(bench.step() == "A1 | free 2 | running A | waiting B");
  CHECK(bench.step() == "A1 | free 5 | waiting B | ended A");
  CHECK(bench.step() == "B8 | free 3 | running B | first B");
  for (int i = 0; i < 4; ++i) CHECK(bench.step() == "B1 | free 2 | running B");
  CHECK(bench.step() == "B1 | free 5 | ended B");
}

TEST_CASE("trtllm T4: without chunks a prompt waits until all of it fits and blocks those behind it") {
  RankBench bench(TrtllmSpec{.max_num_tokens = 8}, 20);
  bench.add(6, 3);
  bench.add(6, 2);
  bench.add(2, 2);
  CHECK(bench.step() == "A6 | free 18 | running A | waiting BC | first A");
  CHECK(bench.step() == "A1 B6 | free 16 | running AB | waiting C | first B");
  CHECK(bench.step() == "A1 B1 C2 | free 19 | running C | first C | ended AB");
  CHECK(bench.step() == "C1 | free 20 | ended C");
}

TEST_CASE("trtllm T5: a prompt that is cut gets whole blocks only") {
  // 12 tokens: A takes 10, and of the 2 left B gets none.
  RankBench bench(TrtllmSpec{.max_num_tokens = 12, .enable_chunked_prefill = true}, 20);
  bench.add(10, 2);
  bench.add(9, 2);
  CHECK(bench.step() == "A10 | free 17 | running A | waiting B | first A");
  CHECK(bench.step() == "A1 B9 | free 17 | running B | first B | ended A");
  CHECK(bench.step() == "B1 | free 20 | ended B");
}

TEST_CASE("trtllm T5b: what is too little for a block of one prompt goes to a shorter one behind it") {
  RankBench bench(TrtllmSpec{.max_num_tokens = 12, .enable_chunked_prefill = true}, 20);
  bench.add(10, 2);
  bench.add(9, 2);
  bench.add(2, 2);
  CHECK(bench.step() == "A10 C2 | free 16 | running AC | waiting B | first AC");
  CHECK(bench.step() == "A1 B9 C1 | free 17 | running B | first B | ended AC");
}

TEST_CASE("trtllm T6: equal progress gives a block to each prompt in turn") {
  // 12 tokens, blocks of 4: A B A. All blocks of a prompt are taken with its first chunk.
  RankBench bench(TrtllmSpec{.max_num_tokens = 12,
                             .enable_chunked_prefill = true,
                             .context_chunking_policy = ChunkingPolicy::EqualProgress},
                  20);
  bench.add(10, 2);
  bench.add(9, 2);
  CHECK(bench.step() == "A8 B4 | free 14 | running AB");
  CHECK(bench.step() == "A2 B5 | free 14 | running AB | first AB");
  CHECK(bench.step() == "A1 B1 | free 20 | ended AB");
}

TEST_CASE("trtllm T7: those that generate have their token before prompts get theirs") {
  RankBench bench(TrtllmSpec{.max_num_tokens = 9, .enable_chunked_prefill = true}, 20);
  bench.add(4, 5);
  CHECK(bench.step() == "A4 | free 19 | running A | first A");
  bench.add(20, 2);
  CHECK(bench.step() == "A1 B8 | free 13 | running AB");
  CHECK(bench.step() == "A1 B8 | free 13 | running AB");
  CHECK(bench.step() == "A1 B4 | free 13 | running AB | first B");
  CHECK(bench.step() == "A1 B1 | free 20 | ended AB");
}

TEST_CASE("trtllm T8: the batch has a largest size") {
  RankBench bench(TrtllmSpec{.max_batch_size = 2}, 20);
  bench.add(4, 2);
  bench.add(4, 2);
  bench.add(4, 2);
  CHECK(bench.step() == "A4 B4 | free 18 | running AB | waiting C | first AB");
  CHECK(bench.step() == "A1 B1 | free 20 | waiting C | ended AB");
  CHECK(bench.step() == "C4 | free 19 | running C | first C");
  CHECK(bench.step() == "C1 | free 20 | ended C");
}

TEST_CASE("trtllm T9: the reservation is for what the call allows and not for what comes") {
  // A(4) may produce 12 and reserves 4 of 5 blocks, though it ends after 2 tokens. B needs 2.
  RankBench bench(TrtllmSpec{}, 5);
  bench.add(4, 2, {.most_output = 12});
  bench.add(4, 4);
  CHECK(bench.step() == "A4 | free 4 | running A | waiting B | first A");
  CHECK(bench.step() == "A1 | free 5 | waiting B | ended A");
  CHECK(bench.step() == "B4 | free 4 | running B | first B");
  CHECK(bench.step() == "B1 | free 3 | running B");
  CHECK(bench.step() == "B1 | free 3 | running B");
  CHECK(bench.step() == "B1 | free 5 | ended B");
}

TEST_CASE("trtllm T12: prompts wait for a fuller step while others generate") {
  // 8 tokens, ratio 0.5: 1 + 2 tokens are fewer than 4, so B waits for two steps and runs in the third.
  RankBench bench(TrtllmSpec{.max_num_tokens = 8, .batch_wait_timeout_iters = 2, .batch_wait_max_tokens_ratio = 0.5},
                  20);
  bench.add(4, 10);
  CHECK(bench.step() == "A4 | free 19 | running A | first A");
  bench.add(2, 10);
  CHECK(bench.step() == "A1 | free 18 | running A | waiting B");
  CHECK(bench.step() == "A1 | free 18 | running A | waiting B");
  CHECK(bench.step() == "A1 B2 | free 17 | running AB | first B");
}

TEST_CASE("trtllm T12: a step that is full enough does not wait") {
  RankBench bench(TrtllmSpec{.max_num_tokens = 8, .batch_wait_timeout_iters = 2, .batch_wait_max_tokens_ratio = 0.5},
                  20);
  bench.add(4, 10);
  CHECK(bench.step() == "A4 | free 19 | running A | first A");
  bench.add(3, 10);
  CHECK(bench.step() == "A1 B3 | free 17 | running AB | first B");
}

TEST_CASE("trtllm: two steps deep a request whose last token is in flight leaves its place in the batch") {
  // One place. A(4,2) has both its tokens composed in calls 1 and 2; it is not scheduled again, so B starts in call 3,
  // while A still holds its blocks.
  RankBench bench(TrtllmSpec{.max_batch_size = 1}, 20, 2);
  bench.add(4, 2);
  bench.add(4, 1);
  CHECK(bench.step() == "A4 | free 19 | running A | waiting B");
  CHECK(bench.step() == "A1 | free 18 | running A | waiting B | first A");
  CHECK(bench.step() == "B4 | free 19 | running B | ended A");
}

TEST_CASE("trtllm: a call that allows more than the pool holds reserves all of it") {
  RankBench bench(TrtllmSpec{}, 5);
  bench.add(4, 2, {.most_output = 1'000});
  CHECK(bench.step() == "A4 | free 4 | running A | first A");
}

TEST_CASE("trtllm: only prompts of at most max_num_tokens are taken whole") {
  CHECK(policy::longest_prompt(TrtllmSpec{.max_num_tokens = 64}) == 64);
  CHECK_FALSE(policy::longest_prompt(TrtllmSpec{.max_num_tokens = 64, .enable_chunked_prefill = true}));
  CHECK_FALSE(policy::longest_prompt(policy::VllmSpec{}));
}

// ---------------------------------------------------------------- block reuse: ids name blocks of 4

TEST_CASE("trtllm T10: a prompt whose next block is being computed is passed over and then finds it") {
  RankBench bench(TrtllmSpec{}, 20, 1, 4, false, kv::PrefixCacheSpec{});
  bench.add(9, 3, {.ids = {1, 2}});
  bench.add(9, 3, {.ids = {1, 2}});
  bench.add(4, 3, {.ids = {7}});  // behind B, but nothing in its way
  CHECK(bench.step() == "A9 C4 | free 16 | running AC | waiting B | first AC");
  CHECK(bench.step() == "A1 B8+1 C1 | free 14 | running ACB | first B");
  CHECK(bench.step() == "A1 B1 C1 | free 17 | running B | ended AC");
  CHECK(bench.step() == "B1 | free 20 | ended B");
}

TEST_CASE("trtllm: prompts of one step do not share what neither has computed") {
  // The first blocks differ, so nobody is passed over.
  RankBench bench(TrtllmSpec{}, 20, 1, 4, false, kv::PrefixCacheSpec{});
  bench.add(8, 1, {.ids = {1, 2}});
  bench.add(8, 1, {.ids = {5, 6}});
  CHECK(bench.step() == "A8 B8 | free 20 | first AB | ended AB");
}

TEST_CASE("trtllm: of a prompt that is there in full one token is computed in a copy of its last block") {
  // vLLM would compute the last block again.
  RankBench bench(TrtllmSpec{}, 20, 1, 4, false, kv::PrefixCacheSpec{});
  bench.add(8, 1, {.ids = {1, 2}});
  CHECK(bench.step() == "A8 | free 20 | first A | ended A");
  bench.add(8, 2, {.ids = {1, 2}});
  CHECK(bench.step() == "B7+1 | free 18 | running B | first B");
  CHECK(bench.step() == "B1 | free 20 | ended B");
}

TEST_CASE("trtllm T11: prompts wait for the other attention ranks until the timeout") {
  // Timeout 3. One rank has a prompt and the other none, and both generate: withheld twice, released the third time.
  policy::RankBalance balance({.attention_dp_timeout_iters = 3, .attention_dp_batching_wait_iters = 0});
  const policy::RankBalance::Ranks one{.all_start = false, .all_generate = true};
  CHECK(balance.holds(one));
  CHECK(balance.holds(one));
  CHECK_FALSE(balance.holds(one));
  // The count starts anew, and a step in which all have a prompt takes it back.
  CHECK(balance.holds(one));
  CHECK_FALSE(balance.holds({.all_start = true, .all_generate = true}));
  CHECK(balance.holds(one));
  CHECK(balance.holds(one));
  CHECK_FALSE(balance.holds(one));
}

TEST_CASE("trtllm T11b: when all ranks have prompts they wait for more of them") {
  policy::RankBalance balance({.attention_dp_timeout_iters = 3, .attention_dp_batching_wait_iters = 2});
  const policy::RankBalance::Ranks all{};
  CHECK(balance.holds(all));
  CHECK(balance.holds(all));
  CHECK_FALSE(balance.holds(all));
  // Where one has nothing to generate nobody waits.
  CHECK_FALSE(balance.holds({.all_start = true, .all_generate = false}));
  CHECK_FALSE(balance.holds({.all_start = false, .all_generate = false}));
}

TEST_CASE("trtllm T11c: only ranks beside others wait for each other") {
  const policy::TrtllmSpec spec{.attention_dp_balance = true};
  CHECK(policy::rank_balance(spec, 8).has_value());
  CHECK_FALSE(policy::rank_balance(spec, 1).has_value());
  CHECK_FALSE(policy::rank_balance(policy::TrtllmSpec{}, 8).has_value());
  CHECK_FALSE(policy::rank_balance(policy::VllmSpec{}, 8).has_value());
}
