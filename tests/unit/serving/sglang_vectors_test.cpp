#include "tests/support/rank_bench.hpp"

#include <doctest/doctest.h>

using namespace tokenyard;
using policy::SglangSpec;
using tokenyard::test::RankBench;

// Small cases of SGLang's scheduler worked out by hand; docs/engines.md gives the rule behind each and its source.
// Pages of one token, so "free" counts tokens. "A(6,3)" is a request of 6 prompt and 3 output tokens, which is also the
// most its call allows unless said. One step in flight unless said. There is no radix cache.

TEST_CASE("sglang S1: prompts go first and the decodes wait until all are done") {
  // Chunk 8. A takes 6, B the 2 left, which makes it the prompt in progress; it takes 8 and 2 more. A, complete since
  // the first step, gets its second token only in the fourth.
  RankBench bench(SglangSpec{.chunked_prefill_size = 8}, 200, 1, 1);
  bench.add(6, 3);
  bench.add(12, 2);
  CHECK(bench.step() == "A6 B2 | free 192 | running AB | first A");
  CHECK(bench.step() == "B8 | free 184 | running AB");
  CHECK(bench.step() == "B2 | free 182 | running AB | first B");
  CHECK(bench.step() == "A1 B1 | free 193 | running A | ended B");
  CHECK(bench.step() == "A1 | free 200 | ended A");
}

TEST_CASE("sglang S2: a prompt that comes later stalls the decodes for all of its chunks") {
  RankBench bench(SglangSpec{.chunked_prefill_size = 8}, 200, 1, 1);
  bench.add(6, 4);
  CHECK(bench.step() == "A6 | free 194 | running A | first A");
  bench.add(12, 2);
  CHECK(bench.step() == "B8 | free 186 | running AB");
  CHECK(bench.step() == "B4 | free 182 | running AB | first B");
  CHECK(bench.step() == "A1 B1 | free 193 | running A | ended B");
  CHECK(bench.step() == "A1 | free 192 | running A");
  CHECK(bench.step() == "A1 | free 200 | ended A");
}

TEST_CASE("sglang S3: with mixed chunk the decodes join the prompt and shrink its chunk") {
  // A's decode takes one of the 8 tokens: B gets 7, then its last 5. A has four tokens after four steps.
  RankBench bench(SglangSpec{.chunked_prefill_size = 8, .enable_mixed_chunk = true}, 200, 1, 1);
  bench.add(6, 4);
  CHECK(bench.step() == "A6 | free 194 | running A | first A");
  bench.add(12, 2);
  CHECK(bench.step() == "A1 B7 | free 186 | running AB");
  CHECK(bench.step() == "A1 B5 | free 180 | running AB | first B");
  CHECK(bench.step() == "A1 B1 | free 200 | ended AB");
}

TEST_CASE("sglang S4: what the last chunk of one prompt leaves goes to the next one") {
  RankBench bench(SglangSpec{.chunked_prefill_size = 8}, 200, 1, 1);
  bench.add(13, 2);
  bench.add(5, 2);
  bench.add(4, 2);
  CHECK(bench.step() == "A8 | free 192 | running A | waiting BC");
  CHECK(bench.step() == "A5 B3 | free 184 | running AB | waiting C | first A");
  CHECK(bench.step() == "B2 C4 | free 178 | running ABC | first BC");
  CHECK(bench.step() == "A1 B1 C1 | free 200 | ended ABC");
}

TEST_CASE("sglang S5: admission reserves a share of what the running ones may still produce") {
  // A(10) may produce 40 and has produced 1. B needs 10 + 40 + 1 = 51. Of a pool of 80 it finds 70 - 0.7 * 39 = 42.7;
  // it is refused, and admitted when A has ended after 4 tokens. Of a pool of 90 it finds 52.7.
  RankBench bench(SglangSpec{.chunked_prefill_size = 64}, 80, 1, 1);
  bench.add(10, 4, {.most_output = 40});
  CHECK(bench.step() == "A10 | free 70 | running A | first A");
  bench.add(10, 4, {.most_output = 40});
  CHECK(bench.step() == "A1 | free 69 | running A | waiting B");
  CHECK(bench.step() == "A1 | free 68 | running A | waiting B");
  CHECK(bench.step() == "A1 | free 80 | waiting B | ended A");
  CHECK(bench.step() == "B10 | free 70 | running B | first B");
}

