#include "tests/support/child.hpp"
#include "tests/support/dice_acceptance.hpp"
#include "tests/support/rank_bench.hpp"
#include "tests/support/small_cluster.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

using namespace tokenyard;
using namespace tokenyard::test;

namespace {

constexpr std::int64_t kMs = 1'000'000;

Played play_flat(SmallCluster cluster, std::vector<ScriptedSource::Row> rows) {
  ScriptedSource source{std::move(rows)};
  const FormulaCost cost([](const cost::StepShape&) { return 10 * kMs; });
  return play(cluster, source, cost);
}

}  // namespace

TEST_CASE("vllm V12: accepted drafts and one more are handed out and places are kept for as many ahead") {
  // k = 3, blocks of 4, A(6,12), accepted 2, 0, 3. The prompt takes ceil((6 + 3) / 4) = 3 blocks, each step
  // ceil((computed + 4 + 3) / 4): 13 / 4, 16 / 4, 17 / 4.
  ListedAcceptance acceptance(3, {2, 0, 3});
  RankBench bench(policy::VllmSpec{.max_num_seqs = 8, .max_num_batched_tokens = 32}, 20, 1, 4, false, {}, &acceptance);
  bench.add(6, 12);
  CHECK(bench.step() == "A6 | free 17 | running A | first A");
  CHECK(bench.step() == "A3 | free 16 | running A");
  CHECK(bench.step() == "A1 | free 16 | running A");
  CHECK(bench.step() == "A4 | free 15 | running A");
}

TEST_CASE("vllm V12: a request ends with the token it wants whatever else was accepted") {
  // A(6,9): 1 + 3 + 1 + 4 = 9. A(6,8) drops one of the last four.
  for (const std::uint32_t output : {9U, 8U}) {
    ListedAcceptance acceptance(3, {2, 0, 3});
    RankBench bench(policy::VllmSpec{.max_num_seqs = 8, .max_num_batched_tokens = 32}, 20, 1, 4, false, {},
                    &acceptance);
    bench.add(6, output);
    for (int i = 0; i < 3; ++i) static_cast<void>(bench.step());
    CHECK(bench.step() == (output == 9 ? "A4 | free 20 | ended A" : "A3 | free 20 | ended A"));
  }
}

TEST_CASE("speculation: a decode counts with its drafts against the budget") {
  // Budget 8, two decodes of 1 + 2 tokens: 2 are left for the prompt of C. Places: 4 + 2 of each prompt in two blocks,
  // then 4 + 3 + 2 of A and B in three, 2 + 2 of C in one.
  ListedAcceptance acceptance(2, {});
  RankBench bench(policy::VllmSpec{.max_num_seqs = 2 + 1, .max_num_batched_tokens = 8}, 40, 1, 4, false, {},
                  &acceptance);
  bench.add(4, 9);
  bench.add(4, 9);
  CHECK(bench.step() == "A4 B4 | free 36 | running AB | first AB");
  bench.add(6, 1);
  CHECK(bench.step() == "A1 B1 C2 | free 33 | running ABC");
}

TEST_CASE("speculation: without room for its drafts a decode preempts the last admitted") {
  // 6 blocks of 4, k = 1. A(8,9) and B(8,9) take 3 each with one place ahead; computed + 2 + 1 = 11 places fit into 3
  // blocks, at 10 computed the 13th place needs a 4th: B leaves.
  ListedAcceptance acceptance(1, {1, 1});
  RankBench bench(policy::VllmSpec{.max_num_seqs = 4, .max_num_batched_tokens = 32}, 6, 1, 4, false, {}, &acceptance);
  bench.add(8, 9);
  bench.add(8, 9);
  CHECK(bench.step() == "A8 B8 | free 0 | running AB | first AB");
  CHECK(bench.step() == "A2 B2 | free 0 | running AB");
  CHECK(bench.step() == "A1 | free 2 | running A | waiting B | preempted B");
}

TEST_CASE("sglang drafts: a decode takes places for its token and drafts and waits while prompts are there") {
  // k = 2, pages of one token, all drafts right. A(6,6) has 6 places, then 6 + 3; three of its five tokens come at
  // once. B's prompt goes first; with it A's third step takes 9 + 3 places, of which B, done after one token, gives 4 +
  // 3 back.
  ListedAcceptance acceptance(2, {2, 2, 2});
  RankBench bench(policy::SglangSpec{.chunked_prefill_size = 8}, 40, 1, 1, false, {}, &acceptance);
  bench.add(6, 6);
  CHECK(bench.step() == "A6 | free 34 | running A | first A");
  bench.add(4, 2);
  CHECK(bench.step() == "B4 | free 30 | running AB | first B");
  CHECK(bench.step() == "A3 B1 | free 31 | running A | ended B");
  CHECK(bench.step() == "A2 | free 40 | ended A");
}

TEST_CASE("sglang drafts: an end seen a step late computes its drafts once more") {
  // Two steps deep, k = 1, the draft wrong: A(3,2) decodes once at 3 + 2 tokens, and once more for nothing at 4 + 2.
  ListedAcceptance acceptance(1, {0, 0});
  RankBench bench(policy::SglangSpec{.chunked_prefill_size = 8}, 20, 2, 1, false, {}, &acceptance);
  bench.add(3, 2);
  CHECK(bench.step() == "A3 | free 17 | running A");
  CHECK(bench.step() == "A1 | free 15 | running A | first A");
  CHECK(bench.composed().shape.decode_context == 5);
  CHECK(bench.step() == "nothing | free 20 | ended A");
  CHECK(bench.composed().shape.decodes == 1);
  CHECK(bench.composed().shape.decode_context == 6);
  CHECK(bench.composed().decode_tokens == 0);
}

