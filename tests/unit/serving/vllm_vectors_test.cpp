#include "models/base/errors.hpp"
#include "tests/support/rank_bench.hpp"
#include "tests/support/small_cluster.hpp"

#include <doctest/doctest.h>

using namespace tokenyard;
using tokenyard::test::RankBench;

// Small cases of vLLM's v1 scheduler worked out by hand; docs/engines.md gives the rule behind each and its source.
// Blocks of 4 tokens. "A(6,3)" is a request of 6 prompt and 3 output tokens; its last token is never computed, so it
// takes ceil((prompt + output - 1) / 4) blocks at most. There is no prefix cache: freed blocks are forgotten.

TEST_CASE("vllm V1: one token budget serves running requests first and fills up with the next prompt") {
  // Budget 8. A(6,3) takes 6, B(12,2) the 2 left; then A decodes (1) and B gets 7, then 3.
  // Blocks of A 2, 2, 2; of B 1, 3, 3, 4 (its 13th token). 20 - 3, 20 - 5, then A's 2 come back.
  RankBench bench({.max_num_seqs = 8, .max_num_batched_tokens = 8}, 20);
  bench.add(6, 3);
  bench.add(12, 2);
  CHECK(bench.step() == "A6 B2 | free 17 | running AB | first A");
  CHECK(bench.step() == "A1 B7 | free 15 | running AB");
  CHECK(bench.step() == "A1 B3 | free 17 | running B | first B | ended A");
  CHECK(bench.step() == "B1 | free 20 | ended B");
}

TEST_CASE("vllm V2: without a free slot the next request waits for the end of the one before") {
  RankBench bench({.max_num_seqs = 1, .max_num_batched_tokens = 8}, 20);
  bench.add(4, 2);
  bench.add(4, 1);
  CHECK(bench.step() == "A4 | free 19 | running A | waiting B | first A");
  CHECK(bench.step() == "A1 | free 20 | waiting B | ended A");
  CHECK(bench.step() == "B4 | free 20 | first B | ended B");
}

TEST_CASE("vllm V3: two steps deep a finished request holds its slot for one more compose") {
  // The third compose comes before the outputs of the second: A's last token is in flight, its slot is taken, the
  // step is empty. Outputs are seen one call late, so A's first token comes with the second call.
  RankBench bench({.max_num_seqs = 1, .max_num_batched_tokens = 8}, 20, 2);
  bench.add(4, 2);
  bench.add(4, 1);
  CHECK(bench.step() == "A4 | free 19 | running A | waiting B");
  CHECK(bench.step() == "A1 | free 18 | running A | waiting B | first A");
  CHECK(bench.step() == "nothing | free 20 | waiting B | ended A");
  CHECK(bench.step() == "B4 | free 19 | running B");
  CHECK(bench.step() == "nothing | free 20 | first B | ended B");
}

TEST_CASE("vllm V4: who finds no block preempts the last admitted which computes all again") {
  // 6 blocks, A(8,8) and B(8,8). At the sixth step both hold 3 blocks with 12 tokens and A needs a 4th: B leaves with 5
  // tokens given (steps 1 to 5), A takes one of its 3 blocks. B needs ceil(13 / 4) = 4 blocks, 2 are free: it waits
  // for A's end in step 8, computes 8 + 5 = 13 tokens for its sixth token, then two decodes.
  RankBench bench({.max_num_seqs = 8, .max_num_batched_tokens = 16}, 6);
  bench.add(8, 8);
  bench.add(8, 8);
  CHECK(bench.step() == "A8 B8 | free 2 | running AB | first AB");
  CHECK(bench.step() == "A1 B1 | free 0 | running AB");
  CHECK(bench.step() == "A1 B1 | free 0 | running AB");
  CHECK(bench.step() == "A1 B1 | free 0 | running AB");
  CHECK(bench.step() == "A1 B1 | free 0 | running AB");
  CHECK(bench.step() == "A1 | free 2 | running A | waiting B | preempted B");
  CHECK(bench.step() == "A1 | free 2 | running A | waiting B");
  CHECK(bench.step() == "A1 | free 6 | waiting B | ended A");
  CHECK(bench.step() == "B13 | free 2 | running B");
  CHECK(bench.step() == "B1 | free 2 | running B");
  CHECK(bench.step() == "B1 | free 6 | ended B");
}

