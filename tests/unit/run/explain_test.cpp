#include "sim/run/explain.hpp"

#include "models/base/errors.hpp"
#include "tests/support/small_experiment.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <string>

using namespace tokenyard;
using namespace tokenyard::test;

namespace {

PoolStep step_of(const std::string& pools, const StepQuestion& question) {
  return explain(read({.pools = pools}), question).at(0);
}

}  // namespace

TEST_CASE("explain: a mixed pool takes a chunk of a prompt beside its decodes") {
  const std::string mixed = "{serve: {}}";
  const PoolStep alone = step_of(mixed, {.decodes = 8, .context = 500});
  const PoolStep both = step_of(mixed, {.decodes = 8, .context = 500, .chunk = 256});
  CHECK(alone.what == "8 decodes at 500 tokens");
  CHECK(both.what == "8 decodes at 500 tokens beside 256 tokens of a prompt");
  CHECK(both.step > alone.step);
  // The step is that of one pass over both: never more than one after the other.
  const PoolStep prompt = step_of(mixed, {.decodes = 0, .context = 500, .chunk = 256});
  CHECK(both.step.ns() <= alone.step.ns() + prompt.step.ns());
  // Lines add up to the step, but for what the host takes more.
  Seconds sum;
  for (const cost::CostLine& line : both.lines) sum += line.time;
  CHECK(sum.value() == doctest::Approx(both.step.seconds().value()).epsilon(1e-3));  // compiled tables
}

TEST_CASE("explain: a chunk changes nothing in pools that only decode or only prefill") {
  const std::string split = "{p: {role: prefill}, d: {role: decode}}";
  const auto plain = explain(read({.pools = split}), {.decodes = 8, .context = 500, .prompt = 300});
  const auto chunk = explain(read({.pools = split}), {.decodes = 8, .context = 500, .prompt = 300, .chunk = 256});
  for (std::size_t pool = 0; pool < 2; ++pool) CHECK(plain[pool].step == chunk[pool].step);
}

TEST_CASE("explain: behind many like it a long prompt is slower and so are many decodes, few are not") {
  const std::string split = "{p: {role: prefill, engine: {max_num_batched_tokens: 8192}}, d: {role: decode}}";
  const auto steps = explain(read({.pools = split}), {.decodes = 16, .context = 500, .prompt = 8000});
  // Nearly all of it are products: close to the sustained speed of an H100, 0.85.
  const double slower = steps[0].step.seconds().value() / steps[0].in_a_row.seconds().value();
  CHECK(slower > 0.85);
  CHECK(slower < 0.90);
  CHECK(steps[1].in_a_row == steps[1].step);
  const auto many = explain(read({.pools = split}), {.decodes = 512, .context = 500, .prompt = 8});
  CHECK(many[1].in_a_row.ns() > 1.05 * static_cast<double>(many[1].step.ns()));
  const auto brief = explain(read({.pools = split}), {.decodes = 64, .context = 500, .prompt = 8});
  CHECK(brief[0].in_a_row == brief[0].step);  // reads weights
}

