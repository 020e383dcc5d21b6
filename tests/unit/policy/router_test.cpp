#include "sim/policy/router.hpp"

#include "models/base/errors.hpp"
#include "sim/kv/block_ids.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace tokenyard;
using policy::InstanceView;
using policy::RouterKind;

namespace {

std::unique_ptr<policy::Router> router(const policy::RouterSpec& spec) { return policy::make_router(spec, nullptr); }

workloads::Request request(std::uint32_t blocks, std::vector<std::uint64_t> ids = {}) {
  return {.prompt_tokens = 16 * blocks, .prefix = {.block_tokens = 16, .ids = std::move(ids)}};
}

const workloads::Request kPlain = request(1);

}  // namespace

TEST_CASE("router R1: vllm's score counts a waiting request four times and looks from its start on") {
  // (waiting, running): (0, 9) (2, 0) (0, 9); counts are not refreshed, but what is sent counts. From 1 on: 8 is least;
  // then 12, 9, 9: instance 2 comes before 0; then 12, 13, 9.
  const auto r = router({.kind = RouterKind::VllmScore, .refresh = SimTime{100'000'000}, .start = 1});
  const std::vector<InstanceView> views{{.running = 9}, {.waiting = 2}, {.running = 9}};
  CHECK(r->choose(kPlain, views, SimTime{0}) == 1);
  CHECK(r->choose(kPlain, views, SimTime{1}) == 2);
  CHECK(r->choose(kPlain, views, SimTime{2}) == 0);
  // After 100 ms the counts are seen anew.
  CHECK_FALSE(r->needs_load(SimTime{99'999'999}));
  CHECK(r->needs_load(SimTime{100'000'000}));
  CHECK(r->choose(kPlain, views, SimTime{100'000'000}) == 1);
}

TEST_CASE("router R2: kv_aware weighs blocks to prefill against blocks to decode") {
  // Two blocks of prompt, nothing cached: prefill 6 + 2, 3 + 2, 0 + 2 and decode 8 + 2, 3 + 2, 7 + 2: sums 18, 10, 11;
  // with weight 2: 26, 15, 13.
  const std::vector<InstanceView> views{{.prompt_tokens = 96, .used_blocks = 8, .block_tokens = 16},
                                        {.prompt_tokens = 48, .used_blocks = 3, .block_tokens = 16},
                                        {.prompt_tokens = 0, .used_blocks = 7, .block_tokens = 16}};
  CHECK(router({.kind = RouterKind::KvAware})->choose(request(2), views, SimTime{}) == 1);
  CHECK(router({.kind = RouterKind::KvAware, .overlap_weight = 2.0})->choose(request(2), views, SimTime{}) == 2);
}

TEST_CASE("router R3: prefix_aware sums the shares of prompt and queue and memory") {
  // A prompt of 10 blocks, of which the first instance holds 8 and the second 2, used memory 0.6, 0.2, 0.9, queues 4,
  // 0, 8: 1.6 + 0.5 + 0.4 = 2.5; 0.4 + 1 + 0.8 = 2.2; 0 + 0 + 0.1.
  const auto r = router({.kind = RouterKind::PrefixAware, .view = policy::PrefixView::Events});
  const std::vector<InstanceView> views{{.waiting = 4, .used_blocks = 6, .total_blocks = 10, .block_tokens = 16},
                                        {.waiting = 0, .used_blocks = 2, .total_blocks = 10, .block_tokens = 16},
                                        {.waiting = 8, .used_blocks = 9, .total_blocks = 10, .block_tokens = 16}};
  const workloads::Request asked = request(10, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10});
  CHECK(r->choose(asked, views, SimTime{}) == 1);  // before it knows of any cache: 0.9, 1.8, 0.1
  const std::vector<std::uint64_t> nothing;
  const kv::BlockIds ids(asked, nothing, 16);
  for (std::uint32_t i = 0; i < 8; ++i) r->name_changed(0, ids[i], true, SimTime{});
  for (std::uint32_t i = 0; i < 2; ++i) r->name_changed(1, ids[i], true, SimTime{});
  CHECK(r->choose(asked, views, SimTime{}) == 0);
  // When the first instance has lost all but one block: 0.2 + 0.5 + 0.4 against 2.2.
  for (std::uint32_t i = 7; i >= 1; --i) r->name_changed(0, ids[i], false, SimTime{1});
  CHECK(r->choose(asked, views, SimTime{1}) == 1);
}

