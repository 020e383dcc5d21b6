#include "tests/support/child.hpp"
#include "tests/support/dice_acceptance.hpp"
#include "tests/support/digest.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <vector>

using namespace tokenyard;
using namespace tokenyard::test;

namespace {

/// A small generator of its own, so that the cases never change under us (splitmix64).
struct Dice {
  std::uint64_t state;
  std::uint64_t next() {
    std::uint64_t z = (state += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }
  std::uint32_t below(std::uint32_t n) { return static_cast<std::uint32_t>(next() % n); }
};

std::vector<ScriptedSource::Row> random_rows(std::uint64_t seed, std::uint32_t count, std::uint32_t gap_ns) {
  Dice dice{seed};
  std::vector<ScriptedSource::Row> rows;
  std::int64_t now = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    rows.push_back({now, 1 + dice.below(150), 1 + dice.below(120)});
    // Round numbers on purpose: arrivals then fall on ends of steps, and ties must be broken alike.
    if (dice.below(4) > 0) now += std::int64_t{dice.below(gap_ns / 1'000'000 + 1)} * 1'000'000;
  }
  return rows;
}

/// Whole milliseconds, so that steps of several instances end together, with a context term that makes steps grow.
FormulaCost round_cost(std::int64_t stages) {
  return FormulaCost(
      [](const cost::StepShape& shape) {
        return 2'000'000 + 1'000'000 * static_cast<std::int64_t>(shape.tokens() / 32) +
               500'000 * static_cast<std::int64_t>(shape.decode_context / 512) +
               static_cast<std::int64_t>(shape.prefill_area_x2 / 4096) * 250'000 +
               500'000 * static_cast<std::int64_t>(shape.longest_context / 64);
      },
      stages);
}

/// Beginnings of few texts, for prefix caches.
void give_ids(std::uint64_t seed, std::vector<ScriptedSource::Row>& rows) {
  Dice dice{seed};
  for (ScriptedSource::Row& row : rows) {
    if (dice.below(5) == 0) continue;
    std::uint64_t chain = 1;
    for (std::uint32_t i = 0; i < (row.prompt + 15) / 16; ++i) {
      row.ids.push_back(chain = chain * 131 + (dice.below(4) == 0 ? 1U : 2U));
    }
  }
}

void both_ways(SmallCluster cluster, std::uint64_t seed, std::uint32_t requests, std::uint32_t gap_ns,
               bool drafts = false) {
  auto rows = random_rows(seed, requests, gap_ns);
  if (cluster.caching) give_ids(seed, rows);
  const auto play_it = [&](bool step_by_step) {
    return in_child([&] {
      cluster.step_by_step = step_by_step;
      ScriptedSource source{rows};
      DiceAcceptance acceptance(2, 0.6, seed);
      if (drafts) cluster.acceptance = &acceptance;
      FormulaCost cost = round_cost(cluster.stages);
      cost.sent_per_token = Bytes{3e5};  // 0.3 ms a token where flows share its links
      cost.flows = 2.0;
      const Played played = play(cluster, source, cost);
      return std::to_string(played.events) + "\n" + digest(played);
    });
  };
  const std::string runs = play_it(false);
  const std::string steps = play_it(true);
  const auto body = [](const std::string& text) { return text.substr(text.find('\n')); };
  CAPTURE(seed);
  CHECK(body(runs) == body(steps));
  CHECK(std::stoull(runs) <= std::stoull(steps));  // and it took fewer events
  CHECK(body(runs).size() > requests * 20);        // of something
}

}  // namespace

TEST_CASE("decode runs: equal single steps bit for bit on one instance") {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    both_ways({.depth = 1 + static_cast<std::uint32_t>(seed % 2)}, seed, 60, seed % 3 == 0 ? 40'000'000 : 200'000'000);
  }
}

