#include "models/cost/step_cost.hpp"

#include "models/base/errors.hpp"
#include "models/cost/kernels.hpp"
#include "models/cost/step_parts.hpp"
#include "tests/support/steps.hpp"
#include "tests/support/tiny_specs.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

using namespace tokenyard;
using namespace tokenyard::cost;
using namespace tokenyard::literals;
using doctest::Approx;
using models::GemmKind;
using test::decodes;
using test::prompt;
using test::us;

namespace {

SimTime price(const StepCostSpec& spec, const StepShape& shape) { return make_kernel_sum(spec)->step(shape); }

}  // namespace

TEST_CASE("step cost: one decode of the tiny dense model by hand") {
  // BF16 products of one token: 2 us + 0.1 us * K/1024 + FLOP/50T + bytes/800G; the weights dominate the bytes.
  const auto product = [](double n, double k) {
    return 2.0 + 0.1e-3 * k + 2 * n * k / 50e6 + (2 * n * k + 2 * k + 2 * n) / 800e3;
  };
  // 8 + 2 * 2 heads of 128; gate and up fused.
  const double products = product(1536, 1024) + product(1024, 1024) + product(8192, 1024) + product(1024, 4096);
  // Four small kernels: two norms of 8 KB, rotary 4 * 1536 B, gate 6 * 4096 B.
  const double small = 4 * 2.0 + (2 * 8 * 1024 + 4 * 1536 + 6 * 4096) / 500e3;
  // Cache: 2 KV heads * 128 * 2 * 2 B a token, and 4 KB of queries and outputs.
  const double attention = 10.0 + (1000 * 1024 + 4 * 8 * 128) / 800e3;
  const double sampling = 2.0 + 10.0 * 8000 / 500e3;  // logits of 2 bytes to 4, which are read again
  const double head = product(8000, 1024) + 15.0 + sampling;
  const SimTime step = price(test::round_cost(test::tiny_dense()), decodes(1, 1000));
  CHECK(us(step) == Approx(4 * (products + small + attention) + head).epsilon(1e-4));  // attention's table
}

TEST_CASE("step cost: a prompt samples one row and computes its triangle") {
  const StepCostSpec spec = test::round_cost(test::tiny_dense());
  const StepParts parts(spec);
  // 4 layers of 20 us + 2 * 1024 * 512^2 / 50T + 512 * (16 + 8) * 128 * 2 B / 500G.
  const double attention = 4 * (20.0 + 2.0 * 1024 * 512 * 512 / 50e6 + 512.0 * 24 * 128 * 2 / 500e3);
  const double expected = us(total(parts.local(512))) + us(total(parts.head(1))) + attention;
  CHECK(us(price(spec, prompt(512))) == Approx(expected).epsilon(1e-6));  // whole nanoseconds
}