TEST_CASE("router: what caches tell is known after the delay and not before") {
  const auto r = router({.kind = RouterKind::PrefixAware, .view = policy::PrefixView::Events, .delay = SimTime{50}});
  const std::vector<InstanceView> views{{.total_blocks = 9, .block_tokens = 16},
                                        {.total_blocks = 9, .block_tokens = 16}};
  const workloads::Request asked = request(1, {1});
  const std::vector<std::uint64_t> nothing;
  r->name_changed(1, kv::BlockIds(asked, nothing, 16)[0], true, SimTime{100});
  CHECK(r->choose(asked, views, SimTime{149}) == 0);
  CHECK(r->choose(asked, views, SimTime{150}) == 1);
}

TEST_CASE("router: a guess takes what was sent to be there until the capacity is full") {
  const auto r = router({.kind = RouterKind::PrefixAware, .block_tokens = 16, .capacity = 4, .queue_weight = 0.0});
  std::vector<InstanceView> views{{.used_blocks = 1, .total_blocks = 10}, {.used_blocks = 0, .total_blocks = 10}};
  const workloads::Request first = request(3, {1, 2, 3});
  CHECK(r->choose(first, views, SimTime{}) == 1);
  views[0].used_blocks = 0;
  views[1].used_blocks = 5;
  CHECK(r->choose(first, views, SimTime{}) == 1);                     // 2 + 0.5 against 0 + 1
  CHECK(r->choose(request(3, {7, 8, 9}), views, SimTime{}) == 0);     // nothing in common: the emptier one
  CHECK(r->choose(request(4, {1, 2, 3, 4}), views, SimTime{}) == 1);  // 1.5 + 0.5 against 1
  CHECK(r->choose(request(4, {21, 22, 23, 24}), views, SimTime{}) == 0);
  views[1].used_blocks = 0;
  views[0].used_blocks = 10;
  CHECK(r->choose(request(4, {21, 22, 23, 24}), views, SimTime{}) == 0);  // 2 against 1: it is full, but all is there
  CHECK(r->choose(request(3, {7, 8, 9}), views, SimTime{}) == 1);         // forgotten: four newer blocks filled it
}

TEST_CASE("router: a session stays where its first request went") {
  const auto r = router({.kind = RouterKind::SessionAffinity});
  std::vector<InstanceView> views{{.outstanding_tokens = 5}, {.outstanding_tokens = 3}};
  workloads::Request of_a = kPlain;
  of_a.session = 4711;
  CHECK(r->choose(of_a, views, SimTime{}) == 1);
  views[1].outstanding_tokens = 1000;
  CHECK(r->choose(of_a, views, SimTime{}) == 1);
  CHECK(r->choose(kPlain, views, SimTime{}) == 0);
}

TEST_CASE("router: loads that are not refreshed are those last seen and what was sent since") {
  const auto r = router({.kind = RouterKind::LeastOutstandingTokens, .refresh = SimTime{10}});
  std::vector<InstanceView> views{{.outstanding_tokens = 0}, {.outstanding_tokens = 20}};
  CHECK(r->choose(kPlain, views, SimTime{0}) == 0);  // 16 tokens go there
  views[0].outstanding_tokens = 1000;
  CHECK(r->choose(kPlain, views, SimTime{1}) == 0);  // 16 against 20
  CHECK(r->choose(kPlain, views, SimTime{9}) == 1);  // 32 against 20
  CHECK(r->choose(kPlain, views, SimTime{10}) == 1);
}

TEST_CASE("router: weights that say nothing are refused") {
  CHECK_THROWS_AS(router({.kind = RouterKind::PrefixAware, .prefix_weight = 0, .queue_weight = 0, .memory_weight = 0}),
                  SpecError);
  CHECK_THROWS_WITH_AS(router({.kind = RouterKind::KvAware, .overlap_weight = -1}),
                       "overlap_weight: must not be negative", SpecError);
  CHECK_THROWS_AS(router({.block_tokens = 0}), SpecError);
}
