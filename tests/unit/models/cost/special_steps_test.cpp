// Steps with drafts, in two half batches, launched one by one, with shared caches and prompts.
#include "models/base/errors.hpp"
#include "models/cost/drafting.hpp"
#include "models/cost/kv_exchange.hpp"
#include "models/cost/step_cost.hpp"
#include "models/cost/step_parts.hpp"
#include "models/cost/two_batch.hpp"
#include "tests/support/steps.hpp"
#include "tests/support/tiny_specs.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <vector>

using namespace tokenyard;
using namespace tokenyard::cost;
using namespace tokenyard::literals;
using doctest::Approx;
using test::decodes;
using test::prompt;

namespace {

using test::us;
double us(const Part& part) { return us(part.time); }
SimTime price(const StepCostSpec& spec, const StepShape& shape) { return make_kernel_sum(spec)->step(shape); }

StepCostSpec drafting(models::LlmSpec llm, std::uint32_t tokens, models::ParallelPlan plan = {}) {
  llm.mtp_layers = 1;
  StepCostSpec spec = test::round_cost(llm, plan);
  spec.speculation = {.tokens = tokens, .acceptance = std::vector<double>(tokens, 0.5)};
  return spec;
}

StepCostSpec wide_experts() { return test::round_cost(test::tiny_moe(), {.attention_data = 8, .expert = 8}); }

}  // namespace

