#include "sim/kv/tiers.hpp"

#include "models/base/errors.hpp"

#include <doctest/doctest.h>

using namespace tokenyard;
using kv::TierKind;
using kv::TierSpec;
using kv::TierStack;
using kv::WritePolicy;

namespace {

const std::vector<std::uint64_t> kNoHistory;
constexpr Bytes kBlock{1e6};

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
                  kBlock, nullptr);
  for (std::uint32_t i = 5; i > 0; --i) stack.evicted(prompt.ids[i - 1], 1);  // from the end, as a cache gives up
  // Host holds the last two that came, blocks 0 and 1; 2, 3 and 4 went on.
  CHECK(stack.match(prompt.ids, 0, 5) == TierStack::Counts{2, 3, 0});
  CHECK(stack.match(prompt.ids, 1, 5) == TierStack::Counts{1, 3, 0});
  CHECK(stack.match(prompt.ids, 0, 3) == TierStack::Counts{2, 1, 0});
  CHECK(stack.traffic().written_blocks == std::array<std::uint64_t, 3>{5, 3, 0});
  CHECK(stack.traffic().read_blocks == std::array<std::uint64_t, 3>{});
}

TEST_CASE("cache tiers: write through copies names when they come and selective only those that two requests used") {
  const Prompt prompt;
  TierStack through({.tiers = {tier(TierKind::Host, 9, WritePolicy::Through)}}, kBlock, nullptr);
  through.named(prompt.ids[0]);
  through.named(prompt.ids[0]);
  CHECK(through.match(prompt.ids, 0, 5) == TierStack::Counts{1, 0, 0});
  CHECK(through.traffic().written_blocks[0] == 1);  // what is there is not written again
  through.evicted(prompt.ids[1], 5);
  CHECK(through.match(prompt.ids, 0, 5) == TierStack::Counts{1, 0, 0});

  TierStack selective({.tiers = {tier(TierKind::Host, 9, WritePolicy::Selective)}}, kBlock, nullptr);
  selective.named(prompt.ids[0]);
  selective.evicted(prompt.ids[1], 1);
  CHECK(selective.match(prompt.ids, 1, 5) == TierStack::Counts{});
  selective.evicted(prompt.ids[0], 2);
  CHECK(selective.match(prompt.ids, 0, 5) == TierStack::Counts{1, 0, 0});
}

TEST_CASE("cache tiers: reads of one tier follow each other and tiers work side by side") {
  const Prompt prompt;
  TierStack stack(
      {.tiers = {tier(TierKind::Host, 9, WritePolicy::Back), tier(TierKind::Nvme, 9, WritePolicy::Through, 1.0)}},
      kBlock, nullptr);
  const SimTime us{1'000};
  // Three blocks of the host: 20 us + 3 * 100 us. Two of the drive at 1 GB/s: 20 us + 2 ms.
  CHECK(stack.end_of_read(SimTime{}, {3, 0, 0}) == us * 320);
  CHECK(stack.end_of_read(SimTime{}, {3, 2, 0}) == us * 2'020);
  CHECK(stack.end_of_read(us * 5, {0, 0, 0}) == us * 5);
  for (std::uint32_t i = 0; i < 5; ++i) stack.evicted(prompt.ids[i], 1);
  CHECK(stack.read(SimTime{}, prompt.ids, 0, {3, 0, 0}) == us * 320);
  // The next waits until the link is free, 300 us after the first began.
  CHECK(stack.end_of_read(us * 10, {1, 0, 0}) == us * 420);
  CHECK(stack.end_of_read(us * 500, {1, 0, 0}) == us * 620);
  CHECK(stack.traffic().read_blocks[0] == 3);
}

TEST_CASE("cache tiers: what was read is the last to go") {
  const Prompt prompt;
  TierStack stack({.tiers = {tier(TierKind::Host, 2, WritePolicy::Back)}}, kBlock, nullptr);
  stack.evicted(prompt.ids[0], 1);
  stack.evicted(prompt.ids[1], 1);
  (void)stack.read(SimTime{}, prompt.ids, 0, {1, 0, 0});
  stack.evicted(prompt.ids[2], 1);
  CHECK(stack.match(prompt.ids, 0, 5) == TierStack::Counts{1, 0, 0});
  CHECK(stack.match(prompt.ids, 2, 5) == TierStack::Counts{1, 0, 0});
}

TEST_CASE("cache tiers: what one instance wrote to a pool another one finds") {
  const Prompt prompt;
  kv::TierStore pool(9);
  const kv::TiersSpec spec{.tiers = {tier(TierKind::Pool, 9, WritePolicy::Through)}};
  TierStack left(spec, kBlock, &pool);
  TierStack right(spec, kBlock, &pool);
  left.named(prompt.ids[0]);
  CHECK(right.match(prompt.ids, 0, 5) == TierStack::Counts{0, 0, 1});
  CHECK(right.traffic().written_blocks[2] == 0);
  // Each has a link of its own.
  (void)left.read(SimTime{}, prompt.ids, 0, {0, 0, 1});
  CHECK(right.end_of_read(SimTime{}, {0, 0, 1}) == SimTime{120'000});
}

TEST_CASE("cache tiers: what the machine's links carry takes no time here") {
  const Prompt prompt;
  TierSpec host = tier(TierKind::Host, 9, WritePolicy::Back);
  host.on_links = true;
  TierStack stack({.tiers = {host, tier(TierKind::Nvme, 9, WritePolicy::Through, 1.0)}}, kBlock, nullptr);
  for (std::uint32_t i = 0; i < 5; ++i) stack.evicted(prompt.ids[i], 1);
  CHECK(stack.end_of_read(SimTime{}, {3, 0, 0}) == SimTime{});
  CHECK(stack.end_of_read(SimTime{}, {3, 1, 0}) == SimTime{1'020'000});  // 20 us and a block at 1 GB/s
  CHECK(stack.read(SimTime{}, prompt.ids, 0, {3, 0, 0}) == SimTime{});
  CHECK(stack.traffic().read_blocks[0] == 3);
}

TEST_CASE("cache tiers: a wrong order is refused") {
  const kv::TiersSpec order{
      .tiers = {tier(TierKind::Pool, 1, WritePolicy::Back), tier(TierKind::Host, 1, WritePolicy::Back)}};
  CHECK_THROWS_WITH_AS(kv::validate(order),
                       "tiers: host stands behind pool; they go from near to far: host, nvme, pool, each once",
                       SpecError);
}
