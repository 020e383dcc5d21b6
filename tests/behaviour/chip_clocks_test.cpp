#include "sim/serving/chip_clocks.hpp"

#include "tests/support/small_cluster.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

using namespace tokenyard;
using namespace tokenyard::test;
using doctest::Approx;

namespace {

constexpr std::int64_t kMs = 1'000'000;

/// 40 ms of products at full clocks, which reach half the peak; then 0.8 of the speed; 2 s of rest for 1 s.
constexpr models::BurstClocks kClocks{
    .burst = Seconds{40e-3}, .recovery = 2.0, .sustained = 0.8, .reach = 0.5, .decode_attention = 0.75};

double ms(SimTime time) { return static_cast<double>(time.ns()) * 1e-6; }

SimTime at(double milliseconds) { return SimTime{static_cast<std::int64_t>(milliseconds * kMs)}; }

class Steps {
 public:
  /// Milliseconds by which a step of `whole`, of which products take `products` at full clocks, is longer.
  double longer(double start, double whole, double products) {
    return ms(clocks_.longer(at(start), at(whole), {.at_peak = Seconds{products * 1e-3 * kClocks.reach}}));
  }

 private:
  serving::ChipClocks clocks_{kClocks};
};

}  // namespace

TEST_CASE("chip clocks: products are slower once a burst of them is spent") {
  Steps steps;
  CHECK(steps.longer(0, 30, 30) == 0.0);
  CHECK(steps.longer(30, 30, 30) == Approx(20 * 0.25));  // 60 of 40 spent: 20 ms of work at 0.8
  CHECK(steps.longer(65, 10, 10) == Approx(10 * 0.25));
}

TEST_CASE("chip clocks: rest gives the burst back in its own time") {
  Steps steps;
  CHECK(steps.longer(0, 40, 40) == 0.0);
  CHECK(steps.longer(80, 30, 30) == Approx(10 * 0.25));  // 40 ms of rest gave 20
  CHECK(steps.longer(1000, 40, 40) == 0.0);              // all of it, and no more than all
  CHECK(steps.longer(1040, 1, 1) == Approx(0.25));
}

TEST_CASE("chip clocks: what is not a product rests the chip within its step") {
  Steps steps;
  CHECK(steps.longer(0, 60, 20) == 0.0);  // 20 spent, 40 of rest: nothing is left
  CHECK(steps.longer(60, 40, 40) == 0.0);
  CHECK(steps.longer(100, 20, 10) == Approx(5 * 0.25));  // 10 more, 5 given back
}

TEST_CASE("chip clocks: in the long run as much is slowed as rest does not give back") {
  // A share u of products: of these u - (1 - u) / 2 run slowly, from u = 1/3 on.
  for (const double share : {0.2, 0.4, 0.7, 1.0}) {
    Steps steps;
    double start = 0.0;
    double more = 0.0;
    for (int i = 0; i < 1000; ++i) {
      const double longer = steps.longer(start, 10, 10 * share);
      start += 10 + longer;
      more = i == 0 ? longer : more + longer;
    }
    const double spent = std::max(0.0, share - (1 - share) / 2) * 10 * 1000;
    CHECK(more == Approx(0.25 * std::max(0.0, spent - 40)).epsilon(1e-6));
  }
}

TEST_CASE("chip clocks: steps in a row come to be longer by what is told of one of them") {
  for (const double share : {0.2, 0.4, 0.7, 1.0}) {
    Steps steps;
    double start = 0.0;
    double last = 0.0;
    for (int i = 0; i < 1000; ++i) {
      last = steps.longer(start, 10, 10 * share);
      start += 10 + last;
    }
    const cost::HeavyWork work{.at_peak = Seconds{10e-3 * share * kClocks.reach}};
    CHECK(last == Approx(ms(serving::longer_in_a_row(kClocks, at(10), work))));
  }
}