TEST_CASE("explain: a step that no pool could run, or that is of no pool, is told") {
  const auto mixed = read({.pools = "{serve: {engine: {max_num_seqs: 64}}}"});
  const auto split = read({.pools = "{p: {role: prefill}, d: {role: decode}}"});
  CHECK_NOTHROW(refuse_impossible(mixed, {.decodes = 64, .context = 131'072}, false));
  CHECK_THROWS_AS(refuse_impossible(mixed, {.decodes = 65, .context = 500}, false), UserError);
  CHECK_THROWS_AS(refuse_impossible(mixed, {.decodes = 64, .context = 131'073}, false), UserError);
  CHECK_THROWS_AS(refuse_impossible(mixed, {.decodes = 1, .context = 0}, false), UserError);
  CHECK_THROWS_AS(refuse_impossible(mixed, {.decodes = 1, .prompt = 500}, true), UserError);
  CHECK_NOTHROW(refuse_impossible(split, {.decodes = 1, .prompt = 500}, true));
  CHECK_THROWS_AS(refuse_impossible(split, {.decodes = 1, .chunk = 500}, false), UserError);
}

TEST_CASE("explain: a step without a token or beyond the engine's or mixed against its rules names the option") {
  const auto told = [](const std::string& pools, const StepQuestion& question) {
    return user_error([&] { refuse_impossible(read({.pools = pools}), question, false); });
  };
  const std::string mixed = "{serve: {engine: {max_num_seqs: 64, max_num_batched_tokens: 2048}}}";
  const std::string split = "{p: {role: prefill, engine: {max_num_batched_tokens: 2048}}, d: {role: decode}}";
  CHECK(told(mixed, {.decodes = 0}) ==
        "--decodes: must be at least 1, or --chunk above 0: a step of pool 'serve' would have no token");
  CHECK(told(split, {.decodes = 0}) == "--decodes: must be at least 1: a step of pool 'd' would have no token");
  CHECK(told(split, {.prompt = 0}) == "--prompt: must be at least 1");
  CHECK(told(split, {.prompt = 2049}) == "--prompt: a step of pool 'p' has at most 2048 tokens a rank");
  CHECK_NOTHROW(refuse_impossible(read({.pools = split}), {.prompt = 2048}, true));
  CHECK(told(mixed, {.decodes = 64, .chunk = 1985}) ==
        "--chunk: 1985 tokens beside 64 decodes; a step of pool 'serve' has at most 2048 tokens a rank");
  CHECK_NOTHROW(refuse_impossible(read({.pools = mixed}), {.decodes = 64, .chunk = 1984}, false));
  const std::string apart = "{serve: {engine: {kind: sglang}}}";
  CHECK(told(apart, {.decodes = 8, .chunk = 512}) ==
        "--chunk: pool 'serve' computes prompts in steps of their own; --decodes 0 asks for one, "
        "pools.serve.engine.enable_mixed_chunk lets decodes join");
  CHECK_NOTHROW(refuse_impossible(read({.pools = apart}), {.decodes = 0, .chunk = 512}, false));
  const auto joined = read({.pools = "{serve: {engine: {kind: sglang, enable_mixed_chunk: true}}}"});
  CHECK_NOTHROW(refuse_impossible(joined, {.decodes = 8, .chunk = 512}, false));
}

TEST_CASE("explain: a step beyond the engine's limit is refused") {
  CHECK_THROWS_AS(static_cast<void>(step_of("{serve: {}}", {.decodes = 8, .context = 500, .chunk = 1'000'000})),
                  UserError);
}

TEST_CASE("explain: weights come from a pool of the machine at the rate of the narrowest way") {
  // Two nodes; 2 instances of 8 chips. Four machines give 10 GB/s each; a chip's part of a node's NICs is wider.
  const SmallExperiment parts{.topology = "{base: hgx-h100, nodes: 2}",
                              .pools = "{serve: {instances: 2, parallel: {tensor: 8}}}"};
  const PoolStep step = explain(read(parts), {.decodes = 1, .context = 128})[0];
  REQUIRE(step.load.has_value());
  CHECK(step.load->store == "storage");
  CHECK(step.load->plane == "frontend");
  // There and back 2 * (20 + 0.5) / 2 + 20 us of ways and 200 us of the machines are small beside the bytes.
  const double bytes = 8.0 * step.weights_per_chip.value();
  CHECK(step.load->alone.value() == doctest::Approx(bytes / 40e9).epsilon(1e-3));
  CHECK(step.load->together.value() == doctest::Approx(2.0 * bytes / 40e9).epsilon(1e-3));

  const SmallExperiment none{.topology = "{base: hgx-h100, stores: ~}", .pools = "{serve: {}}"};
  CHECK_FALSE(explain(read(none), {.decodes = 1, .context = 128})[0].load.has_value());
}

TEST_CASE("explain: stages of a torus that are no neighbours have a hop of finite time") {
  for (const char* plan :
       {"tensor: 8, pipeline: 2", "tensor: 2, pipeline: 4", "tensor: 4, pipeline: 4", "tensor: 16, pipeline: 2"}) {
    CAPTURE(plan);
    const auto steps = explain(read({.topology = "tpu-v7-pod",
                                     .llm = "llama-3.1-70b",
                                     .pools = "{serve: {parallel: {" + std::string(plan) + "}}}"}),
                               {.decodes = 8, .context = 500});
    REQUIRE(steps.size() == 1);
    CHECK(steps[0].step > SimTime{});
    for (const cost::CostLine& line : steps[0].lines) CHECK(line.time < Seconds{1.0});
  }
}

TEST_CASE("explain: a step that would take hours is refused as a run refuses it") {
  const std::string told = user_error([] {
    (void)explain(read({.topology = "{base: hgx-h100, planes: {nvlink: {latency: 9e8 s}}}",
                        .pools = "{serve: {parallel: {tensor: 2}}}"}),
                  {.decodes = 8, .context = 500});
  });
  CHECK(told.find("this step would take") != std::string::npos);
  CHECK(told.find("all-reduce") != std::string::npos);
}
