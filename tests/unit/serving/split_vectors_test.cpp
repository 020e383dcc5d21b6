#include "tests/support/rank_bench.hpp"

#include <doctest/doctest.h>

using namespace tokenyard;
using policy::SglangSpec;
using policy::TrtllmSpec;
using tokenyard::test::RankBench;

// The decode side of a hand-off under the rules of SGLang and TensorRT-LLM, worked out by hand as the cases of
// sglang_vectors_test and trtllm_vectors_test. S14, what the prefill side sends when, is in hand_off_engines_test.

namespace {

RankBench::Extra remote() { return {.from_remote = true}; }

}  // namespace

TEST_CASE("sglang S13: a decode pool lets in what leaves enough for all that is there or on its way") {
  // Pool of 40, 4 reserved for each. A needs max(10 + 4, 10 + 8) = 18 <= 40, B 18 <= 30 - 4, C 18 > 20 - 8.
  RankBench bench(SglangSpec{.num_reserved_decode_tokens = 4}, 40, 1, 1);
  for (int i = 0; i < 3; ++i) bench.add(10, 8, remote());
  CHECK(bench.step() == "nothing | free 20 | waiting C | fetching AB");
  // Their first token comes with their KV: the first step computes the second one.
  bench.loaded('A');
  CHECK(bench.step() == "A1 | free 19 | running A | waiting C | fetching B | taken A");
  CHECK(bench.rank().handed_out(policy::SequenceId{0}) == 2);
}

TEST_CASE("sglang S13b: the largest request must fit when all others are retracted") {
  // Pool of 40, nothing reserved. A(10) may produce 28: alone it wants 38. It runs with 2 tokens given, so B, which
  // needs 10 + 2 at once, finds 29 - (38 - 12) = 3 and waits though 29 are free.
  RankBench bench(SglangSpec{.num_reserved_decode_tokens = 0}, 40, 1, 1);
  bench.add(10, 28, remote());
  CHECK(bench.step() == "nothing | free 30 | fetching A");
  bench.loaded('A');
  CHECK(bench.step() == "A1 | free 29 | running A | taken A");
  bench.add(10, 2, remote());
  CHECK(bench.step() == "A1 | free 28 | running A | waiting B");
}

TEST_CASE("trtllm T13: fetched requests come before prompts and hold the blocks of their prompt on the way") {
  // 6 blocks of 4. A(4,8) needs 3, has 1: 5 are free, 3 not promised. B, to be fetched, needs ceil((6 + 4) / 4) = 3 and
  // takes 2; C, a prompt that came before it, needs 2 and waits. A takes its second block.
  RankBench bench(TrtllmSpec{}, 6);
  bench.add(4, 8);
  CHECK(bench.step() == "A4 | free 5 | running A | first A");
  bench.add(6, 4, remote());
  bench.add(4, 4);
  CHECK(bench.step() == "A1 | free 2 | running A | waiting C | fetching B");
  CHECK(bench.step() == "A1 | free 2 | running A | waiting C | fetching B");
  // Its first decode step gives its second token: 7 tokens in the 2 blocks it has.
  bench.loaded('B');
  CHECK(bench.step() == "A1 B1 | free 2 | running AB | waiting C | taken B");
  CHECK(bench.rank().handed_out(policy::SequenceId{1}) == 2);
}

TEST_CASE("trtllm T13b: a prompt that came first still stands behind what is to be fetched") {
  RankBench bench(TrtllmSpec{}, 6);
  bench.add(4, 8);
  CHECK(bench.step() == "A4 | free 5 | running A | first A");
  bench.add(4, 4);
  bench.add(6, 4, remote());
  CHECK(bench.step() == "A1 | free 2 | running A | waiting B | fetching C");
}

TEST_CASE("trtllm: what was taken over and is given up leaves its blocks and its place in the step") {
  RankBench bench(TrtllmSpec{}, 6, 2);
  bench.add(6, 4, remote());
  CHECK(bench.step() == "nothing | free 4 | fetching A");
  bench.loaded('A');
  CHECK(bench.step() == "A1 | free 4 | running A | taken A");
  bench.cancel('A');
  CHECK(bench.step() == "nothing | free 6");
}