TEST_CASE("chip clocks: a queue of prompts falls to the sustained speed and a lone one does not") {
  // 64 tokens a step, 1 ms a token, all of it products: a lone prompt of 32 tokens takes 32 ms. Of a hundred prompts of
  // 64 tokens all but 40 ms run at 0.8.
  FormulaCost cost([](const cost::StepShape& shape) { return kMs * std::int64_t{shape.tokens()}; });
  cost.peak_share = kClocks.reach;
  std::vector<ScriptedSource::Row> rows{{0, 32, 1}};
  for (std::int64_t i = 0; i < 100; ++i) rows.push_back({1000 * kMs, 64, 1});
  ScriptedSource source{rows};
  const Played played = play({.depth = 1, .clocks = kClocks}, source, cost);
  CHECK(ms(played.requests[0].ttft()) == Approx(32));
  CHECK(ms(played.requests[100].last_token) == Approx(1000 + 40 + (6400 - 40) / 0.8));
}

TEST_CASE("chip clocks: attention of decodes counts for a part of its time") {
  // 6 ms of products and 4 of attention in steps of 10: 6 + 0.75 * 4 are 9, of which the rest gives back a half.
  const cost::HeavyWork work{.at_peak = Seconds{6e-3 * kClocks.reach}, .decode_attention = Seconds{4e-3}};
  CHECK(ms(serving::longer_in_a_row(kClocks, at(10), work)) == Approx(8.5 * 0.25));
  // Attention alone of 4 ms is 3: the 7 of rest give back more.
  CHECK(serving::longer_in_a_row(kClocks, at(10), {.decode_attention = Seconds{4e-3}}) == SimTime{0});
}

TEST_CASE("chip clocks: many decodes slow down as prompts do, step by step as in runs") {
  // A prompt of 10 ms, then 99 tokens in steps of 10 ms whose attention is a share of each: 0.75 of it is heavy, of
  // which half of the rest gives back. The prompt does not count.
  for (const double share : {0.3, 0.6, 1.0}) {
    FormulaCost cost([](const cost::StepShape&) { return 10 * kMs; });
    cost.attention_share = share;
    std::vector<Played> both;
    for (const bool single : {false, true}) {
      ScriptedSource source{{{0, 64, 100}}};
      both.push_back(play({.depth = 1, .step_by_step = single, .clocks = kClocks}, source, cost));
    }
    const double spent = std::max(0.0, 0.75 * share - (1.0 - 0.75 * share) / 2) * 990;
    const double late = 0.25 * std::max(0.0, spent - 40);
    CHECK(ms(both[0].requests[0].last_token) == Approx(1000 + late));
    CHECK(both[0].requests[0].last_token == both[1].requests[0].last_token);
  }
}

TEST_CASE("chip clocks: decodes of light work keep their speed and give the burst back") {
  // A step of 50 ms of products spends the burst, 10 of it at 0.8. Then a token takes 10 ms, whatever the clocks.
  FormulaCost cost([](const cost::StepShape& shape) { return shape.prefill_tokens > 0 ? 50 * kMs : 10 * kMs; });
  cost.peak_share = kClocks.reach;
  ScriptedSource source{{{0, 64, 9}, {400 * kMs, 64, 1}}};
  const Played played = play({.depth = 1, .clocks = kClocks}, source, cost);
  CHECK(ms(played.requests[0].first_token) == Approx(52.5));
  CHECK(ms(played.requests[0].last_token) == Approx(52.5 + 80));
  CHECK(ms(played.requests[1].ttft()) == Approx(52.5));
}

TEST_CASE("chip clocks: each stage of a pipeline has its own work and clocks") {
  // Two stages of 50 ms each: one prompt spends 50 ms on the chips of both, 10 ms more than the burst.
  FormulaCost cost([](const cost::StepShape&) { return 100 * kMs; }, 2);
  cost.peak_share = kClocks.reach;
  ScriptedSource source{{{0, 64, 1}}};
  const Played played = play({.stages = 2, .depth = 1, .clocks = kClocks}, source, cost);
  CHECK(ms(played.requests[0].ttft()) == Approx(100 + 2 * 10 * 0.25));
}