TEST_CASE("sglang S5: with enough room the same request is admitted beside the first") {
  RankBench bench(SglangSpec{.chunked_prefill_size = 64}, 90, 1, 1);
  bench.add(10, 4, {.most_output = 40});
  CHECK(bench.step() == "A10 | free 80 | running A | first A");
  bench.add(10, 4, {.most_output = 40});
  CHECK(bench.step() == "B10 | free 70 | running AB | first B");
}

TEST_CASE("sglang S6: after a refusal nothing is admitted until a request ends") {
  // Pool of 50. A needs 10 + 20 + 1 = 31; after it 40 - 21 = 19 are left and B needs 41. C would fit but stands behind.
  // When A has ended after 6 tokens B finds 50 and C then 40 - 31 = 9 > 2 + 2 + 1.
  RankBench bench(SglangSpec{.chunked_prefill_size = 64}, 50, 1, 1);
  bench.add(10, 6, {.most_output = 20});
  bench.add(10, 3, {.most_output = 30});
  CHECK(bench.step() == "A10 | free 40 | running A | waiting B | first A");
  CHECK(bench.step() == "A1 | free 39 | running A | waiting B");
  bench.add(2, 2);
  CHECK(bench.step() == "A1 | free 38 | running A | waiting BC");
  CHECK(bench.step() == "A1 | free 37 | running A | waiting BC");
  CHECK(bench.step() == "A1 | free 36 | running A | waiting BC");
  CHECK(bench.step() == "A1 | free 50 | waiting BC | ended A");
  CHECK(bench.step() == "B10 C2 | free 38 | running BC | first BC");
}

