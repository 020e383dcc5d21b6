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
  CHECK(r->choose(kPlain, views, SimTime{0}).instance == 1);
  CHECK(r->choose(kPlain, views, SimTime{1}).instance == 2);
  CHECK(r->choose(kPlain, views, SimTime{2}).instance == 0);
  // After 100 ms the counts are seen anew.
  CHECK_FALSE(r->needs_load(SimTime{99'999'999}));
  CHECK(r->needs_load(SimTime{100'000'000}));
  CHECK(r->choose(kPlain, views, SimTime{100'000'000}).instance == 1);
}

TEST_CASE("router R2: kv_aware weighs blocks to prefill against blocks to decode") {
  // Two blocks of prompt, nothing cached: prefill 6 + 2, 3 + 2, 0 + 2 and decode 8 + 2, 3 + 2, 7 + 2: sums 18, 10, 11;
  // with weight 2: 26, 15, 13.
  const std::vector<InstanceView> views{{.prompt_tokens = 96, .used_blocks = 8, .block_tokens = 16},
                                        {.prompt_tokens = 48, .used_blocks = 3, .block_tokens = 16},
                                        {.prompt_tokens = 0, .used_blocks = 7, .block_tokens = 16}};
  CHECK(router({.kind = RouterKind::KvAware})->choose(request(2), views, SimTime{}).instance == 1);
  CHECK(router({.kind = RouterKind::KvAware, .overlap_weight = 2.0})->choose(request(2), views, SimTime{}).instance ==
        2);
}

TEST_CASE("router R3: prefix_aware sums the shares of prompt and queue and memory") {
  // A prompt of 10 blocks, of which the first instance holds 8 and the second 2, used memory 0.6, 0.2, 0.9, queues 4,
  // 0, 8: 1.6 + 0.5 + 0.4 = 2.5; 0.4 + 1 + 0.8 = 2.2; 0 + 0 + 0.1.
  const auto r = router({.kind = RouterKind::PrefixAware, .view = policy::PrefixView::Events});
  const std::vector<InstanceView> views{{.waiting = 4, .used_blocks = 6, .total_blocks = 10, .block_tokens = 16},
                                        {.waiting = 0, .used_blocks = 2, .total_blocks = 10, .block_tokens = 16},
                                        {.waiting = 8, .used_blocks = 9, .total_blocks = 10, .block_tokens = 16}};
  const workloads::Request asked = request(10, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10});
  CHECK(r->choose(asked, views, SimTime{}).instance == 1);  // before it knows of any cache: 0.9, 1.8, 0.1
  const std::vector<std::uint64_t> nothing;
  const kv::BlockIds ids(asked, nothing, 16);
  for (std::uint32_t i = 0; i < 8; ++i) r->name_changed(0, ids[i], true, SimTime{});
  for (std::uint32_t i = 0; i < 2; ++i) r->name_changed(1, ids[i], true, SimTime{});
  CHECK(r->choose(asked, views, SimTime{}).instance == 0);
  // When the first instance has lost all but one block: 0.2 + 0.5 + 0.4 against 2.2.
  for (std::uint32_t i = 7; i >= 1; --i) r->name_changed(0, ids[i], false, SimTime{1});
  CHECK(r->choose(asked, views, SimTime{1}).instance == 1);
}

TEST_CASE("router: what caches tell is known after the delay and not before") {
  const auto r = router({.kind = RouterKind::PrefixAware, .view = policy::PrefixView::Events, .delay = SimTime{50}});
  const std::vector<InstanceView> views{{.total_blocks = 9, .block_tokens = 16},
                                        {.total_blocks = 9, .block_tokens = 16}};
  const workloads::Request asked = request(1, {1});
  const std::vector<std::uint64_t> nothing;
  r->name_changed(1, kv::BlockIds(asked, nothing, 16)[0], true, SimTime{100});
  CHECK(r->choose(asked, views, SimTime{149}).instance == 0);
  CHECK(r->choose(asked, views, SimTime{150}).instance == 1);
}