TEST_CASE("vllm V5: admission wants blocks for the whole prompt and its head blocks those behind it") {
  // 5 blocks, budget 12. A(8,2) takes 2; B(20,1) needs 5 > 3, C(4,1) needs 1 but stands behind B.
  RankBench bench({.max_num_seqs = 8, .max_num_batched_tokens = 12}, 5);
  bench.add(8, 2);
  bench.add(20, 1);
  bench.add(4, 1);
  CHECK(bench.step() == "A8 | free 3 | running A | waiting BC | first A");
  CHECK(bench.step() == "A1 | free 5 | waiting BC | ended A");
  CHECK(bench.step() == "B12 | free 2 | running B | waiting C");
  CHECK(bench.step() == "B8 | free 5 | waiting C | first B | ended B");
  CHECK(bench.step() == "C4 | free 5 | first C | ended C");
}

TEST_CASE("vllm V5b: without that gate a prompt may start and then preempt itself") {
  // B starts with the 4 tokens of budget left. In step 2 A takes its third block, and B wants min(16, 11) tokens: 3
  // more blocks with 2 - 1 = 1 free. It is the last admitted, so it preempts itself, and nothing is admitted in that
  // step. The engine would find B's first block in its prefix cache and compute 12 in step 3 and 4 in step 4; without a
  // cache B computes all 20 anew: 12, then 8. The steps are the same in number.
  RankBench bench({.max_num_seqs = 8, .max_num_batched_tokens = 12, .reserve_full_prompt = false}, 5);
  bench.add(8, 2);
  bench.add(20, 1);
  bench.add(4, 1);
  CHECK(bench.step() == "A8 B4 | free 2 | running AB | waiting C | first A");
  CHECK(bench.step() == "A1 | free 5 | waiting BC | preempted B | ended A");
  CHECK(bench.step() == "B12 | free 2 | running B | waiting C");
  CHECK(bench.step() == "B8 | free 5 | waiting C | first B | ended B");
  CHECK(bench.step() == "C4 | free 5 | first C | ended C");
}

TEST_CASE("vllm V9: the threshold cuts long prompts so that several are in progress at once") {
  RankBench bench({.max_num_seqs = 8, .max_num_batched_tokens = 16, .long_prefill_token_threshold = 4}, 20);
  bench.add(10, 2);
  bench.add(3, 2);
  CHECK(bench.step() == "A4 B3 | free 18 | running AB | first B");
  CHECK(bench.step() == "A4 B1 | free 18 | running A | ended B");
  CHECK(bench.step() == "A2 | free 17 | running A | first A");
  CHECK(bench.step() == "A1 | free 20 | ended A");
}

TEST_CASE("vllm V10: the watermark keeps blocks free at admission unless nothing runs") {
  // 2 of 5 blocks. B(8,1) needs 2 + 2 > 3 while A(8,3) runs; with nothing running it starts.
  RankBench bench({.max_num_seqs = 8, .max_num_batched_tokens = 16, .watermark = 0.4}, 5);
  bench.add(8, 3);
  bench.add(8, 1);
  CHECK(bench.step() == "A8 | free 3 | running A | waiting B | first A");
  CHECK(bench.step() == "A1 | free 2 | running A | waiting B");
  CHECK(bench.step() == "A1 | free 5 | waiting B | ended A");
  CHECK(bench.step() == "B8 | free 5 | first B | ended B");
}