TEST_CASE("decode runs: equal single steps bit for bit when blocks run out and requests are preempted") {
  for (std::uint64_t seed = 21; seed <= 32; ++seed) {
    both_ways(
        {.rules =
             policy::VllmSpec{.max_num_seqs = 8, .max_num_batched_tokens = 96, .reserve_full_prompt = seed % 2 == 0},
         .blocks = 24 + static_cast<std::uint32_t>(seed % 9),
         .depth = 1 + static_cast<std::uint32_t>(seed % 2)},
        seed, 60, 60'000'000);
  }
}

TEST_CASE("decode runs: equal single steps bit for bit with several instances and a router that looks at their load") {
  for (std::uint64_t seed = 41; seed <= 52; ++seed) {
    both_ways({.rules = policy::VllmSpec{.max_num_seqs = 6, .max_num_batched_tokens = 64},
               .instances = 3,
               .ranks = 1 + static_cast<std::uint32_t>(seed % 3),
               .blocks = 60,
               .router = policy::RouterKind::LeastOutstandingTokens},
              seed, 120, 30'000'000);
  }
}

TEST_CASE("decode runs: equal single steps bit for bit with prefill and decode apart and KV caches as flows") {
  for (std::uint64_t seed = 61; seed <= 72; ++seed) {
    both_ways({.rules = policy::VllmSpec{.max_num_seqs = 6, .max_num_batched_tokens = 128},
               .instances = 2,
               .ranks = 1 + static_cast<std::uint32_t>(seed % 2),
               .blocks = 40,
               .depth = 1 + static_cast<std::uint32_t>(seed % 2),
               .router = policy::RouterKind::LeastOutstandingTokens,
               .decode_instances = 2},
              seed, 80, 40'000'000);
  }
}

TEST_CASE("decode runs: equal single steps bit for bit when KV caches and collectives share links") {
  for (std::uint64_t seed = 201; seed <= 218; ++seed) {
    both_ways({.rules = policy::VllmSpec{.max_num_seqs = 6, .max_num_batched_tokens = 128},
               .instances = 2,
               .ranks = 1 + static_cast<std::uint32_t>(seed % 2),
               .blocks = seed % 4 == 0 ? 40U : 400U,
               .depth = 1 + static_cast<std::uint32_t>(seed % 2),
               .router = policy::RouterKind::LeastOutstandingTokens,
               .decode_instances = 2,
               .push = seed % 3 > 0,
               .with_prefill = seed % 3 > 1,
               .layers = 4,
               .contention = true},
              seed, 80, 40'000'000);
  }
  for (std::uint64_t seed = 221; seed <= 228; ++seed) {  // stages
    both_ways({.rules = policy::VllmSpec{.max_num_seqs = 4, .max_num_batched_tokens = 64},
               .instances = 1,
               .stages = 2 + static_cast<std::uint32_t>(seed % 3),
               .decode_instances = 1,
               .contention = true},
              seed, 60, 40'000'000);
  }
}

TEST_CASE("decode runs: equal single steps bit for bit in a closed loop") {
  for (std::uint64_t seed = 81; seed <= 88; ++seed) {
    both_ways({.rules = policy::VllmSpec{.max_num_seqs = 4, .max_num_batched_tokens = 64},
               .instances = 2,
               .concurrency = 7,
               .router = policy::RouterKind::LeastOutstandingTokens},
              seed, 60, 1'000'000);
  }
}

TEST_CASE("decode runs: equal single steps bit for bit in a pipeline") {
  for (std::uint64_t seed = 101; seed <= 112; ++seed) {
    both_ways({.rules = policy::VllmSpec{.max_num_seqs = 4, .max_num_batched_tokens = 64},
               .instances = 2,
               .ranks = 1 + static_cast<std::uint32_t>(seed % 2),
               .stages = 2 + static_cast<std::uint32_t>(seed % 3),
               .blocks = seed % 3 == 0 ? 24U : 1000U,
               .router = policy::RouterKind::LeastOutstandingTokens},
              seed, 80, 40'000'000);
  }
}