TEST_CASE("step cost: decodes and chunks share one pass") {
  const StepCostSpec spec = test::round_cost(test::tiny_dense());
  StepShape mixed = prompt(512);
  mixed.decodes = 16;
  mixed.decode_context = 16'000;
  CHECK(price(spec, mixed) < price(spec, prompt(512)) + price(spec, decodes(16, 16'000)));
  CHECK(price(spec, mixed) > price(spec, prompt(512)));
}

TEST_CASE("step cost: one all-reduce after attention and one after the FFN") {
  // With tensor 2, 16 decodes: S = 2 * 16 * 1024 B; 4 + 0.1 us + S/50G in one shot, twice in each of 4 layers.
  StepCostSpec spec = test::round_cost(test::tiny_dense(), {.tensor = 2});
  const Seconds with = total(StepParts(spec).local(16));
  spec.chip.kernels.collectives.all_reduces["own"] = {.one_shot_t0 = 0_s, .per_peer = 0_s};
  spec.network.tensor.port = BytesPerSecond{1e30};
  CHECK(us(with - total(StepParts(spec).local(16))) == Approx(8 * (4.1 + 2 * 16 * 1024 / 50e3)).epsilon(1e-4));
}

TEST_CASE("step cost: one rank alone gives the same bits in both forms") {
  for (const models::LlmSpec& llm : {test::tiny_dense(), test::tiny_moe()}) {
    const auto cost = make_kernel_sum(test::round_cost(llm));
    for (const StepShape& shape : {decodes(1, 7), decodes(33, 40'000), prompt(4000)}) {
      CHECK(cost->step(shape) == cost->step(std::array{shape}));
    }
  }
}

TEST_CASE("step cost: ranks in lockstep wait for the slowest") {
  const auto pair = make_kernel_sum(test::round_cost(test::tiny_dense(), {.attention_data = 2}));
  const auto alone = make_kernel_sum(test::round_cost(test::tiny_dense()));
  const StepShape light = decodes(4, 4'000);
  const StepShape heavy = decodes(64, 640'000);
  CHECK(pair->step(std::array{light, heavy}) == alone->step(heavy));
  CHECK(pair->step(std::array{heavy, light}) == alone->step(heavy));
  CHECK(pair->step(std::array{StepShape{}, light}) == alone->step(light));  // an idle rank costs nothing
}

TEST_CASE("step cost: of many ranks of few sizes the slowest decides, whatever their order") {
  for (const bool waits : {false, true}) {  // for the longest of a rank's contexts
    const auto of_ranks = [&](std::uint32_t ranks) {
      StepCostSpec spec = test::round_cost(test::tiny_dense(), {.attention_data = ranks});
      spec.chip.kernels.attention_skew = {};
      if (waits) {
        spec.chip.kernels.attention_skew[static_cast<std::size_t>(models::Dtype::Bf16)] = {.per_key = 0.05_us,
                                                                                           .unsplit = 2};
      }
      return spec;
    };
    const auto alone = make_kernel_sum(of_ranks(1));
    std::vector<StepShape> ranks;
    for (std::uint32_t i = 0; i < 40; ++i) {
      StepShape rank = decodes(3 + 8 * (i * 7 % 3) + i % 2, 30'000 + 997 * (i * 11 % 17));
      rank.longest_context = static_cast<std::uint32_t>(rank.decode_context / rank.decodes) + 300 * (i * 5 % 13);
      if (i % 9 == 0) rank = StepShape{};
      ranks.push_back(rank);
    }
    const auto together = make_kernel_sum(of_ranks(40));
    for (int order = 0; order < 40; ++order) {
      SimTime slowest;
      for (const StepShape& rank : ranks) {
        if (rank.decodes > 0) slowest = std::max(slowest, alone->step(rank));
      }
      CHECK(together->step(ranks) == slowest);
      // Another order, and without what was slowest so far.
      std::rotate(ranks.begin(), ranks.begin() + 7, ranks.end());
      const auto first = std::find_if(ranks.begin(), ranks.end(), [&](const StepShape& rank) {
        return rank.decodes > 0 && alone->step(rank) == slowest;
      });
      if (order < 30) *first = StepShape{};
    }
  }
}

TEST_CASE("step cost: the experts see the tokens of all ranks") {
  const StepCostSpec spec = test::round_cost(test::tiny_moe(), {.attention_data = 2, .expert = 2});
  const StepParts parts(spec);
  const auto cost = make_kernel_sum(spec);
  const SimTime both = cost->step(std::array{decodes(24, 24'000), decodes(8, 8'000)});
  const SimTime one = cost->step(std::array{decodes(24, 24'000), StepShape{}});
  // The first rank is the slower in both steps; 8 more tokens go through experts and exchange.
  CHECK(us(both - one) == Approx(us(total(parts.shared(32, false)) - total(parts.shared(24, false)))).epsilon(1e-3));
}

TEST_CASE("step cost: chips that all hold the tokens add up their experts' parts and dispatch nothing") {
  const auto exchanged = [](const models::ParallelPlan& plan) {
    std::vector<std::string> names;
    for (const Part& part : StepParts(test::round_cost(test::tiny_moe(), plan)).shared(32, false))
      names.emplace_back(part.name);
    return names;
  };
  CHECK(exchanged({}) == std::vector<std::string>{"experts"});
  CHECK(exchanged({.tensor = 4, .expert = 4}) == std::vector<std::string>{"experts", "all-reduce"});
  CHECK(exchanged({.attention_data = 4, .expert = 4}) == std::vector<std::string>{"experts", "dispatch", "combine"});
  CHECK(exchanged({.attention_data = 4, .expert = 2}) ==
        std::vector<std::string>{"experts", "dispatch", "combine", "all-reduce"});
}

TEST_CASE("step cost: engines that gather exchange experts by two collectives of the library") {
  for (const std::uint32_t expert : {1U, 2U, 4U}) {  // whole experts, slices, or both: every chip has every token
    StepCostSpec spec = test::round_cost(test::tiny_moe(), {.attention_data = 4, .expert = expert});
    spec.expert_exchange = ExpertExchange::Gather;
    const std::vector<Part> parts = StepParts(spec).exchange(64);
    REQUIRE(parts.size() == 2);
    // 64 tokens of all ranks, hidden 1,024, BF16 both ways; 3 MoE layers.
    const Bytes all{64.0 * 2048};
    const auto by_library = [&](models::Collective op) {
      return 3.0 * library_time(op, all, spec.network.expert, spec.chip.kernels.collectives.used_library()).time;
    };
    CHECK(parts[0].name == "gathered tokens");
    CHECK(us(parts[0].time) == Approx(us(by_library(models::Collective::AllGather))).epsilon(1e-12));
    CHECK(parts[1].name == "scattered results");
    CHECK(us(parts[1].time) == Approx(us(by_library(models::Collective::ReduceScatter))).epsilon(1e-12));
  }
  // One rank holds all tokens: nothing to gather.
  StepCostSpec alone = test::round_cost(test::tiny_moe(), {.tensor = 4, .expert = 4});
  alone.expert_exchange = ExpertExchange::Gather;
  CHECK(StepParts(alone).exchange(64).at(0).name == "all-reduce");
}

TEST_CASE("step cost: dispatch and combine of 64 tokens by hand") {
  // 4 ranks of 16 tokens, 2 copies each: 65,536 B, 3/4 of them to others, at 50 GB/s; BF16 both ways; 3 MoE layers.
  const double wire = 65'536 * 0.75 / 50e3;
  for (const Part& part :
       StepParts(test::round_cost(test::tiny_moe(), {.attention_data = 4, .expert = 4})).shared(64, false)) {
    if (part.name == "dispatch") CHECK(us(part.time) == Approx(3 * (10 + 2 * 1 + wire)));
    if (part.name == "combine") CHECK(us(part.time) == Approx(3 * (8 + 2 * 2 + wire)));
  }
}

TEST_CASE("step cost: a step that only decodes is padded to its graph") {
  StepCostSpec spec = test::round_cost(test::tiny_dense());
  const StepParts parts(spec);
  const auto eager = make_kernel_sum(spec);
  spec.graph_sizes = {8, 4, 16};
  const auto graphs = make_kernel_sum(spec);
  const auto padding_us = [&](const StepShape& shape) { return us(graphs->step(shape) - eager->step(shape)); };

  SUBCASE("5 decodes replay the graph of 8: its products and small kernels, not its attention or its head") {
    const double expected = us(total(parts.local(8)) - total(parts.local(5)));
    CHECK(std::abs(padding_us(decodes(5, 5'000)) - expected) <= 0.002);  // two roundings to whole ns
  }
  SUBCASE("an exact size and one above the largest are not padded") {
    CHECK(padding_us(decodes(8, 8'000)) == 0.0);
    CHECK(padding_us(decodes(17, 17'000)) == 0.0);
  }
  SUBCASE("a step with a chunk is not padded") {
    StepShape mixed = prompt(2);
    mixed.decodes = 1;
    mixed.decode_context = 50;
    CHECK(padding_us(mixed) == 0.0);
  }
}

TEST_CASE("step cost: the host hides behind the chips or adds up") {
  StepCostSpec spec = test::round_cost(test::tiny_dense());
  const StepShape shape = decodes(10, 1'000);
  const SimTime chips = price(spec, shape);
  SUBCASE("overlapped and shorter: nothing") {
    spec.host = {.per_step = 10_us, .per_sequence = 1_us, .overlapped = true};
    CHECK(price(spec, shape) == chips);
  }
  SUBCASE("overlapped and longer: 5 ms + 10 * 100 us") {
    spec.host = {.per_step = 5_ms, .per_sequence = 100_us, .overlapped = true};
    CHECK(us(price(spec, shape)) == Approx(6000.0).epsilon(1e-9));
  }
  SUBCASE("in turn: 10 us + 10 * 1 us more") {
    spec.host = {.per_step = 10_us, .per_sequence = 1_us, .overlapped = false};
    CHECK(us(price(spec, shape) - chips) == Approx(20.0).epsilon(1e-6));
  }
}

TEST_CASE("step cost: a pipeline is one whole pass and a hop a stage") {
  // 8 decodes on 2 stages: each hop 8 us + 2 * 8 * 1024 B at 100 GB/s.
  const SimTime piped = price(test::round_cost(test::tiny_dense(), {.pipeline = 2}), decodes(8, 8'000));
  const SimTime pass = price(test::round_cost(test::tiny_dense()), decodes(8, 8'000));
  CHECK(std::abs(us(piped - pass) - 2 * (8 + 0.16384)) <= 0.001);
}

TEST_CASE("step cost: the slowest stage has the layer left over or the head") {
  const StepShape shape = decodes(8, 8'000);
  const auto stage_us = [&](const StepCostSpec& spec) { return us(make_kernel_sum(spec)->stage(std::array{shape})); };
  const double head = us(total(StepParts(test::round_cost(test::tiny_dense())).head(8)));
  const double all_layers = us(price(test::round_cost(test::tiny_dense()), shape)) - head;
  const double hop = 8 + 0.16384;
  // Two stages of two layers: the head makes the last one slower. Three stages of 2, 1 and 1: the first is slower,
  // since a layer takes longer than the head.
  REQUIRE(all_layers / 4 > head);
  // 1e-5: whole nanoseconds
  CHECK(stage_us(test::round_cost(test::tiny_dense(), {.pipeline = 2})) ==
        Approx(all_layers / 2 + head + hop).epsilon(1e-5));
  CHECK(stage_us(test::round_cost(test::tiny_dense(), {.pipeline = 3})) == Approx(all_layers / 2 + hop).epsilon(1e-5));
  CHECK(stage_us(test::round_cost(test::tiny_dense())) == Approx(all_layers + head).epsilon(1e-5));
}

TEST_CASE("step cost: stages together take no less than the step and none more than it") {
  for (const models::LlmSpec& llm : {test::tiny_dense(), test::tiny_moe()}) {
    for (const std::uint32_t stages : {2U, 3U, 4U}) {
      const auto cost = make_kernel_sum(test::round_cost(llm, {.pipeline = stages}));
      for (const StepShape& shape : {decodes(1, 7), decodes(33, 40'000), prompt(4000)}) {
        const SimTime step = cost->step(shape);
        const SimTime slowest = cost->stage(std::array{shape});
        CHECK(slowest < step);
        CHECK(slowest * stages + SimTime{stages} >= step);  // each rounded to whole ns
      }
    }
  }
}

TEST_CASE("step cost: traffic is weights and cache of all chips") {
  SUBCASE("dense: 78.6 million weights in products, 2 B each, and 1,024 B of cache a token and layer") {
    const double weights = 4 * (1536.0 * 1024 + 1024 * 1024 + 3 * 4096 * 1024) + 8000 * 1024;
    const auto cost = make_kernel_sum(test::round_cost(test::tiny_dense()));
    CHECK(cost->traffic(std::array{decodes(8, 8'000)}).value() == Approx(2 * weights + 4 * 1024 * 8'000.0));
    CHECK(cost->traffic(std::array{prompt(100)}).value() == Approx(2 * weights));
  }
  SUBCASE("moe: only experts that were hit") {
    const auto cost = make_kernel_sum(test::round_cost(test::tiny_moe()));
    const double one = cost->traffic(std::array{decodes(1, 0)}).value();
    const double two = cost->traffic(std::array{decodes(2, 0)}).value();
    // Dealt in turn one token hits 2 of 16 and two hit 4: 2 more of 3 * 1024 * 512 * 2 B in 3 layers.
    CHECK(two - one == Approx(3 * 2 * 3 * 1024 * 512 * 2));
  }
  SUBCASE("two attention ranks read their own weights") {
    const auto cost = make_kernel_sum(test::round_cost(test::tiny_dense(), {.attention_data = 2}));
    const StepShape shape = decodes(8, 8'000);
    const double both = cost->traffic(std::array{shape, shape}).value();
    CHECK(both == Approx(2 * cost->traffic(std::array{shape, StepShape{}}).value()));
  }
}

TEST_CASE("step cost: a chip without the kernel is refused with what it has") {
  const auto refused = [](const StepCostSpec& spec, const char* field, const char* why) {
    try {
      static_cast<void>(make_kernel_sum(spec));
      FAIL("was accepted");
    } catch (const SpecError& error) {
      CHECK(error.field() == field);
      CHECK(error.why() == why);
    }
  };
  StepCostSpec spec = test::round_cost(test::tiny_moe());
  SUBCASE("weights") {
    spec.precision.weights = GemmKind::Nvfp4;
    refused(spec, "weights", "round-100 has no matrix product kernel for nvfp4; it has one for: bf16, fp8");
  }
  SUBCASE("ffn") {
    spec.precision.ffn = GemmKind::Nvfp4;
    refused(spec, "ffn", "round-100 has no matrix product kernel for nvfp4; it has one for: bf16, fp8");
  }
  SUBCASE("attention output") {
    spec.precision.attention_output = GemmKind::W4a16;
    refused(spec, "attention_output", "round-100 has no matrix product kernel for w4a16; it has one for: bf16, fp8");
  }
  SUBCASE("experts") {
    spec.precision.experts = GemmKind::W4a16;
    refused(spec, "experts", "round-100 has no grouped product kernel for w4a16; it has one for: bf16, fp8");
  }
  SUBCASE("cache") {
    spec.precision.kv = models::Dtype::Int8;
    refused(spec, "kv", "round-100 has no latent decode attention kernel for int8; it has one for: bf16, fp8");
  }
  SUBCASE("a peak that is missing") {
    spec.precision.weights = GemmKind::Fp8;
    spec.chip.peak[static_cast<std::size_t>(models::Dtype::Fp8)].reset();
    refused(spec, "weights", "round-100 has no dense peak for fp8");
  }
}

TEST_CASE("step cost: an empty step and one that is too large are bugs") {
  const auto cost = make_kernel_sum(test::round_cost(test::tiny_dense()));
  CHECK_THROWS_AS(static_cast<void>(cost->step(StepShape{})), BugError);
  CHECK_THROWS_AS(static_cast<void>(cost->step(prompt(8193))), BugError);
  CHECK_NOTHROW(static_cast<void>(cost->step(prompt(8192))));
}