TEST_CASE("drafts: verification computes k + 1 tokens a sequence and reads the cache once") {
  // Against the same chip without drafts: 4 tokens a sequence in products and head, the cache of 1,000 tokens in
  // attention.
  const StepCostSpec spec = drafting(test::tiny_dense(), 3);
  const StepParts parts(test::round_cost(test::tiny_dense()));
  const DraftParts draft(spec);
  const StepShape shape = decodes(8, 8'000);
  // Decode attention: 4 layers of 10 us + (8,000 * 1,024 B of cache + 4 * 8 * 32 queries * 128 B) / 800G.
  const double attention = 4 * (10.0 + (8'000.0 * 1024 + 4 * 8 * 32 * 128) / 800e3);
  const double expected =
      us(total(parts.local(32))) + us(total(parts.head(32))) + attention + us(draft.rank(32, shape));
  CHECK(us(price(spec, shape)) == Approx(expected).epsilon(1e-4));  // attention's table
}

TEST_CASE("drafts: the layer runs once over the step and again over a token a sequence for each further draft") {
  const DraftParts one(drafting(test::tiny_dense(), 1));
  const DraftParts three(drafting(test::tiny_dense(), 3));
  CHECK(us(one.later(8)) == Approx(us(total(StepParts(test::round_cost(test::tiny_dense())).head(8)))));
  CHECK(us(three.later(8)) == Approx(3 * us(one.later(8)) + 2 * us(three.first(8))));
  CHECK(us(three.first(32)) == Approx(us(one.first(32))));
}

TEST_CASE("drafts: a drafting model runs once over the step and again over a token a sequence for each further draft") {
  models::LlmSpec small = test::tiny_dense();
  small.layers = 2;
  StepCostSpec spec = drafting(test::tiny_moe(), 3, {.tensor = 2, .expert = 2});
  spec.speculation.drafter = models::Drafter::Model;
  spec.speculation.model = small;
  const StepParts alone(test::round_cost(small, {.tensor = 2}));  // its own model, without experts
  const DraftParts draft(spec);
  CHECK(us(draft.first(32)) == Approx(us(total(alone.local(32)))));
  CHECK(us(draft.later(8)) == Approx(3 * us(total(alone.head(8))) + 2 * us(total(alone.local(8)))));
  CHECK(draft.first_shared(32).time == Seconds{0.0});
  // The step is that of verifying and the drafting; a drafting model of half the layers is cheaper than one of all.
  const SimTime half = price(spec, decodes(8, 8'000));
  spec.speculation.model = test::tiny_dense();
  CHECK(half < price(spec, decodes(8, 8'000)));
  CHECK(half > price(test::round_cost(test::tiny_moe(), {.tensor = 2, .expert = 2}), decodes(8, 8'000)));
}

TEST_CASE("drafts: a format that only the drafting model has and the chip has not is told as its own") {
  StepCostSpec spec = drafting(test::tiny_dense(), 1);
  spec.speculation.drafter = models::Drafter::Model;
  spec.speculation.model = test::tiny_dense();
  spec.speculation.model->native = models::GemmKind::Nvfp4;
  try {
    static_cast<void>(make_kernel_sum(spec));
    FAIL("was accepted");
  } catch (const SpecError& error) {
    CHECK(error.field() == "speculation.draft.llm");
    CHECK(error.why() == "round-100 has no matrix product kernel for nvfp4; it has one for: bf16, fp8");
  }
}

TEST_CASE("drafts: none is the plain step and more are never cheaper") {
  for (const models::LlmSpec& llm : {test::tiny_dense(), test::tiny_moe()}) {
    for (const StepShape& shape : {decodes(1, 100), decodes(40, 60'000), prompt(700)}) {
      CHECK(price(drafting(llm, 0), shape) == price(test::round_cost(llm), shape));
      SimTime last = price(test::round_cost(llm), shape);
      for (std::uint32_t k = 1; k <= 4; ++k) {
        const SimTime now = price(drafting(llm, k), shape);
        CHECK(now > last);
        last = now;
      }
    }
  }
}

TEST_CASE("two batches: in decodes each way hides behind its own stages") {
  // All in 5 layers: prepare 2, attend 6, FFN 1, experts 5. A way out of 4 has 2 + 1 to hide behind, a way back of 5
  // has 6; the last layer's has the FFN alone and nothing: 2 * (14 + 1) + (3 - 1 + 5)/5.
  TwoBatchTime half{.rank = {.prepare = 2, .attend = 6, .ffn = 1}, .experts = 5, .dispatch = 4, .combine = 5};
  half.layers = 5;
  CHECK(half.total() == Approx(31.4));
  CHECK(half.hidden() == Approx(2 * 23 - 31.4));
  // A way back of 10 is 4 longer than attention: 2 * (14 + 1 + 4) + (3 - 1 + 10 - 4)/5.
  half.combine = 10;
  CHECK(half.total() == Approx(39.6));
  // Shorter attention hides less of it: the step is as long as before.
  const double before = half.total();
  half.rank.attend = 4;
  CHECK(half.total() == Approx(before - 2 * 2 + 2 * 2 - 2.0 / 5));
}

TEST_CASE("two batches: prompts give way to an exchange with a stream of its own") {
  // One layer: A and B attend until 8 and 16, ways out 8..12 and 16..20, experts 16..21..26, ways back 21..24 and
  // 26..29, FFN 26..28. In a second one everything is hidden: 28 more.
  TwoBatchTime half{.rank = {.prepare = 3, .attend = 5, .ffn = 1}, .experts = 5, .dispatch = 4, .combine = 3};
  half.order = TwoBatchTime::Order::Prompts;
  CHECK(half.total() == Approx(29.0));
  const auto layers = [](TwoBatchTime one, double n) {
    for (double* const time :
         {&one.rank.prepare, &one.rank.attend, &one.rank.ffn, &one.experts, &one.dispatch, &one.combine}) {
      *time *= n;
    }
    one.layers = n;
    return one;
  };
  CHECK(layers(half, 2).total() == Approx(57.0));
  CHECK(layers(half, 58).total() == Approx(29.0 + 57 * 28));
  // Ways back of 12: neither stream is busy all the time. A attends, its tokens go out and its experts compute behind
  // B's attention, both ways back follow one another, and B attends behind them: 8 + 5 + 2*12 = 37 a layer, where what
  // is computed takes 28 and the exchange 32. The first ends at 45.
  half.combine = 12;
  CHECK(layers(half, 2).total() == Approx(45.0 + 37.0));
  CHECK(layers(half, 58).total() == Approx(45.0 + 57 * 37.0));
  // A fifth of the chip lost while the exchange runs, half of the time.
  half = {.rank = {.prepare = 14}, .dispatch = 7, .share = 0.2, .order = TwoBatchTime::Order::Prompts};
  CHECK(half.total() == Approx(2 * 14 * 1.1 + 7));
}

TEST_CASE(
    "two batches: neither stream ends before its own work is done, and nothing takes longer than one after the other") {
  using Order = TwoBatchTime::Order;
  for (const Order order : {Order::Decodes, Order::Prompts}) {
    for (const double out : {0.0, 3.0, 40.0}) {
      for (const double back : {0.0, 7.0, 90.0}) {
        for (const double layers : {1.0, 3.0, 58.0}) {
          const TwoBatchTime half{.rank = {.prepare = 11, .attend = 21, .ffn = 4},
                                  .experts = 19,
                                  .dispatch = out,
                                  .combine = back,
                                  .layers = layers,
                                  .order = order};
          const double computed = half.rank.total() + half.experts;
          CHECK(half.total() >= 2.0 * computed * (1.0 - 1e-12));
          CHECK(half.total() >= 2.0 * (out + back) * (1.0 - 1e-12));
          CHECK(half.total() <= 2.0 * (computed + out + back) * (1.0 + 1e-12));
          for (double TwoBatchTime::* const grown :
               {&TwoBatchTime::experts, &TwoBatchTime::dispatch, &TwoBatchTime::combine}) {
            TwoBatchTime more = half;
            more.*grown += 5.0;
            CHECK(more.total() >= half.total());
          }
        }
      }
    }
  }
}

TEST_CASE("two batches: a step is the halves of its MoE layers in turn and the rest as it was") {
  StepCostSpec spec = wide_experts();
  const StepParts parts(spec);
  const StepShape shape = decodes(64, 64'000);
  const std::vector<StepShape> ranks(8, shape);
  const SimTime whole = make_kernel_sum(spec)->step(ranks);
  spec.two_batch = {.decode = true};
  const SimTime split = make_kernel_sum(spec)->step(ranks);
  // Three of four layers are MoE layers; latent attention of 32,000 tokens: 16 us + 32,000 * 320 B / 800G a layer.
  const double absorbed = 0.75 * us(total(parts.absorbed(32)));
  const double prepare = us(total(parts.local_prepare(32))) + 0.5 * absorbed;
  const double attend = us(total(parts.local_attention(32))) - us(total(parts.local_prepare(32))) + 0.5 * absorbed +
                        3 * (16.0 + 32'000.0 * 320 / 800e3);
  const double ffn = us(total(parts.local_ffn(32)));
  const BothWays exchange = both_ways(parts.exchange(256));
  const double out = std::max(0.0, us(exchange.out) - ffn - prepare);
  const double back = std::max(0.0, us(exchange.back) - attend);
  const double last = std::max(0.0, us(exchange.out) - ffn) - out + us(exchange.back) - back;
  const double layers = 2 * (prepare + attend + ffn + us(total(parts.experts(256))) + out + back) + last / 3;
  const double rest = us(total(parts.local(64, {.dense = 1}))) + us(total(parts.head(64))) + 16.0 +
                      64'000.0 * 320 / 800e3 + 0.25 * us(total(parts.absorbed(64)));
  CHECK(us(split) == Approx(rest + layers).epsilon(1e-5));
  CHECK(us(whole) == Approx(rest + us(total(parts.local(64, {.moe = 3}))) + 3 * (16.0 + 64'000.0 * 320 / 800e3) +
                            0.75 * us(total(parts.absorbed(64))) + us(total(parts.shared(512))))
                         .epsilon(1e-5));
}

TEST_CASE("two batches: only the steps that are to be split are") {
  const std::vector<StepShape> decoding(8, decodes(64, 64'000));
  const std::vector<StepShape> prefill(8, prompt(2'000));
  StepCostSpec spec = wide_experts();
  const auto plain = make_kernel_sum(spec);
  spec.two_batch = {.prefill = true};
  const auto prefill_only = make_kernel_sum(spec);
  CHECK(prefill_only->step(decoding) == plain->step(decoding));
  CHECK(prefill_only->step(prefill) < plain->step(prefill));
}

TEST_CASE("two batches: a share of the chip kept by the exchange makes the step longer") {
  const std::vector<StepShape> prefill(8, prompt(2'000));
  StepCostSpec spec = wide_experts();
  spec.two_batch = {.prefill = true};
  const SimTime free = make_kernel_sum(spec)->step(prefill);
  spec.two_batch.sm_share = 0.2;
  CHECK(make_kernel_sum(spec)->step(prefill) > free);
}

TEST_CASE("launches: without graphs a step takes at least a launch a kernel") {
  StepCostSpec spec = test::round_cost(test::tiny_dense());
  const StepShape one = decodes(1, 10);
  const SimTime chips = price(spec, one);
  // 4 layers of 4 products, 4 small kernels and attention; head and two of sampling: 39 kernels.
  CHECK(StepParts(spec).kernels() == 39);
  spec.host.per_launch = 5_us;
  CHECK(price(spec, one) == chips);  // 195 us of launches run ahead of the chip
  spec.host.per_launch = 100_us;
  CHECK(us(price(spec, one)) == Approx(3900.0));
  spec.graph_sizes = {1, 8};
  CHECK(price(spec, one) == chips);
}

TEST_CASE("launches: a graph in pieces leaves attention and a replay a layer") {
  StepCostSpec spec = test::round_cost(test::tiny_dense());
  spec.graph_sizes = {64};
  const SimTime chips = price(spec, prompt(32));
  spec.host.per_launch = 1_ms;
  CHECK(us(price(spec, prompt(32))) == Approx(8000.0));   // 2 a layer
  CHECK(us(price(spec, prompt(65))) == Approx(39000.0));  // beyond the largest graph
  CHECK(us(chips) < 8000.0);
}

TEST_CASE("launches: steps with prompts have graphs up to a limit of their own") {
  StepCostSpec spec = test::round_cost(test::tiny_dense());
  spec.graph_sizes = {64};
  spec.host.per_launch = 1_ms;
  spec.prompt_graph_tokens = 0;
  CHECK(us(price(spec, prompt(32))) == Approx(39000.0));  // all 39 kernels
  CHECK(us(price(spec, decodes(32, 3200))) < 1000.0);     // decodes replay theirs
  spec.prompt_graph_tokens = 500;
  CHECK(us(price(spec, prompt(500))) == Approx(8000.0));  // 2 a layer
  CHECK(us(price(spec, prompt(501))) == Approx(39000.0));
}

TEST_CASE("graphs: an engine that does not pad replays those of just its batches") {
  StepCostSpec spec = test::round_cost(test::tiny_dense());
  const SimTime five = price(spec, decodes(5, 50));
  const SimTime eight = price(spec, decodes(8, 80));
  spec.graph_sizes = {1, 8, 16};
  spec.pad_to_graphs = false;
  CHECK(price(spec, decodes(5, 50)) == five);  // as wide as it is
  spec.host.per_launch = 100_us;
  CHECK(price(spec, decodes(8, 80)) == eight);
  CHECK(us(price(spec, decodes(5, 50))) == Approx(3900.0));  // all 39 kernels
  CHECK(us(price(spec, decodes(17, 170))) == Approx(3900.0));
  spec.pad_to_graphs = true;
  CHECK(price(spec, decodes(5, 50)) < eight);  // eight wide, with fewer contexts
}

TEST_CASE("graphs: ranks in step all replay the graph of the fullest") {
  StepCostSpec spec = wide_experts();
  spec.graph_sizes = {4, 16, 64};
  const auto cost = make_kernel_sum(spec);
  std::vector<StepShape> ranks(8, decodes(3, 3'000));
  ranks[5] = decodes(10, 3'000);
  ranks[7] = {};
  std::vector<StepShape> full(8, decodes(10, 3'000));
  // The fullest decides on its own; 8 * 16 tokens go through the experts either way, idle rank included.
  CHECK(cost->step(ranks) == cost->step(full));
}

TEST_CASE("shared cache: one chip or one group is the plain plan") {
  const KvExchange none(test::round_cost(test::tiny_dense(), {.tensor = 2}));
  CHECK_FALSE(none.active());
  CHECK(none(decodes(5, 5'000)) == 0.0);
}

TEST_CASE("shared cache: decodes read their part and exchange queries and outputs") {
  // Latent attention on 4 chips that share the cache. Each reads 160,000 tokens of 640,000 for the queries of all 8
  // heads: 16 us + max(160,000 * 320 B / 800G, 2 * 160,000 * 8 * 288 / 50T) = 80 us a layer.
  StepCostSpec spec = test::round_cost(test::tiny_moe(), {.tensor = 4, .kv = 4});
  const StepParts parts(spec);
  const StepShape shape = decodes(64, 640'000);
  const double attention = 4 * (16.0 + 64.0);
  // Queries (128 + 32) and outputs 128 in BF16, LSE 4 B, of 8 heads; two gathers of 4 + 0.3 us a layer, 3/4 at 80 GB/s.
  const double exchange = 4 * (2 * 4.3 + 64.0 * 8 * (2 * 160 + 2 * 128 + 4) * 0.75 / 80e3);
  const double expected = us(total(parts.local(64))) + us(total(parts.absorbed(64))) + us(total(parts.head(64))) +
                          us(total(parts.shared(64))) + attention + exchange;
  CHECK(us(price(spec, shape)) == Approx(expected).epsilon(1e-5));
}

TEST_CASE("shared prompts: tokens and area are split and keys are gathered") {
  const StepCostSpec spec = test::round_cost(test::tiny_dense(), {.context = 4});
  const StepParts alone(test::round_cost(test::tiny_dense()));
  // A chunk of 1,024 after a prefix of 3,072: each chip computes 256 tokens and a quarter of the area.
  const StepShape chunk{.chunks = 1, .prefill_tokens = 1024, .prefill_area_x2 = 1024ULL * (2 * 3072 + 1024)};
  const double area = static_cast<double>(chunk.prefill_area_x2) / 4;
  const double attention = 4 * (20.0 + 2.0 * 1024 * area / 50e6 + 256.0 * 24 * 128 * 2 / 500e3);
  // All 4,096 keys and values: 2 heads * 128 * 2 * 2 B; a gather of 4.3 us a layer, 3/4 at 80 GB/s.
  const double gather = 4 * (4.3 + 4096.0 * 1024 * 0.75 / 80e3);
  const double expected = us(total(alone.local(256))) + us(total(alone.head(1))) + attention + gather;
  CHECK(us(price(spec, chunk)) == Approx(expected).epsilon(1e-5));
}

TEST_CASE("special steps: the lines of explain add up and prices grow with contexts") {
  StepCostSpec both = drafting(test::tiny_moe(), 2, {.tensor = 2, .attention_data = 4, .expert = 8, .kv = 2});
  both.two_batch = {.decode = true, .prefill = true, .sm_share = 0.18};
  both.host.per_launch = 5_us;
  both.graph_sizes = {8, 64, 256};
  const auto cost = make_kernel_sum(both);
  for (const StepShape& shape : {decodes(5, 9'000), decodes(64, 400'000), prompt(900)}) {
    std::vector<StepShape> ranks(4, shape);
    double sum = 0.0;
    for (const CostLine& line : explain_step(both, ranks)) sum += us(line.time);
    CHECK(sum == Approx(us(cost->step(ranks))).epsilon(1e-4));
    const SimTime before = cost->step(ranks);
    ranks[2].decode_context += 50'000;
    CHECK(cost->step(ranks) >= before);
  }
}