TEST_CASE("router: a guess takes what was sent to be there until the capacity is full") {
  const auto r = router({.kind = RouterKind::PrefixAware, .block_tokens = 16, .capacity = 4, .queue_weight = 0.0});
  std::vector<InstanceView> views{{.used_blocks = 1, .total_blocks = 10}, {.used_blocks = 0, .total_blocks = 10}};
  const workloads::Request first = request(3, {1, 2, 3});
  CHECK(r->choose(first, views, SimTime{}).instance == 1);
  views[0].used_blocks = 0;
  views[1].used_blocks = 5;
  CHECK(r->choose(first, views, SimTime{}).instance == 1);                     // 2 + 0.5 against 0 + 1
  CHECK(r->choose(request(3, {7, 8, 9}), views, SimTime{}).instance == 0);     // nothing in common: the emptier one
  CHECK(r->choose(request(4, {1, 2, 3, 4}), views, SimTime{}).instance == 1);  // 1.5 + 0.5 against 1
  CHECK(r->choose(request(4, {21, 22, 23, 24}), views, SimTime{}).instance == 0);
  views[1].used_blocks = 0;
  views[0].used_blocks = 10;
  CHECK(r->choose(request(4, {21, 22, 23, 24}), views, SimTime{}).instance ==
        0);                                                                 // 2 against 1: it is full, but all is there
  CHECK(r->choose(request(3, {7, 8, 9}), views, SimTime{}).instance == 1);  // forgotten: four newer blocks filled it
}

TEST_CASE("router: a session stays where its first request went") {
  const auto r = router({.kind = RouterKind::SessionAffinity});
  std::vector<InstanceView> views{{.outstanding_tokens = 5}, {.outstanding_tokens = 3}};
  workloads::Request of_a = kPlain;
  of_a.session = 4711;
  CHECK(r->choose(of_a, views, SimTime{}).instance == 1);
  views[1].outstanding_tokens = 1000;
  CHECK(r->choose(of_a, views, SimTime{}).instance == 1);
  CHECK(r->choose(kPlain, views, SimTime{}).instance == 0);
}

TEST_CASE("router: loads that are not refreshed are those last seen and what was sent since") {
  const auto r = router({.kind = RouterKind::LeastOutstandingTokens, .refresh = SimTime{10}});
  std::vector<InstanceView> views{{.outstanding_tokens = 0}, {.outstanding_tokens = 20}};
  CHECK(r->choose(kPlain, views, SimTime{0}).instance == 0);  // 16 tokens go there
  views[0].outstanding_tokens = 1000;
  CHECK(r->choose(kPlain, views, SimTime{1}).instance == 0);  // 16 against 20
  CHECK(r->choose(kPlain, views, SimTime{9}).instance == 1);  // 32 against 20
  CHECK(r->choose(kPlain, views, SimTime{10}).instance == 1);
}

TEST_CASE("router: weights that say nothing are refused") {
  CHECK_THROWS_AS(router({.kind = RouterKind::PrefixAware, .prefix_weight = 0, .queue_weight = 0, .memory_weight = 0}),
                  SpecError);
  CHECK_THROWS_WITH_AS(router({.kind = RouterKind::KvAware, .overlap_weight = -1}),
                       "overlap_weight: must not be negative", SpecError);
  CHECK_THROWS_AS(router({.block_tokens = 0}), SpecError);
}

namespace {

/// 10 ms for each missing block of 16 tokens, 1 ms for each that is copied, 2 ms a decode.
class FlatForecast final : public policy::Forecast {
 public:
  explicit FlatForecast(bool copies = true) : copies_(copies) {}
  [[nodiscard]] SimTime prefill(std::uint32_t, std::uint32_t tokens) const override {
    return SimTime{tokens / 16 * 10 * kMs};
  }
  [[nodiscard]] SimTime decode_step(std::uint32_t decodes, std::uint64_t) const override {
    return SimTime{2 * kMs * std::int64_t{decodes}};
  }
  [[nodiscard]] std::optional<SimTime> copy(std::uint32_t tokens) const override {
    return copies_ ? std::optional(SimTime{tokens / 16 * kMs}) : std::nullopt;
  }

  static constexpr std::int64_t kMs = 1'000'000;