TEST_CASE("vllm V11: by priority the more urgent one is admitted first and the least urgent one preempted") {
  // 5 blocks; A(8,6) of priority 5, B(8,6) of priority 1, which goes first. In step 2 B takes the last block, A finds
  // none and is itself the least urgent. B holds 4 blocks at its 13th token and ends in step 6. A has given 1 token: it
  // computes 9 (the engine: 4 of its cache and 5), the second token, then four more decodes.
  RankBench bench({.max_num_seqs = 8, .max_num_batched_tokens = 16, .order = policy::QueueOrder::Priority}, 5);
  bench.add(8, 6, {.priority = 5});
  bench.add(8, 6, {.priority = 1});
  CHECK(bench.step() == "A8 B8 | free 1 | running BA | first BA");
  CHECK(bench.step() == "B1 | free 2 | running B | waiting A | preempted A");
  CHECK(bench.step() == "B1 | free 2 | running B | waiting A");
  CHECK(bench.step() == "B1 | free 2 | running B | waiting A");
  CHECK(bench.step() == "B1 | free 2 | running B | waiting A");
  CHECK(bench.step() == "B1 | free 5 | waiting A | ended B");
  CHECK(bench.step() == "A9 | free 2 | running A");
  CHECK(bench.step() == "A1 | free 2 | running A");
  CHECK(bench.step() == "A1 | free 2 | running A");
  CHECK(bench.step() == "A1 | free 2 | running A");
  CHECK(bench.step() == "A1 | free 5 | ended A");
}

TEST_CASE("vllm V11b: a victim that was already served gives its tokens and blocks back to the step") {
  // 7 blocks, budget 8. A(5,9) of priority 5 runs before B(8,3) of priority 1 and C(13,1) of priority 2 arrive.
  // Step 5: A's 9th token would take the last block; then B's 9th finds none. The least urgent is A: its token returns
  // to the budget, its 2 blocks and the one it was about to take are free. B takes one; C gets the other 8 - 1 = 7
  // tokens, which complete its prompt and need 2 blocks. Step 6: A has given 4 tokens, so 9 are to compute, 7 fit.
  RankBench bench({.max_num_seqs = 3,
                   .max_num_batched_tokens = 8,
                   .reserve_full_prompt = false,
                   .order = policy::QueueOrder::Priority},
                  7);
  bench.add(5, 9, {.priority = 5});
  CHECK(bench.step() == "A5 | free 5 | running A | first A");
  CHECK(bench.step() == "A1 | free 5 | running A");
  bench.add(8, 3, {.priority = 1});
  bench.add(13, 1, {.priority = 2});
  CHECK(bench.step() == "A1 B7 | free 3 | running AB | waiting C");
  CHECK(bench.step() == "A1 B1 C6 | free 1 | running ABC | first B");
  CHECK(bench.step() == "B1 C7 | free 4 | running B | waiting A | preempted A | first C | ended C");
  CHECK(bench.step() == "A7 B1 | free 5 | running A | ended B");
}

TEST_CASE("vllm V13: a fetched cache takes blocks at once but no slot and recomputes its last prompt token") {
  // 10 blocks, A(4,9) local, B(10,5) fetched: its 3 blocks are taken in the step that finds it. When the KV has come, 9
  // of its 10 tokens count as computed, the tenth is one token of budget and gives its first output token. Its 4th
  // block comes with its 13th token: 9, then 10, 11, 12, 13 - the step in which A's 9th token takes a third block.
  RankBench bench({.max_num_seqs = 2, .max_num_batched_tokens = 8}, 10);
  bench.add(4, 9);
  bench.add(10, 5, {.from_remote = true});
  CHECK(bench.step() == "A4 | free 6 | running A | fetching B | first A");
  CHECK(bench.step() == "A1 | free 5 | running A | fetching B");
  bench.loaded('B');
  CHECK(bench.step() == "A1 B1 | free 5 | running AB | first B");
  CHECK(bench.blocks_of('B') == 3);
  CHECK(bench.step() == "A1 B1 | free 5 | running AB");
  CHECK(bench.step() == "A1 B1 | free 5 | running AB");
  CHECK(bench.step() == "A1 B1 | free 3 | running AB");
  CHECK(bench.blocks_of('B') == 4);
}

