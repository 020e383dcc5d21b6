#include "tests/support/rank_bench.hpp"

#include <doctest/doctest.h>

#include <string_view>

using namespace tokenyard;
using tokenyard::test::RankBench;

// vLLM's hybrid KV cache manager, worked out by hand; docs/engines.md gives the rules. Blocks of 4 tokens; one group of
// layers that see everything and one whose layers see a window of 8: a token at place p sees places p - 7 to p.

namespace {

constexpr kv::PrefixCacheSpec kLru{};
constexpr kv::BlockLayout kHalf{.tokens = 4, .full = 1, .windowed = 1, .window = 8};

std::vector<std::uint64_t> ids(std::string_view blocks) {
  std::vector<std::uint64_t> all;
  std::uint64_t chain = 1;
  for (const char c : blocks) all.push_back(chain = chain * 131 + static_cast<std::uint64_t>(c));
  return all;
}

constexpr policy::VllmSpec kWide{.max_num_seqs = 8, .max_num_batched_tokens = 64};

}  // namespace

TEST_CASE("vllm windows: blocks before the window are free when the next step takes its own") {
  // 20 tokens are 5 blocks of each group. Token 20 sees 13 to 19 besides itself: blocks 0, 1 and 2 (places 0 to 11) are
  // passed. They are read in the first step, so they are free from the second on: 10 blocks in use, then 7, and 2 more
  // for token 20 itself.
  RankBench bench(kWide, 20, kHalf);
  bench.add(20, 8);
  CHECK(bench.step() == "A20 | free 10 | running A | first A");
  CHECK(bench.blocks_of('A') == 7);
  CHECK(bench.step() == "A1 | free 11 | running A");
  CHECK(bench.step() == "A1 | free 11 | running A");
  // With 23 tokens in the cache token 23 sees 16 on: block 3 is passed, and free a step later.
  CHECK(bench.step() == "A1 | free 11 | running A");
  CHECK(bench.blocks_of('A') == 8);  // 6 that see everything, and blocks 4 and 5 of the window
  CHECK(bench.step() == "A1 | free 12 | running A");
  CHECK(bench.step() == "A1 | free 10 | running A");  // token 24 begins block 6
  CHECK(bench.step() == "A1 | free 10 | running A");
  CHECK(bench.step() == "A1 | free 20 | ended A");
}

TEST_CASE("vllm windows: a decode short of its window takes blocks of both groups until the window is full") {
  RankBench bench(kWide, 40, kHalf);
  bench.add(2, 20);
  CHECK(bench.step() == "A2 | free 38 | running A | first A");
  std::vector<std::uint32_t> blocks;
  for (int i = 0; i < 16; ++i) {
    (void)bench.step();
    blocks.push_back(bench.blocks_of('A'));
  }
  // 3 to 18 tokens in the cache. The window first passes a block with 11: token 11 sees 4 on.
  CHECK(blocks == std::vector<std::uint32_t>{2, 2, 4, 4, 4, 4, 6, 6, 5, 5, 7, 7, 6, 6, 8, 8});
}

TEST_CASE("vllm windows: a long prompt starts when its whole and a window of it fit and not before") {
  // 40 tokens in steps of 8: 10 blocks that see everything, and at most those of 7 + 8 tokens and one more, 5.
  const policy::VllmSpec narrow{.max_num_seqs = 8, .max_num_batched_tokens = 8};
  RankBench bench(narrow, 15, kHalf);
  bench.add(40, 1);
  CHECK(bench.step() == "A8 | free 11 | running A");
  CHECK(bench.step() == "A8 | free 7 | running A");
  CHECK(bench.step() == "A8 | free 5 | running A");  // 2 passed by the step before, 4 taken
  CHECK(bench.step() == "A8 | free 3 | running A");
  CHECK(bench.step() == "A8 | free 15 | first A | ended A");
  RankBench small(narrow, 14, kHalf);
  small.add(40, 1);
  CHECK(small.step() == "nothing | free 14 | waiting A");
}

TEST_CASE("vllm windows: what is freed by a prompt lets the next one in") {
  // 32 tokens take 16 of 24 blocks, so that 20 tokens, 10 blocks, must wait. A leaves 6 blocks behind (token 32 sees 25
  // on): 14 are free in the next step, of which its decode takes 2.
  RankBench bench(kWide, 24, kHalf);
  bench.add(32, 4);
  bench.add(20, 1);
  CHECK(bench.step() == "A32 | free 8 | running A | waiting B | first A");
  CHECK(bench.step() == "A1 B20 | free 12 | running A | first B | ended B");
}

TEST_CASE("vllm windows: a beginning is found while the blocks that its window would see are there") {
  // A's 4 blocks of each group are free after its end: first the two that its window had passed, then those that see
  // everything from the last on, then the window's last two. B takes 12 that hold nothing and the two passed ones.
  const auto after_both = [] {
    RankBench bench(kWide, 20, kHalf, kLru);
    bench.add(16, 1, {.ids = ids("abcd")});
    CHECK(bench.step() == "A16 | free 20 | first A | ended A");
    bench.add(28, 1);
    CHECK(bench.step() == "B28 | free 20 | first B | ended B");
    return bench;
  };
  SUBCASE("three blocks would be found; token 12 sees 5 on, and block 1 is gone") {
    RankBench bench = after_both();
    bench.add(16, 1, {.ids = ids("abcd")});
    CHECK(bench.step() == "C16 | free 20 | first C | ended C");
  }
  SUBCASE("four blocks are found; token 16 sees 9 on, blocks 2 and 3") {
    RankBench bench = after_both();
    bench.add(20, 1, {.ids = ids("abcde")});
    CHECK(bench.step() == "C16+4 | free 20 | first C | ended C");
  }
}

TEST_CASE("vllm windows: two that run on one beginning hold its blocks once and its window while one of them sees it") {
  // B finds 16 tokens: 4 blocks that see everything and the 2 of its window, all idle; it takes 2 for its 4 tokens. A
  // comes in the next step: it shares the 6, which is 4 tokens to compute, and 2 blocks. B has passed block 2 by then
  // (token 20 sees 13 on), which A still reads.
  RankBench bench(kWide, 40, kHalf, kLru);
  bench.add(16, 1, {.ids = ids("abcd")});
  CHECK(bench.step() == "A16 | free 40 | first A | ended A");
  bench.add(20, 3, {.ids = ids("abcde")});
  CHECK(bench.step() == "B16+4 | free 32 | running B | first B");
  bench.add(20, 3, {.ids = ids("abcdf")});
  // B's token begins block 5: 2. C takes 2 and shares 4 that see everything and block 3; block 2 was B's and is idle.
  CHECK(bench.step() == "B1 C16+4 | free 28 | running BC | first C");
  // C's token begins its block 5: 2 more, and block 2 is free. B gives back blocks 4 and 5 of both groups.
  CHECK(bench.step() == "B1 C1 | free 31 | running C | ended B");
}