TEST_CASE("sglang S6b: the latch holds even when the request would meanwhile fit") {
  // A may produce far more than the 4,096 that count, so what is reserved for it falls with the ratio alone:
  // (0.7 - 0.098) / 600 * 4096 = 4.1 tokens a step, of which its own token takes one. Pool of 10,000: B finds
  // 9,990 - 0.7 * 4,096 = 7,122.8 and needs 7,115 + 9 + 1 = 7,125, two steps later 7,129.0. The engine does not look.
  RankBench bench(SglangSpec{.max_prefill_tokens = 16384}, 10'000, 1, 1);
  bench.add(10, 6, {.most_output = 9'000});
  CHECK(bench.step() == "A10 | free 9990 | running A | first A");
  bench.add(7'115, 9);
  for (const char* free : {"9989", "9988", "9987", "9986"}) {
    CHECK(bench.step() == std::string("A1 | free ") + free + " | running A | waiting B");
  }
  CHECK(bench.step() == "A1 | free 10000 | waiting B | ended A");
  CHECK(bench.step() == "B7115 | free 2885 | running B | first B");
}

TEST_CASE("sglang S7: the number of running requests is limited") {
  RankBench bench(SglangSpec{.max_running_requests = 2, .chunked_prefill_size = 64}, 200, 1, 1);
  bench.add(4, 3);
  bench.add(4, 3);
  bench.add(4, 2);
  CHECK(bench.step() == "A4 B4 | free 192 | running AB | waiting C | first AB");
  CHECK(bench.step() == "A1 B1 | free 190 | running AB | waiting C");
  CHECK(bench.step() == "A1 B1 | free 200 | waiting C | ended AB");
  CHECK(bench.step() == "C4 | free 196 | running C | first C");
  CHECK(bench.step() == "C1 | free 200 | ended C");
}

TEST_CASE("sglang S8: without memory the request with fewest outputs and longest prompt goes to the tail") {
  // Conservativeness 0.14: the ratio starts at 0.098. B needs 4 + 10 + 1 = 15 of 22 - 6 - 0.098 * 9 = 15.1. In step 9
  // both have 7 outputs and no token is free: A, of the longer prompt, leaves its 12. The ratio becomes (7 + 20) / 11,
  // at most 1. A now needs 13 + 3 + 1 = 17 and waits for B's end; it then computes 6 + 7 tokens anew.
  RankBench bench(SglangSpec{.chunked_prefill_size = 64, .schedule_conservativeness = 0.14}, 22, 1, 1);
  bench.add(6, 10);
  CHECK(bench.step() == "A6 | free 16 | running A | first A");
  bench.add(4, 10);
  CHECK(bench.step() == "B4 | free 12 | running AB | first B");
  for (const char* free : {"10", "8", "6", "4", "2", "0"}) {
    CHECK(bench.step() == std::string("A1 B1 | free ") + free + " | running AB");
  }
  CHECK(bench.step() == "B1 | free 11 | running B | waiting A | preempted A");
  CHECK(bench.step() == "B1 | free 10 | running B | waiting A");
  CHECK(bench.step() == "B1 | free 22 | waiting A | ended B");
  CHECK(bench.step() == "A13 | free 9 | running A");
  CHECK(bench.step() == "A1 | free 8 | running A");
  CHECK(bench.step() == "A1 | free 22 | ended A");
}

TEST_CASE("sglang S8b: who was retracted queues behind those that had been waiting") {
  // As S8, but C waits since step 3: it needs 2 + 10 + 1 = 13 of the 12 left. After B's end C goes first and A finds
  // 22 - 2 - 11 = 9 < 17.
  RankBench bench(SglangSpec{.chunked_prefill_size = 64, .schedule_conservativeness = 0.14}, 22, 1, 1);
  bench.add(6, 10);
  CHECK(bench.step() == "A6 | free 16 | running A | first A");
  bench.add(4, 10);
  CHECK(bench.step() == "B4 | free 12 | running AB | first B");
  bench.add(2, 10);
  for (const char* free : {"10", "8", "6", "4", "2", "0"}) {
    CHECK(bench.step() == std::string("A1 B1 | free ") + free + " | running AB | waiting C");
  }
  CHECK(bench.step() == "B1 | free 11 | running B | waiting AC | preempted A");
  CHECK(bench.step() == "B1 | free 10 | running B | waiting AC");
  CHECK(bench.step() == "B1 | free 22 | waiting AC | ended B");
  CHECK(bench.step() == "C2 | free 20 | running C | waiting A | first C");
}

TEST_CASE("sglang S9: room that equals the need does not do") {
  // Conservativeness 10: the ratio starts at 1. B holds 5 tokens and may produce 2 more. A needs 6 + 10 + 1 = 17: of a
  // pool of 24 it finds 24 - 5 - 2 = 17, of a pool of 25 one more.
  for (const std::uint32_t pool : {24U, 25U}) {
    CAPTURE(pool);
    RankBench bench(SglangSpec{.chunked_prefill_size = 64, .schedule_conservativeness = 10.0}, pool, 1, 1);
    bench.add(5, 3);
    CHECK(bench.step() == "A5 | free " + std::to_string(pool - 5) + " | running A | first A");
    bench.add(6, 10);
    CHECK(bench.step() ==
          (pool == 24 ? "A1 | free 18 | running A | waiting B" : "B6 | free 14 | running AB | first B"));
  }
}

TEST_CASE("sglang: a pool of one request's size takes it whatever its call allows") {
  // The engine cuts max_new so that prompt and output leave a page and a token: 20 - 1 - 1 = 18.
  RankBench bench(SglangSpec{.chunked_prefill_size = 64}, 20, 1, 1);
  bench.add(15, 3, {.most_output = 1'000});
  CHECK(bench.step() == "A15 | free 5 | running A | first A");
  CHECK(policy::longest_request(SglangSpec{}, 20, {.tokens = 1}) == 17);  // 18 less the last output token
}

TEST_CASE("sglang: of several prompts the last one that would reach max_prefill_tokens waits for the next batch") {
  // 10 of 12 tokens are left after A; B of 10 is not below that. Alone B may have any length.
  RankBench bench(SglangSpec{.chunked_prefill_size = 64, .max_prefill_tokens = 12}, 200, 1, 1);
  bench.add(2, 2);
  bench.add(10, 2);
  CHECK(bench.step() == "A2 | free 198 | running A | waiting B | first A");
  CHECK(bench.step() == "B10 | free 188 | running AB | first B");
}

TEST_CASE("sglang: pages round up what a prompt takes and its first cut rounds down to whole pages") {
  // Pages of 4, chunk 10: A(5) takes 2 pages of the budget, 2 tokens are left, not a page: B waits. Alone it is cut
  // to 8.
  RankBench bench(SglangSpec{.chunked_prefill_size = 10}, 50, 1, 4);
  bench.add(5, 3);
  bench.add(20, 2);
  CHECK(bench.step() == "A5 | free 48 | running A | waiting B | first A");
  CHECK(bench.step() == "B8 | free 46 | running AB");
  CHECK(bench.step() == "B10 | free 43 | running AB");
  CHECK(bench.step() == "B2 | free 43 | running AB | first B");
}

TEST_CASE("sglang: two steps deep a request decodes once more after its last token and nobody gets it") {
  // A(4,2) has its tokens from calls 1 and 2. Call 3 is composed before the outputs of call 2 are seen: A takes part,
  // with a 6th token in the cache. Then all 6 come back.
  RankBench bench(SglangSpec{.chunked_prefill_size = 64}, 20, 2, 1);
  bench.add(4, 2);
  CHECK(bench.step() == "A4 | free 16 | running A");
  CHECK(bench.step() == "A1 | free 15 | running A | first A");
  CHECK_FALSE(bench.rank().quiet());
  CHECK(bench.step() == "nothing | free 20 | ended A");
  CHECK(bench.composed().shape.decodes == 1);
  CHECK(bench.composed().shape.decode_context == 6);
  CHECK(bench.composed().decode_tokens == 0);
  CHECK(bench.rank().quiet());
}

TEST_CASE("sglang: two steps deep an end is seen one admission late") {
  // One slot. A(4,2) holds it in call 3, where it decodes for nothing; B starts in call 4.
  RankBench bench(SglangSpec{.max_running_requests = 1, .chunked_prefill_size = 64}, 20, 2, 1);
  bench.add(4, 2);
  bench.add(4, 1);
  CHECK(bench.step() == "A4 | free 16 | running A | waiting B");
  CHECK(bench.step() == "A1 | free 15 | running A | waiting B | first A");
  CHECK(bench.step() == "nothing | free 20 | waiting B | ended A");
  CHECK(bench.step() == "B4 | free 16 | running B");
}

// ---------------------------------------------------------------- radix cache: ids name pages

namespace {

/// Of the first `pages` pages of the same text.
std::vector<std::uint64_t> text(std::uint32_t pages) {
  std::vector<std::uint64_t> ids;
  for (std::uint32_t i = 1; i <= pages; ++i) ids.push_back(i);
  return ids;
}

}  // namespace

TEST_CASE("sglang S11: all but one token of a prompt that is in the tree is found") {
  RankBench bench(SglangSpec{.chunked_prefill_size = 64}, 40, 1, 1, false, kv::PrefixCacheSpec{});
  bench.add(9, 1, {.ids = text(9)});
  CHECK(bench.step() == "A9 | free 40 | first A | ended A");
  bench.add(9, 1, {.ids = text(9)});
  CHECK(bench.step() == "B8+1 | free 40 | first B | ended B");
}

TEST_CASE("sglang S11: with pages whole pages below the last token are found") {
  RankBench bench(SglangSpec{.chunked_prefill_size = 64}, 10, 1, 4, false, kv::PrefixCacheSpec{});
  bench.add(9, 1, {.ids = text(3)});
  CHECK(bench.step() == "A9 | free 10 | first A | ended A");
  bench.add(9, 1, {.ids = text(3)});
  CHECK(bench.step() == "B8+1 | free 10 | first B | ended B");
  bench.add(8, 1, {.ids = text(2)});  // 7 tokens at most: one page
  CHECK(bench.step() == "C4+4 | free 10 | first C | ended C");
}

TEST_CASE("sglang S12: prompts of one batch do not share and leave one copy in the tree") {
  RankBench bench(SglangSpec{.chunked_prefill_size = 64}, 60, 1, 1, false, kv::PrefixCacheSpec{});
  bench.add(16, 2, {.ids = text(16)});
  bench.add(16, 2, {.ids = text(16)});
  CHECK(bench.step() == "A16 B16 | free 44 | running AB | first AB");  // of B's 16 pages none is kept
  CHECK(bench.step() == "A1 B1 | free 60 | ended AB");
}

TEST_CASE("sglang S12: a prompt of the next batch shares") {
  // Chunk 40: A fills the first batch. Under a chunk of 64 B would have been cut into the same batch and shared
  // nothing.
  RankBench bench(SglangSpec{.chunked_prefill_size = 40}, 200, 1, 1, false, kv::PrefixCacheSpec{});
  bench.add(40, 2, {.ids = text(40)});
  bench.add(40, 2, {.ids = text(40)});
  CHECK(bench.step() == "A40 | free 160 | running A | waiting B | first A");
  CHECK(bench.step() == "B39+1 | free 160 | running AB | first B");  // B's last token is in the tree by then
  RankBench wide(SglangSpec{.chunked_prefill_size = 64}, 200, 1, 1, false, kv::PrefixCacheSpec{});
  wide.add(40, 2, {.ids = text(40)});
  wide.add(40, 2, {.ids = text(40)});
  CHECK(wide.step() == "A40 B24 | free 160 | running AB | first A");
  CHECK(wide.step() == "B16 | free 160 | running AB | first B");
}

TEST_CASE("sglang S12: with lpm a prompt that begins like one before it is tried last") {
  // A, B and C come with an empty cache, B with A's beginning of 40 tokens: A and C fill the first batch of 64 and B
  // finds 39 tokens in the next. As they came, A and 24 tokens of B would.
  const auto lpm = [](std::uint32_t chunk) {
    return SglangSpec{.chunked_prefill_size = chunk, .schedule_policy = policy::PromptOrder::LongestPrefix};
  };
  RankBench bench(lpm(64), 300, 1, 1, false, kv::PrefixCacheSpec{});
  bench.add(40, 2, {.ids = text(40)});
  bench.add(40, 2, {.ids = text(40)});
  bench.add(24, 2);
  CHECK(bench.step() == "A40 C24 | free 236 | running AC | waiting B | first AC");
  CHECK(bench.step() == "B39+1 | free 236 | running ACB | first B");
  // Alone with A it joins its batch, if there is room, and shares nothing.
  RankBench two(lpm(64), 200, 1, 1, false, kv::PrefixCacheSpec{});
  two.add(40, 2, {.ids = text(40)});
  two.add(40, 2, {.ids = text(40)});
  CHECK(two.step() == "A40 B24 | free 160 | running AB | first A");
}

TEST_CASE("sglang S16: with lpm the longest cached prefix goes first and equals as they came") {
  RankBench bench(SglangSpec{.chunked_prefill_size = 50, .schedule_policy = policy::PromptOrder::LongestPrefix}, 300, 1,
                  1, false, kv::PrefixCacheSpec{});
  bench.add(50, 1, {.ids = text(50)});
  CHECK(bench.step() == "A50 | free 300 | first A | ended A");
  bench.add(40, 2);
  bench.add(40, 2);
  bench.add(45, 2, {.ids = text(45)});
  // D comes with 44 of its tokens cached and takes 1 of the chunk of 50; B has 40 of the rest and C is cut.
  CHECK(bench.step() == "B40 C9 D44+1 | free 206 | running DBC | first DB");
}

TEST_CASE("sglang S8: who was retracted finds its prompt in the tree but not its outputs") {
  // As S8 above. After B's end A computes the 7 tokens that it had been given; its prompt of 6 is still there.
  RankBench bench(SglangSpec{.chunked_prefill_size = 64, .schedule_conservativeness = 0.14}, 22, 1, 1, false,
                  kv::PrefixCacheSpec{});
  bench.add(6, 10);
  CHECK(bench.step() == "A6 | free 16 | running A | first A");
  bench.add(4, 10);
  for (int i = 0; i < 7; ++i) static_cast<void>(bench.step());
  CHECK(bench.step() == "B1 | free 11 | running B | waiting A | preempted A");
  CHECK(bench.step() == "B1 | free 10 | running B | waiting A");
  CHECK(bench.step() == "B1 | free 22 | waiting A | ended B");
  CHECK(bench.step() == "A6+7 | free 9 | running A");
  CHECK(bench.step() == "A1 | free 8 | running A");
  CHECK(bench.step() == "A1 | free 22 | ended A");
}

TEST_CASE("sglang: tokens that hold nothing are taken before any that the tree could still give") {
  // A leaves 8 tokens in the tree of a pool of 12. B takes and gives back the other 4 again and again: A's stay.
  RankBench bench(SglangSpec{.chunked_prefill_size = 64}, 12, 1, 1, false, kv::PrefixCacheSpec{});
  bench.add(8, 1, {.ids = text(8)});
  CHECK(bench.step() == "A8 | free 12 | first A | ended A");
  for (const char name : {'B', 'C', 'D'}) {
    bench.add(3, 1);
    CHECK(bench.step() == std::string(1, name) + "3 | free 12 | first " + name + " | ended " + name);
  }
  bench.add(8, 1, {.ids = text(8)});
  CHECK(bench.step() == "E7+1 | free 12 | first E | ended E");
}

TEST_CASE("sglang: what a prompt finds in the tree is locked and no room for it any more") {
  // Conservativeness 10: the ratio is 1. A leaves 8 tokens in the tree; B holds 3 and may produce 2 more. C finds 8 of
  // its 9 tokens and needs 1 + 4 + 1 = 6: of a pool of 19 it finds 19 - 3 - 2 - 8 = 6, of a pool of 20 one more.
  for (const std::uint32_t pool : {19U, 20U}) {
    CAPTURE(pool);
    RankBench bench(SglangSpec{.chunked_prefill_size = 64, .schedule_conservativeness = 10.0}, pool, 1, 1, false,
                    kv::PrefixCacheSpec{});
    bench.add(8, 1, {.ids = text(8)});
    CHECK(bench.step() == "A8 | free " + std::to_string(pool) + " | first A | ended A");
    bench.add(3, 3);
    CHECK(bench.step() == "B3 | free " + std::to_string(pool - 3) + " | running B | first B");
    bench.add(9, 4, {.ids = text(9)});
    CHECK(bench.step() == (pool == 19 ? std::string("B1 | free 15 | running B | waiting C")
                                      : std::string("C8+1 | free 8 | running BC | first C")));
  }
}

TEST_CASE("sglang S15: new requests are seen once in scheduler_recv_interval decode steps") {
  // The scheduler that had nothing to do sees A at once, and looks again in the turn after A's prompt. The turns after
  // the decodes of the second and third steps count 1 and 2; that after the fourth counts 3, and B starts. C comes with
  // it in the queue and is seen in the turn after B's prompt.
  RankBench bench(SglangSpec{.chunked_prefill_size = 64, .scheduler_recv_interval = 3}, 200, 1, 1);
  bench.add(4, 8);
  CHECK(bench.step() == "A4 | free 196 | running A | first A");
  CHECK(bench.step() == "A1 | free 195 | running A");
  bench.add(5, 2);
  CHECK(bench.step() == "A1 | free 194 | running A | waiting B");
  CHECK(bench.step() == "A1 | free 193 | running A | waiting B");
  CHECK(bench.step() == "B5 | free 188 | running AB | first B");
  bench.add(6, 2);
  CHECK(bench.step() == "C6 | free 182 | running ABC | first C");
  CHECK(bench.step() == "A1 B1 C1 | free 192 | running A | ended BC");
}

TEST_CASE("sglang S15b: with an interval of one a request is seen in the next turn") {
  RankBench bench(SglangSpec{.chunked_prefill_size = 64, .scheduler_recv_interval = 1}, 200, 1, 1);
  bench.add(4, 8);
  CHECK(bench.step() == "A4 | free 196 | running A | first A");
  CHECK(bench.step() == "A1 | free 195 | running A");
  bench.add(5, 2);
  CHECK(bench.step() == "B5 | free 190 | running AB | first B");
}

TEST_CASE("sglang S15c: a scheduler whose last request has ended sees what waits at once") {
  // B comes during A's last step; the next turn would count 1 of 30, but nothing runs any more.
  RankBench bench(SglangSpec{.chunked_prefill_size = 64, .scheduler_recv_interval = 30}, 200, 1, 1);
  bench.add(4, 2);
  CHECK(bench.step() == "A4 | free 196 | running A | first A");
  CHECK(bench.step() == "A1 | free 200 | ended A");
  bench.add(5, 2);
  CHECK(bench.step() == "B5 | free 195 | running B | first B");
}
