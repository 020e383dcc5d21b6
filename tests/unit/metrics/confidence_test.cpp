#include "sim/metrics/confidence.hpp"

#include <doctest/doctest.h>

using namespace tokenyard::metrics;

namespace {

AccuracyLine line(const char* model, const char* engine, std::uint32_t batch_from, double median, std::size_t n = 10) {
  return {.chip = "h100",
          .model = model,
          .engine = engine,
          .format = "fp8",
          .longest_prompt = 8192,
          .batch_from = batch_from,
          .metric = Metric::Tpot,
          .errors = {.n = n, .median = median, .mean = median, .p90 = 2 * median, .bias = -median}};
}

const Regime kRegime{
    .chip = "h100", .model = "llama", .engine = "vllm", .format = "fp8", .mean_batch = 30.0, .mean_prompt = 1024.0};

}  // namespace

TEST_CASE("confidence: measurements of the same chip and model and engine and load are no extrapolation") {
  const auto found =
      confidence_of({line("llama", "vllm", 1, 0.1), line("llama", "vllm", 17, 0.2), line("llama", "vllm", 65, 0.3)},
                    kRegime, Metric::Tpot);
  REQUIRE(found.errors.has_value());
  CHECK(found.errors->median == doctest::Approx(0.2).epsilon(1e-15));
  CHECK_FALSE(found.extrapolated);
  CHECK(found.reason.empty());
  CHECK(found.basis == "h100, llama, fp8, vllm, batches of 17 to 64");
}

TEST_CASE("confidence: the nearest load comes before another engine and that before another model") {
  const AccuracyLine other_load = line("llama", "vllm", 65, 0.3);
  const AccuracyLine other_engine = line("llama", "sglang", 17, 0.4);
  const AccuracyLine other_model = line("qwen", "vllm", 17, 0.5);
  AccuracyLine other_format = line("llama", "vllm", 17, 0.35);
  other_format.format = "bf16";
  const auto by = [&](const std::vector<AccuracyLine>& lines) { return confidence_of(lines, kRegime, Metric::Tpot); };
  CHECK(by({other_model, other_engine, other_format, other_load}).reason == "no measurement at batches of 17 to 64");
  CHECK(by({other_model, other_engine, other_format}).reason == "weights in fp8 were not measured with it");
  CHECK(by({other_model, other_engine}).reason == "vllm was not measured with it");
  CHECK(by({other_model}).reason == "llama was not measured on h100");
  CHECK(by({other_model}).basis == "h100, qwen, fp8, vllm, batches of 17 to 64");
  for (const AccuracyLine& one : {other_load, other_format, other_engine, other_model}) CHECK(by({one}).extrapolated);
}

TEST_CASE("confidence: prompts far beyond measured ones and what nothing measured has are extrapolations") {
  Regime regime = kRegime;
  const auto reason = [&] { return confidence_of({line("llama", "vllm", 17, 0.1)}, regime, Metric::Tpot).reason; };
  regime.mean_prompt = 8192 * kLongerPrompts;
  CHECK(reason().empty());
  regime.mean_prompt = 60'000;
  CHECK(reason() == "prompts of 60000 tokens on the mean, measured up to 8192");
  regime.unlike = "drafts";
  CHECK(reason() == "nothing with drafts was measured");
}

TEST_CASE("confidence: measurements at one distance count together by their number") {
  // (10 * 0.1 + 30 * 0.2) / 40 = 0.175
  const auto found =
      confidence_of({line("qwen", "vllm", 17, 0.1, 10), line("mistral", "vllm", 17, 0.2, 30)}, kRegime, Metric::Tpot);
  CHECK(found.errors->n == 40);
  CHECK(found.errors->median == doctest::Approx(0.175).epsilon(1e-14));
  CHECK(found.errors->bias == doctest::Approx(-0.175).epsilon(1e-14));
  CHECK(found.basis == "h100, other dense models, fp8, vllm, batches of 17 to 64");
}

TEST_CASE("confidence: another chip or metric or MoE or P/D says nothing") {
  AccuracyLine chip = line("llama", "vllm", 17, 0.1);
  chip.chip = "h200";
  AccuracyLine metric = line("llama", "vllm", 17, 0.1);
  metric.metric = Metric::Ttft;
  AccuracyLine moe = line("llama", "vllm", 17, 0.1);
  moe.moe = true;
  AccuracyLine split = line("llama", "vllm", 17, 0.1);
  split.split = true;
  const auto found = confidence_of({chip, metric, moe, split}, kRegime, Metric::Tpot);
  CHECK_FALSE(found.errors.has_value());
  CHECK(found.extrapolated);
  CHECK(found.reason == "no serving of dense models was measured on h100");
}

TEST_CASE("confidence: a chip whose kernels were never measured is an extrapolation whatever else was") {
  Regime regime = kRegime;
  regime.kernel_tables = false;
  CHECK(confidence_of({line("llama", "vllm", 17, 0.1)}, regime, Metric::Tpot).reason ==
        "the kernel coefficients of h100 are assumed, not fitted");
  CHECK(confidence_of({}, regime, Metric::Tpot).reason ==
        "the kernel coefficients of h100 are assumed, and no serving of it was measured");
}

TEST_CASE("confidence: lines hold the played points whose figures mean what they say by class of batches") {
  ScoredPoint point{.chip = "h100", .model = "llama", .engine = "trtllm", .engine_kind = "vllm", .format = "fp8"};
  point.mean_batch = 16.0;
  point.mean_prompt = 900.5;
  point.compared[static_cast<std::size_t>(Metric::Tpot)] = Comparison{1.1, 1.0, ""};
  ScoredPoint larger = point;
  larger.mean_batch = 16.5;
  ScoredPoint trapped = point;
  trapped.compared[static_cast<std::size_t>(Metric::Tpot)]->trap = "flat";
  ScoredPoint refused = point;
  refused.fate = RowFate::Refused;
  ScoredPoint longer = point;
  longer.mean_prompt = 7000.0;
  ScoredPoint other_format = point;
  other_format.format = "nvfp4";
  const auto lines = accuracy_lines({larger, trapped, refused, longer, point, other_format});
  REQUIRE(lines.size() == 3);
  CHECK(lines[0].batch_from == 1);
  CHECK(lines[0].batch_to == 16);
  CHECK(lines[0].engine == "vllm");
  CHECK(lines[0].format == "fp8");
  CHECK(lines[0].errors.n == 2);
  CHECK(lines[0].longest_prompt == 7000);
  CHECK(lines[1].batch_from == 17);
  CHECK(lines[1].longest_prompt == 901);
  CHECK(lines[2].format == "nvfp4");
}