TEST_CASE("decode runs: equal single steps bit for bit in two pipelines that hand KV caches over") {
  for (std::uint64_t seed = 121; seed <= 132; ++seed) {
    both_ways({.rules = policy::VllmSpec{.max_num_seqs = 6, .max_num_batched_tokens = 64},
               .stages = 2 + static_cast<std::uint32_t>(seed % 3),
               .blocks = 60,
               .decode_instances = 1},
              seed, 80, 40'000'000);
  }
}

TEST_CASE("decode runs: equal single steps bit for bit with prefix caches whose blocks run out") {
  for (std::uint64_t seed = 101; seed <= 112; ++seed) {
    both_ways(
        {.rules =
             policy::VllmSpec{.max_num_seqs = 8, .max_num_batched_tokens = 96, .reserve_full_prompt = seed % 2 == 0},
         .blocks = 24 + static_cast<std::uint32_t>(seed % 9),
         .depth = 1 + static_cast<std::uint32_t>(seed % 2),
         .caching = kv::PrefixCacheSpec{.order = static_cast<kv::EvictionOrder>(seed % 3)}},
        seed, 60, 60'000'000);
  }
}

TEST_CASE(
    "decode runs: equal single steps bit for bit with prefix caches that forget and routers that know them late") {
  for (std::uint64_t seed = 121; seed <= 128; ++seed) {
    both_ways(
        {.rules = policy::VllmSpec{.max_num_seqs = 6, .max_num_batched_tokens = 128},
         .instances = 3,
         .ranks = 1 + static_cast<std::uint32_t>(seed % 2),
         .blocks = 40,
         .caching = kv::PrefixCacheSpec{.ttl = SimTime{400'000'000}},
         .routing =
             policy::RouterSpec{.kind = seed % 2 == 0 ? policy::RouterKind::KvAware : policy::RouterKind::PrefixAware,
                                .refresh = SimTime{5'000'000},
                                .view = seed % 4 < 2 ? policy::PrefixView::Events : policy::PrefixView::Guess,
                                .delay = SimTime{7'000'000}},
         .decode_instances = seed % 3 == 0 ? 2U : 0U},
        seed, 80, 40'000'000);
  }
}

TEST_CASE("decode runs: equal single steps bit for bit when windows give blocks back") {
  for (std::uint64_t seed = 301; seed <= 324; ++seed) {
    SmallCluster cluster{
        .rules =
            policy::VllmSpec{.max_num_seqs = 8, .max_num_batched_tokens = 96, .reserve_full_prompt = seed % 2 == 0},
        .instances = 1 + static_cast<std::uint32_t>(seed % 2),
        .ranks = 1 + static_cast<std::uint32_t>(seed / 2 % 2),
        .blocks = seed % 4 == 0 ? 1000U : 60 + static_cast<std::uint32_t>(seed % 9),
        .layout = {.full = seed % 5 == 0 ? 0U : 1U,
                   .windowed = 1,
                   .window = 1 + static_cast<std::uint32_t>(seed * 7 % 90)},
        .depth = 1 + static_cast<std::uint32_t>(seed / 4 % 2),
        .router = policy::RouterKind::LeastOutstandingTokens};
    if (seed % 3 > 0) cluster.caching = kv::PrefixCacheSpec{.order = static_cast<kv::EvictionOrder>(seed / 3 % 3)};
    both_ways(cluster, seed, 80, 60'000'000, seed % 6 == 5);
  }
}

TEST_CASE("decode runs: equal single steps bit for bit with drafts") {
  for (std::uint64_t seed = 141; seed <= 152; ++seed) {
    both_ways({.rules = policy::VllmSpec{.max_num_seqs = 6, .max_num_batched_tokens = 64},
               .instances = 2,
               .ranks = 1 + static_cast<std::uint32_t>(seed % 2),
               .blocks = seed % 3 == 0 ? 40U : 1000U,
               .depth = 1 + static_cast<std::uint32_t>(seed / 2 % 2),
               .routing = policy::RouterSpec{.kind = policy::RouterKind::LeastOutstandingTokens}},
              seed, 80, 40'000'000, true);
  }
}
