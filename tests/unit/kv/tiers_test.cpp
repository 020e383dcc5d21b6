#include "sim/kv/tiers.hpp"

#include "models/base/errors.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace tokenyard;
using kv::TierKind;
using kv::TierSpec;
using kv::TierStack;
using kv::WritePolicy;

namespace {

const std::vector<std::uint64_t> kNoHistory;
constexpr Bytes kBlock{1e6};
constexpr SimTime kUs{1'000};
constexpr SimTime kLater{1'000'000'000};  // all that was written is there

/// Blocks of 1 MB: 10 GB/s read one in 100 us.
TierSpec tier(TierKind kind, double blocks, WritePolicy policy, double read_gb_per_s = 10.0) {
  return {.kind = kind,
          .capacity = kBlock * blocks,
          .read = BytesPerSecond{read_gb_per_s * 1e9},
          .write = BytesPerSecond{1e10},
          .latency = Seconds{20e-6},
          .policy = policy};
}

/// A prompt of five blocks and the names of these.
struct Prompt {
  workloads::Request request{.prompt_tokens = 80, .prefix = {.block_tokens = 16, .ids = {1, 2, 3, 4, 5}}};
  kv::BlockIds ids{request, kNoHistory, 16};
};

}  // namespace

TEST_CASE("cache tiers: a block goes on to the next tier when its place is used again") {
  const Prompt prompt;
  TierStack stack({.tiers = {tier(TierKind::Host, 2, WritePolicy::Back), tier(TierKind::Nvme, 9, WritePolicy::Back)}},
                  kBlock, 16, nullptr);
  for (std::uint32_t i = 5; i > 0; --i) stack.evicted(prompt.ids[i - 1], SimTime{});  // from the end, as caches give up
  stack.set_time(kLater);
  // Host holds the last two that came, blocks 0 and 1; 2, 3 and 4 went on.
  CHECK(stack.match(prompt.ids, 0, 5) == TierStack::Counts{2, 3, 0});
  CHECK(stack.match(prompt.ids, 1, 5) == TierStack::Counts{1, 3, 0});
  CHECK(stack.match(prompt.ids, 0, 3) == TierStack::Counts{2, 1, 0});
  CHECK(stack.traffic().written_blocks == std::array<std::uint64_t, 3>{5, 3, 0});
  CHECK(stack.traffic().read_blocks == std::array<std::uint64_t, 3>{});
}

TEST_CASE("cache tiers: write through copies names when they come and selective when a second request uses them") {
  const Prompt prompt;
  TierStack through({.tiers = {tier(TierKind::Host, 9, WritePolicy::Through)}}, kBlock, 16, nullptr);
  through.named(prompt.ids[0], SimTime{});
  through.named(prompt.ids[0], SimTime{});
  through.set_time(kLater);
  CHECK(through.match(prompt.ids, 0, 5) == TierStack::Counts{1, 0, 0});
  CHECK(through.traffic().written_blocks[0] == 1);  // what is there is not written again
  through.evicted(prompt.ids[1], kLater);
  through.set_time(kLater * 2);
  CHECK(through.match(prompt.ids, 1, 5) == TierStack::Counts{});

  TierStack selective({.tiers = {tier(TierKind::Host, 9, WritePolicy::Selective)}}, kBlock, 16, nullptr);
  selective.named(prompt.ids[0], SimTime{});
  selective.named(prompt.ids[1], SimTime{});
  selective.evicted(prompt.ids[1], SimTime{});
  selective.used_again(prompt.ids[0], SimTime{});
  selective.set_time(kLater);
  CHECK(selective.match(prompt.ids, 0, 5) == TierStack::Counts{1, 0, 0});
  CHECK(selective.traffic().written_blocks[0] == 1);
}

TEST_CASE("cache tiers: writes follow each other and what is written can be read when it is there") {
  // 10 GB/s write a block in 100 us.
  const Prompt prompt;
  TierStack stack({.tiers = {tier(TierKind::Host, 9, WritePolicy::Through)}}, kBlock, 16, nullptr);
  for (std::uint32_t i = 0; i < 3; ++i) stack.named(prompt.ids[i], SimTime{});
  for (std::int64_t i = 0; i < 3; ++i) {
    stack.set_time(kUs * (100 * (i + 1)) - SimTime{1});
    CHECK(stack.match(prompt.ids, 0, 5)[0] == i);
    stack.set_time(kUs * (100 * (i + 1)));
    CHECK(stack.match(prompt.ids, 0, 5)[0] == i + 1);
  }
  // After a pause the link is free: 500 us + 100.
  stack.named(prompt.ids[3], kUs * 500);
  stack.set_time(kUs * 599);
  CHECK(stack.match(prompt.ids, 0, 5)[0] == 3);
  stack.set_time(kUs * 600);
  CHECK(stack.match(prompt.ids, 0, 5)[0] == 4);
}

TEST_CASE("cache tiers: reads of one tier follow each other and tiers work side by side") {
  const Prompt prompt;
  TierStack stack(
      {.tiers = {tier(TierKind::Host, 9, WritePolicy::Back), tier(TierKind::Nvme, 9, WritePolicy::Through, 1.0)}},
      kBlock, 16, nullptr);
  // Three blocks of the host: 20 us + 3 * 100 us. Two of the drive at 1 GB/s: 20 us + 2 ms.
  CHECK(stack.end_of_read(SimTime{}, {3, 0, 0}) == kUs * 320);
  CHECK(stack.end_of_read(SimTime{}, {3, 2, 0}) == kUs * 2'020);
  CHECK(stack.end_of_read(kUs * 5, {0, 0, 0}) == kUs * 5);
  for (std::uint32_t i = 0; i < 5; ++i) stack.evicted(prompt.ids[i], SimTime{});
  const TierStack::Read read = stack.read(SimTime{}, prompt.ids, 0, {3, 0, 0});
  CHECK(read.begin == kUs * 20);
  CHECK(read.end == kUs * 320);
  // The next waits until the link is free, 300 us after the first began.
  CHECK(stack.end_of_read(kUs * 10, {1, 0, 0}) == kUs * 420);
  CHECK(stack.end_of_read(kUs * 500, {1, 0, 0}) == kUs * 620);
  CHECK(stack.traffic().read_blocks[0] == 3);
}

TEST_CASE("cache tiers: what was read is the last to go") {
  const Prompt prompt;
  TierStack stack({.tiers = {tier(TierKind::Host, 2, WritePolicy::Back)}}, kBlock, 16, nullptr);
  stack.evicted(prompt.ids[0], SimTime{});
  stack.evicted(prompt.ids[1], SimTime{});
  stack.set_time(kLater);
  (void)stack.read(kLater, prompt.ids, 0, {1, 0, 0});
  stack.evicted(prompt.ids[2], kLater);
  stack.set_time(kLater * 2);
  CHECK(stack.match(prompt.ids, 0, 5) == TierStack::Counts{1, 0, 0});
  CHECK(stack.match(prompt.ids, 2, 5) == TierStack::Counts{1, 0, 0});
}

TEST_CASE("cache tiers: what one instance wrote to a pool another one finds when it is there") {
  const Prompt prompt;
  kv::TierStore pool(9);
  const kv::TiersSpec spec{.tiers = {tier(TierKind::Pool, 9, WritePolicy::Through)}};
  TierStack left(spec, kBlock, 16, &pool);
  TierStack right(spec, kBlock, 16, &pool);
  left.named(prompt.ids[0], SimTime{});
  right.set_time(kUs * 99);
  CHECK(right.match(prompt.ids, 0, 5) == TierStack::Counts{});
  right.set_time(kUs * 100);
  CHECK(right.match(prompt.ids, 0, 5) == TierStack::Counts{0, 0, 1});
  CHECK(right.traffic().written_blocks[2] == 0);
  // Each has a link of its own.
  (void)left.read(SimTime{}, prompt.ids, 0, {0, 0, 1});
  CHECK(right.end_of_read(SimTime{}, {0, 0, 1}) == SimTime{120'000});
}

TEST_CASE("cache tiers: below the load back threshold nothing is found") {
  const Prompt prompt;
  TierStack stack({.tiers = {tier(TierKind::Host, 9, WritePolicy::Through)}, .load_back_threshold = 33}, kBlock, 16,
                  nullptr);
  for (std::uint32_t i = 0; i < 5; ++i) stack.named(prompt.ids[i], SimTime{});
  stack.set_time(kLater);
  CHECK(stack.match(prompt.ids, 3, 5) == TierStack::Counts{});  // 32 tokens
  CHECK(stack.match(prompt.ids, 2, 5) == TierStack::Counts{3, 0, 0});
}

TEST_CASE("cache tiers: where blocks move what is read leaves and where copies are kept it does not give way") {
  const Prompt prompt;
  TierStack moves({.tiers = {tier(TierKind::Host, 9, WritePolicy::Back)}, .rules = {.moves = true}}, kBlock, 16,
                  nullptr);
  moves.evicted(prompt.ids[0], SimTime{});
  moves.set_time(kLater);
  (void)moves.read(kLater, prompt.ids, 0, {1, 0, 0});
  CHECK(moves.match(prompt.ids, 0, 5) == TierStack::Counts{});
  moves.evicted(prompt.ids[0], kLater);
  CHECK(moves.traffic().written_blocks[0] == 2);

  // Room for two. Blocks 0 and 1 stand on the chips too, so 2 finds no room; when the chips have lost 1, it gives way.
  TierStack keeps({.tiers = {tier(TierKind::Host, 2, WritePolicy::Through)}, .rules = {.keeps_copies = true}}, kBlock,
                  16, nullptr);
  for (std::uint32_t i = 0; i < 3; ++i) keeps.named(prompt.ids[i], SimTime{});
  CHECK(keeps.traffic().written_blocks[0] == 2);
  keeps.evicted(prompt.ids[1], kLater);
  keeps.named(prompt.ids[2], kLater);  // another rank computes it
  keeps.set_time(kLater * 2);
  CHECK(keeps.match(prompt.ids, 0, 5) == TierStack::Counts{1, 0, 0});
  CHECK(keeps.match(prompt.ids, 2, 5) == TierStack::Counts{1, 0, 0});
}

TEST_CASE("cache tiers: where copies are chained the next tier has a block one write after the first") {
  // 100 us to the host, then 100 us to the pool.
  const Prompt prompt;
  kv::TierStore pool(9);
  TierStack stack({.tiers = {tier(TierKind::Host, 9, WritePolicy::Through), tier(TierKind::Pool, 9, WritePolicy::Back)},
                   .rules = {.chains = true}},
                  kBlock, 16, &pool);
  stack.named(prompt.ids[0], SimTime{});
  pool.set_time(kUs * 199);
  CHECK_FALSE(pool.has(prompt.ids[0]));
  pool.set_time(kUs * 200);
  CHECK(pool.has(prompt.ids[0]));
}

TEST_CASE("cache tiers: places that are written back are awaited only where the engine does so") {
  const Prompt prompt;
  for (const bool waits : {true, false}) {
    TierStack stack({.tiers = {tier(TierKind::Host, 9, WritePolicy::Back)}, .rules = {.waits_for_writes = waits}},
                    kBlock, 16, nullptr);
    stack.evicted(prompt.ids[0], kUs * 10);
    stack.evicted(prompt.ids[1], kUs * 10);
    CHECK(stack.written_back() == (waits ? kUs * 210 : SimTime{}));
  }
}

namespace {

/// Five blocks in a pool; a block takes 1 ms from there and 20 us go before the first.
struct Ahead {
  Prompt prompt;
  kv::TierStore pool{9};
  TierStack stack;
  explicit Ahead(const kv::PrefetchSpec& spec)
      : stack(
            {.tiers = {tier(TierKind::Host, 9, WritePolicy::Back), tier(TierKind::Pool, 9, WritePolicy::Through, 1.0)},
             .prefetch = spec},
            kBlock, 16, &pool) {
    for (std::uint32_t i = 0; i < 5; ++i) (void)pool.write(prompt.ids[i], SimTime{});
    stack.set_time(SimTime{1});
  }
};

constexpr std::int64_t kMs = 1'000'000;

}  // namespace

TEST_CASE("prefetch: what has come when it is stopped is in the first tier and no more") {
  for (const std::int64_t ms : {0, 1, 3, 5, 9}) {
    CAPTURE(ms);
    Ahead ahead({.policy = kv::PrefetchPolicy::BestEffort, .threshold = 1});
    REQUIRE(ahead.stack.prefetch(SimTime{}, 7, ahead.prompt.ids, 0, 5));
    CHECK(ahead.stack.match(ahead.prompt.ids, 0, 5) == TierStack::Counts{});  // a pool is read no other way
    const SimTime now = SimTime{ms * kMs} + kUs * 20;
    CHECK(ahead.stack.end_prefetch(now, 7) == (ms >= 5));
    const auto come = static_cast<std::uint32_t>(std::min<std::int64_t>(ms, 5));
    CHECK(ahead.stack.match(ahead.prompt.ids, 0, 5) == TierStack::Counts{come, 0, 0});
    CHECK(ahead.stack.traffic().read_blocks[2] == come);
    CHECK(ahead.stack.traffic().written_blocks[0] == come);
  }
}

TEST_CASE("prefetch: less than the threshold is not read and what the first tier has not read again") {
  Ahead ahead({.policy = kv::PrefetchPolicy::WaitComplete, .threshold = 81});
  CHECK_FALSE(ahead.stack.prefetch(SimTime{}, 7, ahead.prompt.ids, 0, 5));  // 80 tokens
  Ahead enough({.policy = kv::PrefetchPolicy::WaitComplete, .threshold = 80});
  REQUIRE(enough.stack.prefetch(SimTime{}, 7, enough.prompt.ids, 0, 5));
  CHECK(enough.stack.end_prefetch(SimTime{9 * kMs}, 7));
  CHECK_FALSE(enough.stack.prefetch(SimTime{9 * kMs}, 8, enough.prompt.ids, 0, 5));  // nothing is missing
}

TEST_CASE("prefetch: requests are read for in order and sooner when one before is stopped") {
  // 20 us + 5 ms, then 20 us + 5 ms.
  Ahead ahead({.policy = kv::PrefetchPolicy::WaitComplete, .threshold = 1});
  REQUIRE(ahead.stack.prefetch(SimTime{}, 7, ahead.prompt.ids, 0, 5));
  REQUIRE(ahead.stack.prefetch(SimTime{}, 8, ahead.prompt.ids, 0, 5));
  CHECK(ahead.stack.prefetched_at(SimTime{}, 7) == kUs * 5'020);
  CHECK(ahead.stack.prefetched_at(SimTime{}, 8) == kUs * 10'040);
  CHECK(ahead.stack.prefetched_at(kUs * 2'500, 8) == kUs * 10'040);
  CHECK_FALSE(ahead.stack.end_prefetch(kUs * 2'500, 7));  // two blocks have come, a part of the third is dropped
  CHECK(ahead.stack.prefetched_at(kUs * 2'500, 8) == kUs * (2'500 + 5'020));
  CHECK(ahead.stack.match(ahead.prompt.ids, 0, 5) == TierStack::Counts{2, 0, 0});
}

TEST_CASE("prefetch: a request waits for all that is read or for its time") {
  // 5.02 ms in all; 80 tokens give it 1 ms + 80 / 1,024 * 10.24 ms = 1.8 ms.
  Ahead ahead({.policy = kv::PrefetchPolicy::Timeout,
               .threshold = 1,
               .timeout_base = SimTime{kMs},
               .timeout_per_1024 = SimTime{10'240'000}});
  REQUIRE(ahead.stack.prefetch(SimTime{}, 7, ahead.prompt.ids, 0, 5));
  CHECK(ahead.stack.prefetched_at(SimTime{}, 7) == kUs * 1'800);
  CHECK_FALSE(ahead.stack.end_prefetch(kUs * 1'800, 7));
  CHECK(ahead.stack.match(ahead.prompt.ids, 0, 5) == TierStack::Counts{1, 0, 0});
}

TEST_CASE("cache tiers: what the machine's links carry takes no time here") {
  const Prompt prompt;
  TierSpec host = tier(TierKind::Host, 9, WritePolicy::Back);
  host.on_links = true;
  TierStack stack({.tiers = {host, tier(TierKind::Nvme, 9, WritePolicy::Through, 1.0)}}, kBlock, 16, nullptr);
  for (std::uint32_t i = 0; i < 5; ++i) stack.evicted(prompt.ids[i], SimTime{});
  CHECK(stack.end_of_read(SimTime{}, {3, 0, 0}) == SimTime{});
  CHECK(stack.end_of_read(SimTime{}, {3, 1, 0}) == SimTime{1'020'000});  // 20 us and a block at 1 GB/s
  CHECK(stack.read(SimTime{}, prompt.ids, 0, {3, 0, 0}).end == SimTime{});
  CHECK(stack.traffic().read_blocks[0] == 3);
}

TEST_CASE("cache tiers: a wrong order is refused") {
  const kv::TiersSpec order{
      .tiers = {tier(TierKind::Pool, 1, WritePolicy::Back), tier(TierKind::Host, 1, WritePolicy::Back)}};
  CHECK_THROWS_WITH_AS(kv::validate(order),
                       "tiers: host stands behind pool; they go from near to far: host, nvme, pool, each once",
                       SpecError);
}

TEST_CASE("prefetch: without host memory or anything behind it there is none") {
  const kv::TiersSpec alone{.tiers = {tier(TierKind::Host, 1, WritePolicy::Back)}, .prefetch = kv::PrefetchSpec{}};
  CHECK_THROWS_WITH_AS(kv::validate(alone),
                       "prefetch: reads drives and pools into host memory; it needs a tier host and one behind it",
                       SpecError);
  const kv::TiersSpec apart{
      .tiers = {tier(TierKind::Nvme, 1, WritePolicy::Back), tier(TierKind::Pool, 1, WritePolicy::Back)},
      .prefetch = kv::PrefetchSpec{}};
  CHECK_THROWS_AS(kv::validate(apart), SpecError);
}