TEST_CASE("tensorrt-llm drafts: decodes count with their drafts and leave prompts the rest of the step") {
  // 9 tokens a step, k = 2, blocks of 4, all drafts right. Beside A's 3 tokens 6 are left, of which B gets a whole
  // block; its blocks are taken at once. A(4,7) holds ceil((4 + 3) / 4), then ceil((7 + 3) / 4) blocks.
  ListedAcceptance acceptance(2, {2, 2, 2});
  RankBench bench(policy::TrtllmSpec{.max_num_tokens = 9, .enable_chunked_prefill = true}, 40, 1, 4, false, {},
                  &acceptance);
  bench.add(4, 7);
  CHECK(bench.step() == "A4 | free 39 | running A | first A");
  bench.add(8, 2);
  CHECK(bench.step() == "A3 B4 | free 36 | running AB");
  CHECK(bench.step() == "A3 B4 | free 38 | running B | first B | ended A");
  CHECK(bench.step() == "B1 | free 40 | ended B");
}

TEST_CASE("tensorrt-llm drafts: without eviction room is reserved for the drafts beside the last token") {
  // A(4,4) takes 8 places, 2 blocks of 4; with two drafts 10 places, 3 blocks: of 5 blocks B finds two, and waits.
  for (const std::uint32_t drafts : {0U, 2U}) {
    ListedAcceptance acceptance(2, {0, 0, 0, 0, 0, 0});
    RankBench bench(policy::TrtllmSpec{.max_num_tokens = 16}, 5, 1, 4, false, {}, drafts > 0 ? &acceptance : nullptr);
    bench.add(4, 4);
    bench.add(4, 4);
    CHECK(bench.step() ==
          (drafts > 0 ? "A4 | free 4 | running A | waiting B | first A" : "A4 B4 | free 3 | running AB | first AB"));
  }
}

TEST_CASE("speculation: as many steps as the acceptance says and every token handed out once") {
  // Drafts accepted with 0.7: 1.7 tokens a step; 4,000 tokens take 4,000 / 1.7 = 2,353 steps, give or take
  // 4 * sqrt(2,353 * 0.21) / 1.7 = 52.
  DiceAcceptance acceptance(1, 0.7, 5);
  const Played played = play_flat({.depth = 1, .acceptance = &acceptance}, {{0, 16, 4001}});
  const double steps =
      static_cast<double>(played.requests[0].last_token.ns() - played.requests[0].first_token.ns()) / (10 * kMs);
  CHECK(std::abs(steps - 4000 / 1.7) < 52);
  CHECK(played.meters[0].tokens_out == 4001);
  CHECK(played.meters[0].decode_tokens == 4000);
  // Of the tokens after the first, as many came with their predecessor as drafts were accepted.
  CHECK(played.meters[0].gaps().count() == 4000);
  CHECK(static_cast<double>(played.meters[0].drafts_accepted) == 4000 - std::round(steps));
}

TEST_CASE("speculation: certain acceptance makes a run as much shorter and no acceptance leaves it") {
  const auto last_token = [](double rate) {
    return std::stoll(in_child([&] {
      DiceAcceptance acceptance(3, rate, 1);
      const Played played = play_flat({.depth = 1, .acceptance = &acceptance}, {{0, 16, 401}});
      return std::to_string(played.requests[0].last_token.ns());
    }));
  };
  CHECK(last_token(0.0) == 401 * 10 * kMs);             // as without drafts: a token a step
  CHECK(last_token(1.0) == 10 * kMs + 100 * 10 * kMs);  // 4 tokens a step
}

TEST_CASE("speculation: many requests under pressure get all their tokens") {
  std::vector<ScriptedSource::Row> rows;
  std::uint64_t tokens = 0;
  for (std::uint32_t i = 0; i < 60; ++i) {
    rows.push_back({i * 3 * kMs, 1 + i * 7 % 40, 1 + i * 13 % 50});
    tokens += 1 + i * 13 % 50;
  }
  const std::vector<policy::RulesSpec> engines{
      policy::VllmSpec{.max_num_seqs = 6, .max_num_batched_tokens = 48},
      policy::SglangSpec{.max_running_requests = 6, .chunked_prefill_size = 48, .schedule_conservativeness = 0.1},
      policy::TrtllmSpec{.max_batch_size = 6,
                         .max_num_tokens = 48,
                         .capacity_scheduler_policy = policy::CapacityPolicy::MaxUtilization}};
  for (const auto& [rules, depth] : {std::pair{engines[0], 1U},
                                     {engines[0], 2U},
                                     {engines[1], 1U},
                                     {engines[1], 2U},
                                     {engines[2], 1U},
                                     {engines[2], 2U}}) {
    const std::string told = in_child([&rules = rules, &depth = depth, &rows] {
      DiceAcceptance acceptance(2, 0.6, 9);
      const Played played =
          play_flat({.rules = rules, .blocks = 24, .block_tokens = 8, .depth = depth, .acceptance = &acceptance}, rows);
      const metrics::InstanceMeter& meter = played.meters[0];
      const bool pressed = meter.preemptions > 0 && meter.peak_blocks() <= 24;
      return std::to_string(played.requests.size()) + " " + std::to_string(meter.tokens_out) +
             (pressed ? " pressed" : "");
    });
    CHECK(told == "60 " + std::to_string(tokens) + " pressed");
  }
}
