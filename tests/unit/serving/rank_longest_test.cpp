#include "tests/support/rank_bench.hpp"

#include <doctest/doctest.h>

using namespace tokenyard;
using namespace tokenyard::test;

// The longest context of a step's decodes, which its price may wait for. Blocks of 4 tokens.

namespace {
const policy::VllmSpec kRules{.max_num_seqs = 8, .max_num_batched_tokens = 32, .reserve_full_prompt = true};
}  // namespace

TEST_CASE("longest: of the decodes of a step while they join and end and are given up") {
  RankBench bench(kRules, 40);
  const auto step = [&] {
    (void)bench.step();
    return bench.composed().shape;
  };
  bench.add(4, 9);                       // A
  bench.add(12, 3);                      // B
  CHECK(step().longest_context == 0);    // prompts
  CHECK(step().longest_context == 13);   // A 5, B 13 with the new token
  bench.add(20, 5);                      // C
  const cost::StepShape mixed = step();  // B's last token
  CHECK(mixed.longest_context == 14);
  CHECK(mixed.longest_chunk == 20);
  CHECK(mixed.longest_prompt == 20);
  CHECK(step().longest_context == 21);  // C beside A
  bench.cancel('C');
  CHECK(step().longest_context == 8);  // A after four decodes
}

TEST_CASE("longest: a chunk ends behind what was computed before it") {
  RankBench bench({.max_num_seqs = 8, .max_num_batched_tokens = 8, .reserve_full_prompt = true}, 40);
  bench.add(20, 1);
  (void)bench.step();
  (void)bench.step();
  CHECK(bench.composed().shape.longest_chunk == 8);
  CHECK(bench.composed().shape.longest_prompt == 16);
}