 private:
  bool copies_;
};

/// Instances that hold 4 and 12 of the 16 blocks asked for; the second is busy for 100 ms.
std::unique_ptr<policy::Router> mooncake_knowing(const FlatForecast& forecast, const workloads::Request& asked,
                                                 double threshold) {
  auto r = policy::make_router(
      {.kind = RouterKind::Mooncake, .view = policy::PrefixView::Events, .copy_threshold = threshold, .decodes = false},
      nullptr, &forecast);
  const std::vector<std::uint64_t> nothing;
  const kv::BlockIds ids(asked, nothing, 16);
  for (std::uint32_t i = 0; i < 4; ++i) r->name_changed(0, ids[i], true, SimTime{});
  for (std::uint32_t i = 0; i < 12; ++i) r->name_changed(1, ids[i], true, SimTime{});
  return r;
}

const workloads::Request kSixteen = request(16, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16});
const std::vector<InstanceView> kIdleAndBusy{{.block_tokens = 16},
                                             {.block_tokens = 16, .queued_prefill = SimTime{100 * FlatForecast::kMs}}};

}  // namespace

TEST_CASE("router R4: mooncake sends to the idle instance and copies what the busy one holds") {
  // 12 / 4 is above 2: 8 blocks are copied in 8 ms, 4 are missing, 48 ms; the other one: 100 + 40 ms.
  const FlatForecast forecast;
  const policy::Choice choice = mooncake_knowing(forecast, kSixteen, 2.0)->choose(kSixteen, kIdleAndBusy, SimTime{});
  CHECK(choice.instance == 0);
  CHECK(choice.copy_from == 1);
  CHECK(choice.cached == 12 * 16);
  CHECK(choice.prefill.ns() == 40 * FlatForecast::kMs);
  CHECK(choice.expected_ttft->ns() == 48 * FlatForecast::kMs);
  CHECK_FALSE(choice.expected_tpot);  // a prefill instance decodes nothing
}

TEST_CASE("router: mooncake copies nothing below its threshold and nothing where instances cannot") {
  // 12 / 4 is not above 3: 12 blocks are missing at the idle one, 120 ms against 140.
  const FlatForecast forecast;
  const policy::Choice own = mooncake_knowing(forecast, kSixteen, 3.0)->choose(kSixteen, kIdleAndBusy, SimTime{});
  CHECK(own.instance == 0);
  CHECK_FALSE(own.copy_from);
  CHECK(own.cached == 4 * 16);
  CHECK(own.expected_ttft->ns() == 120 * FlatForecast::kMs);
  const FlatForecast apart(false);
  const policy::Choice alone = mooncake_knowing(apart, kSixteen, 2.0)->choose(kSixteen, kIdleAndBusy, SimTime{});
  CHECK_FALSE(alone.copy_from);
  CHECK(alone.expected_ttft->ns() == 120 * FlatForecast::kMs);
}

TEST_CASE("router: mooncake adds what it has sent to a queue that it has not seen since") {
  const FlatForecast forecast;
  const auto r =
      policy::make_router({.kind = RouterKind::Mooncake, .refresh = SimTime{1000}, .capacity = 1}, nullptr, &forecast);
  const std::vector<InstanceView> views{{}, {}};
  CHECK(r->choose(request(2), views, SimTime{}).instance == 0);  // 20 ms there now
  CHECK(r->choose(request(1), views, SimTime{1}).instance == 1);
  const policy::Choice third = r->choose(request(1), views, SimTime{2});  // 10 + 10 against 20 + 10
  CHECK(third.instance == 1);
  CHECK(third.expected_ttft->ns() == 20 * FlatForecast::kMs);
}

TEST_CASE("router: mooncake of a decode pool takes the shortest step") {
  const FlatForecast forecast;
  const auto r = policy::make_router({.kind = RouterKind::Mooncake, .prefills = false}, nullptr, &forecast);
  const std::vector<InstanceView> views{{.running = 3}, {.running = 1, .waiting = 1}, {.running = 2}};
  const policy::Choice choice = r->choose(kPlain, views, SimTime{});
  CHECK(choice.instance == 1);  // 2 there as at the third; the lower index
  CHECK(choice.expected_tpot->ns() == 6 * FlatForecast::kMs);
  CHECK_FALSE(choice.expected_ttft);
}

TEST_CASE("router: to reject needs expectations and a copy a threshold of one at least") {
  CHECK_THROWS_WITH_AS(router({.kind = RouterKind::RoundRobin, .reject = true}),
                       "reject: needs a router that expects latencies; take kind: mooncake", SpecError);
  CHECK_THROWS_WITH_AS(router({.kind = RouterKind::KvAware, .copy_threshold = 0.5}),
                       "copy_threshold: must be at least 1", SpecError);
}
