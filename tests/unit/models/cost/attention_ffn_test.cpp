// Attention and FFN on chips of their own.
#include "models/cost/attention_ffn.hpp"

#include "models/base/errors.hpp"
#include "models/cost/step_parts.hpp"
#include "tests/support/steps.hpp"
#include "tests/support/tiny_specs.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <map>
#include <string>
#include <vector>

using namespace tokenyard;
using namespace tokenyard::cost;
using doctest::Approx;
using test::us;

namespace {

constexpr std::uint32_t kAttention = 4;
constexpr std::uint32_t kFfn = 8;
constexpr models::ParallelPlan kEight{.attention_data = kFfn, .expert = kFfn};

/// Four attention ranks and eight FFN chips of the same kind in one domain of 100 GB/s ports.
StepCostSpec apart(std::uint32_t micro_batches) {
  StepCostSpec spec = test::round_cost(test::tiny_moe(), {.attention_data = kAttention});
  spec.ffn = FfnSide{
      .chip = test::round_chip(), .plan = {.attention_data = kFfn, .expert = kFfn}, .micro_batches = micro_batches};
  spec.network.ffn = test::one_domain(kAttention + kFfn, BytesPerSecond{100e9});
  return spec;
}

std::vector<StepShape> ranks(std::uint32_t decodes, std::uint64_t context) {
  return std::vector<StepShape>(kAttention, {.decodes = decodes, .decode_context = decodes * context});
}

std::map<std::string, double> lines_us(const StepCostSpec& spec, const std::vector<StepShape>& shapes) {
  std::map<std::string, double> lines;
  for (const CostLine& line : explain_step(spec, shapes)) lines[line.name] = line.time.value() * 1e6;
  return lines;
}

double sum_us(const std::vector<Part>& parts, bool ffn) {
  double sum = 0.0;
  for (const Part& part : parts) {
    if ((part.name == "shared experts" || part.name == "dense ffn") == ffn) sum += part.time.value() * 1e6;
  }
  return sum;
}

}  // namespace

TEST_CASE("attention and FFN apart: one micro-batch pays every place in turn") {
  const StepCostSpec spec = apart(1);
  const auto shapes = ranks(16, 1000);
  const auto lines = lines_us(spec, shapes);
  // A rank's 16 tokens, without the FFN.
  const StepParts attention(test::round_cost(test::tiny_moe(), {.attention_data = kAttention}));
  double on_attention = sum_us(attention.local(16.0), false);
  for (const Part& part : attention.attention(attention_work(shapes[0]))) on_attention += part.time.value() * 1e6;
  on_attention += total(attention.absorbed(16.0)).value() * 1e6;
  CHECK(lines.at("attention chips") == Approx(on_attention).epsilon(1e-6));  // whole picoseconds a layer
  // 64 tokens on 8 chips: experts in groups, the rest for 8 tokens each.
  const StepParts ffn(test::round_cost(test::tiny_moe(), {.attention_data = kFfn, .expert = kFfn}));
  const double on_ffn = sum_us(ffn.local(8.0), true) + total(ffn.experts(64.0)).value() * 1e6;
  CHECK(lines.at("ffn chips") == Approx(on_ffn).epsilon(1e-6));
  // Out: 10 us + log2(12) us, and 16 tokens of 2 KiB out of each attention chip, to 2 experts in 3 layers and to one
  // chip in the dense layer, at 50 GB/s. Each of 8 chips gets half as much. Back: 8 us + 2 log2(12) us.
  const double bytes_us = 16.0 * 2048.0 / 50e9 * 1e6;
  CHECK(lines.at("way out") == Approx(4.0 * (10.0 + std::log2(12.0)) + (3.0 * 2.0 + 1.0) * bytes_us).epsilon(1e-6));
  CHECK(lines.at("way back") == Approx(4.0 * (8.0 + 2.0 * std::log2(12.0)) + 7.0 * bytes_us).epsilon(1e-6));
  CHECK(lines.at("behind micro-batches") == Approx(0.0));
}

TEST_CASE("attention and FFN apart: the lines of a step add up to its price") {
  for (const std::uint32_t micro_batches : {1U, 2U, 3U, 4U}) {
    const StepCostSpec spec = apart(micro_batches);
    double sum = 0.0;
    for (const auto& [name, time] : lines_us(spec, ranks(32, 2000))) sum += time;
    CHECK(us(make_kernel_sum(spec)->step(ranks(32, 2000))) == Approx(sum).epsilon(1e-5));  // whole nanoseconds
  }
}

TEST_CASE("attention and FFN apart: no place works longer than the step and contexts never make it shorter") {
  const auto cost = make_kernel_sum(apart(3));
  SimTime before;
  for (std::uint64_t context = 100; context < 8000; context += 100) {
    const SimTime now = cost->step(ranks(48, context));
    CHECK(now >= before);
    before = now;
  }
  const auto lines = lines_us(apart(3), ranks(48, 4000));
  for (const char* place : {"attention chips", "way out", "ffn chips", "way back"}) {
    CHECK(us(cost->step(ranks(48, 4000))) >= 3.0 * lines.at(place));  // three micro-batches pass through it
  }
}