TEST_CASE("vllm V14: a fetch leaves room for the blocks that prompts in progress still need") {
  // 10 blocks, A(24,1) in chunks of 8. After its first chunk 8 are free and 4 promised to it. B, fetched, needs 5: 5 <=
  // 8, but 5 > 8 - 4. So it waits, and C behind it though it would fit. Step 2: 5 <= 6, but 5 > 6 - 2. A ends in
  // step 3.
  RankBench bench({.max_num_seqs = 8, .max_num_batched_tokens = 16, .long_prefill_token_threshold = 8}, 10);
  bench.add(24, 1);
  bench.add(20, 2, {.from_remote = true});
  bench.add(4, 2, {.from_remote = true});
  CHECK(bench.step() == "A8 | free 8 | running A | waiting BC");
  CHECK(bench.rank().blocks_promised() == 4);
  CHECK(bench.step() == "A8 | free 6 | running A | waiting BC");
  CHECK(bench.step() == "A8 | free 10 | waiting BC | first A | ended A");
  CHECK(bench.step() == "nothing | free 4 | fetching BC");
}

TEST_CASE("vllm V14b: a fetched request waits for a slot and keeps its blocks meanwhile") {
  // One slot, taken by A(4,3) until step 3. B's KV comes after step 1.
  RankBench bench({.max_num_seqs = 1, .max_num_batched_tokens = 8}, 10);
  bench.add(4, 3);
  CHECK(bench.step() == "A4 | free 9 | running A | first A");
  bench.add(4, 1, {.from_remote = true});
  // A fetch is decided like an admission: with no slot free the queue is not looked at.
  CHECK(bench.step() == "A1 | free 8 | running A | waiting B");
  CHECK(bench.step() == "A1 | free 10 | waiting B | ended A");
  CHECK(bench.step() == "nothing | free 9 | fetching B");
  bench.add(4, 1);
  CHECK(bench.step() == "C4 | free 9 | fetching B | first C | ended C");
  bench.loaded('B');
  CHECK(bench.step() == "B1 | free 10 | first B | ended B");
}

TEST_CASE("vllm: a prefill side keeps a finished prompt's blocks until the other side has fetched them") {
  RankBench bench({.max_num_seqs = 8, .max_num_batched_tokens = 8}, 3, 1, 4, true);
  bench.add(8, 50);
  bench.add(8, 50);
  CHECK(bench.step() == "A8 | free 1 | waiting B | first A | ended A");
  CHECK(bench.step() == "nothing | free 1 | waiting B");
  bench.release('A');
  CHECK(bench.step() == "B8 | free 1 | first B | ended B");
}

TEST_CASE("vllm V15: a sequence longer than the pool is refused at arrival") {
  // 3 blocks of 4 hold 12 tokens; 12 prompt + 6 output tokens would preempt themselves for ever.
  test::ScriptedSource source{{{0, 12, 6}}};
  const test::FormulaCost cost{[](const cost::StepShape&) { return std::int64_t{1'000'000}; }};
  CHECK_THROWS_WITH_AS(test::play({.blocks = 3, .block_tokens = 4}, source, cost),
                       "workload: request 0 (12 prompt + 6 output tokens) can never run in pool 'pool': its KV cache "
                       "holds 12 tokens; use more or "
                       "larger chips an instance, a smaller KV format, or limit the lengths",
                       SpecError);
}

TEST_CASE("vllm V15: a sequence that fills the pool to its last slot runs") {
  // 3 blocks of 4 hold 12 tokens: 8 of the prompt and 4 of the 5 outputs, since the last one is never computed.
  test::ScriptedSource source{{{0, 8, 5}}};
  const test::FormulaCost cost{[](const cost::StepShape&) { return std::int64_t{1'000'000}; }};
  const test::Played played = test::play({.blocks = 3, .block_tokens = 4}, source, cost);
  REQUIRE(played.requests.size() == 1);
  CHECK(played.requests[0].last_token.ns() == 5'000'000);
  CHECK(played.requests[0].preemptions == 0);
  CHECK(played.meters[0].peak_blocks() == 3);
}

TEST_CASE("vllm V15: one token more does not") {
  test::ScriptedSource source{{{0, 8, 6}}};
  const test::FormulaCost cost{[](const cost::StepShape&) { return std::int64_t{1'000'000}; }};
  CHECK_THROWS_AS(test::play({.blocks = 3, .block_tokens = 4}, source, cost), SpecError);
}