TEST_CASE("attention and FFN apart: of the ways a lone micro-batch hides nothing and several hide a part") {
  const auto lines = lines_us(apart(1), ranks(16, 1000));
  const double ways = lines.at("way out") + lines.at("way back");
  CHECK(us(make_kernel_sum(apart(1))->exposed(ranks(16, 1000))) == Approx(ways).epsilon(1e-4));  // whole nanoseconds
  const auto three = lines_us(apart(3), ranks(48, 1000));
  const double sent = 3.0 * (three.at("way out") + three.at("way back"));
  CHECK(us(make_kernel_sum(apart(3))->exposed(ranks(48, 1000))) < sent);
}

TEST_CASE("attention and FFN apart: both ways send a copy for every expert") {
  const StepCostSpec spec = apart(4);
  const CollectiveBytes bytes = make_kernel_sum(spec)->bytes(ranks(16, 1000));
  const Communication sent = make_kernel_sum(spec)->communication(ranks(16, 1000));  // 64 tokens, in four equal parts
  // 2 experts in 3 layers and one chip in the dense one, 2 KiB in BF16.
  CHECK(sent.ways.out.sent.inside.value() * kAttention == Approx(64.0 * 7.0 * 2048.0).epsilon(1e-12));
  CHECK(bytes[Sender::Out].inside == 64 * 7 * 2048);
  CHECK(bytes[Sender::Back].inside == 64 * 7 * 2048);
  CHECK(sent.ways.out.per_flow.inside.value() == Approx(sent.ways.out.sent.inside.value() / kFfn).epsilon(1e-12));
}

TEST_CASE(
    "attention and FFN apart: slower ways hold a lone micro-batch up in full and several by what they do not hide") {
  const auto alone = make_kernel_sum(apart(1));
  const auto shapes = ranks(48, 1000);
  CHECK(alone->longer(shapes, Seconds{}, Seconds{}) == SimTime{});
  CHECK(us(alone->longer(shapes, Seconds{40e-6}, Seconds{20e-6})) == Approx(60.0).epsilon(1e-4));  // whole nanoseconds
  const auto three = make_kernel_sum(apart(3));
  CHECK(us(three->longer(shapes, Seconds{40e-6}, Seconds{20e-6})) < 60.0);
  CHECK(three->longer(shapes, Seconds{1.0}, Seconds{}) >
        SimTime::from(Seconds{0.9}));  // a way that is the slowest place
}

TEST_CASE("attention and FFN apart: a rank with fewer tokens than micro-batches has fewer of them") {
  CHECK(make_kernel_sum(apart(8))->step(ranks(1, 500)) == make_kernel_sum(apart(1))->step(ranks(1, 500)));
}

TEST_CASE("attention and FFN apart: the weights of both sides are those of the model") {
  const models::LlmSpec llm = test::tiny_moe();
  const models::Precision precision;
  const Bytes both =
      AttentionFfn::attention_weights(llm, {}, precision) + AttentionFfn::ffn_weights(llm, {}, precision);
  CHECK(both.value() == Approx(models::weight_bytes_per_chip(llm, {}, precision).value()).epsilon(1e-12));
  // Experts are dealt out, the dense layer's 3 x 1024 x 4096 and the shared 3 x 1024 x 512 of 3 layers are not.
  const double whole = 2.0 * (3.0 * 1024 * 4096 + 3.0 * 3.0 * 1024 * 512);
  const double experts = 2.0 * 3.0 * 16 * 3.0 * 1024 * 512;
  CHECK(AttentionFfn::ffn_weights(llm, kEight, precision).value() == Approx(whole + experts / 8.0).epsilon(1e-12));
  // With an FFN in FP8 half of that, and the attention chips hold what they held.
  const models::Precision fp8{.ffn = models::GemmKind::Fp8};
  CHECK(AttentionFfn::ffn_weights(llm, kEight, fp8).value() == Approx(whole / 2.0 + experts / 8.0).epsilon(1e-12));
  CHECK(AttentionFfn::attention_weights(llm, {}, fp8).value() ==
        Approx(AttentionFfn::attention_weights(llm, {}, precision).value()).epsilon(1e-12));
}

TEST_CASE("attention and FFN apart: every micro-batch reads the weights anew") {
  // Without cache to read the traffic of as many micro-batches as tokens is that of a step of one token a rank, times.
  const auto one = make_kernel_sum(apart(1))->traffic(ranks(1, 0)).value();
  CHECK(make_kernel_sum(apart(4))->traffic(ranks(4, 0)).value() == Approx(4.0 * one).epsilon(1e-9));
}

TEST_CASE("attention and FFN apart: a dense model has no experts to set apart") {
  StepCostSpec spec = test::round_cost(test::tiny_dense());
  spec.ffn = FfnSide{.chip = test::round_chip(), .plan = {.attention_data = 2, .expert = 2}};
  CHECK_THROWS_WITH_AS((void)make_kernel_sum(spec), "ffn: stands apart for MoE models only; tiny-dense is dense",
                       SpecError);
}
