// Latent attention: what stands between latents and heads, by the kind of token.
#include "models/cost/latent_products.hpp"

#include "models/cost/step_cost.hpp"
#include "models/cost/step_parts.hpp"
#include "tests/support/steps.hpp"
#include "tests/support/tiny_specs.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <string>

using namespace tokenyard;
using namespace tokenyard::cost;
using doctest::Approx;
using test::us;

namespace {

StepShape chunk(std::uint32_t prefix, std::uint32_t tokens) {
  StepShape shape;
  shape.add_chunk(prefix, tokens);
  return shape;
}

SimTime price(const StepCostSpec& spec, const StepShape& shape) { return make_kernel_sum(spec)->step(shape); }

double line_us(const StepCostSpec& spec, const StepShape& shape, const std::string& name) {
  for (const CostLine& line : explain_step(spec, {&shape, 1})) {
    if (line.name == name) return us(line.time);
  }
  return 0.0;
}

/// Of the round chip, in one of four layers: keys of 128 elements go up to 8 heads of 64 + 64.
double expanded_us(double keys) {
  const double flop = 2.0 * keys * 128 * 1024;
  const double bytes = 2.0 * (keys * 128 + 128 * 1024 + keys * 1024);
  return 2.0 + 0.1 * 0.128 + flop / 50e6 + bytes / 800e3;
}
/// The copy behind it: 2 us, 2 bytes for each of the elements it reads and writes, at 500 GB/s.
double joined_us(double keys) { return 2.0 + keys * 2.0 * (2 * 8 * 64 + 32 + 8 * 32) / 500e3; }

}  // namespace

TEST_CASE("latent products: prompts expand the latents of all their keys in one product") {
  const StepCostSpec spec = test::round_cost(test::tiny_moe());
  CHECK(line_us(spec, chunk(0, 1000), "expanded latent") == Approx(4 * expanded_us(1000)));
  CHECK(line_us(spec, chunk(0, 1000), "absorbed latent") == 0.0);
  const StepParts parts(spec);
  CHECK(us(total(parts.expanded(1000))) == Approx(4 * (expanded_us(1000) + joined_us(1000))));
}

TEST_CASE("latent products: cached tokens before a chunk are expanded once more") {
  const StepCostSpec spec = test::round_cost(test::tiny_moe());
  CHECK(line_us(spec, chunk(3000, 1000), "expanded latent") == Approx(4 * expanded_us(4000)));
  // Nothing else but attention knows of them.
  const StepParts parts(spec);
  const double more = us(price(spec, chunk(3000, 1000))) - us(price(spec, chunk(0, 1000)));
  const auto attention = [&](std::uint32_t prefix) {
    return us(total(parts.attention(attention_work(chunk(prefix, 1000)))));
  };
  const double expanded = us(total(parts.expanded(4000)) - total(parts.expanded(1000)));
  CHECK(more == Approx(expanded + attention(3000) - attention(0)).epsilon(1e-4));
}

TEST_CASE("latent products: chunks that are not alike count their own keys") {
  // 8,000 tokens on nothing and 10 behind 8,000: 16,010 keys, where two alike of the same area would have 12,015.
  StepShape shape = chunk(0, 8000);
  shape.add_chunk(8000, 10);
  CHECK(shape.keys_of_prompts() == 16'010.0);
  const StepCostSpec spec = test::round_cost(test::tiny_moe());
  CHECK(line_us(spec, shape, "expanded latent") == Approx(4 * expanded_us(16'010)));
  shape.prompt_keys = 0;  // not told
  CHECK(shape.keys_of_prompts() == Approx(12'015.0).epsilon(1e-3));
  CHECK(chunk(500, 100).keys_of_prompts() == 600.0);
}

TEST_CASE("latent products: more keys than the workspace holds are expanded in turn") {
  StepCostSpec spec = test::round_cost(test::tiny_moe());
  const StepParts parts(spec);
  const double once = us(total(parts.expanded(kExpandedAtOnce)));
  CHECK(us(total(parts.expanded(2.0 * kExpandedAtOnce + 500))) == Approx(2.0 * once + us(total(parts.expanded(500)))));
  const LatentProducts compiled(spec, parts, 256);
  CHECK(compiled({.keys = 2 * kExpandedAtOnce + 500}) ==
        Approx(1e3 * (2.0 * once + 4 * expanded_us(500) + 4 * joined_us(500))));
}

TEST_CASE("latent products: decodes absorb the up-projection head by head beside prompts that expand it") {
  const StepCostSpec spec = test::round_cost(test::tiny_moe());
  // 32 rows, 8 heads: 64 elements of a query to a latent of 128, and a latent to 64 elements of an output.
  const double flop = 2.0 * 8 * 32 * 64 * 128;
  const double bytes = 2.0 * 8 * (32 * 64 + 64 * 128 + 32 * 128);
  const double absorbed =
      (2.0 + 0.1 * 0.064 + flop / 50e6 + bytes / 800e3) + (2.0 + 0.1 * 0.128 + flop / 50e6 + bytes / 800e3);
  StepShape shape = chunk(0, 1000);
  for (int i = 0; i < 32; ++i) shape.add_decode(2000);
  CHECK(line_us(spec, shape, "absorbed latent") == Approx(4 * absorbed));
  CHECK(line_us(spec, shape, "expanded latent") == Approx(4 * expanded_us(1000)));
  double sum = 0.0;
  for (const CostLine& line : explain_step(spec, {&shape, 1})) sum += us(line.time);
  CHECK(us(price(spec, shape)) == Approx(sum).epsilon(1e-5));
}

TEST_CASE("latent products: a graph multiplies the rows that fill it up") {
  StepCostSpec spec = test::round_cost(test::tiny_moe());
  spec.graph_sizes = {64};
  StepShape shape;
  for (int i = 0; i < 33; ++i) shape.add_decode(2000);
  const StepParts parts(spec);
  CHECK(line_us(spec, shape, "absorbed latent") == Approx(us(total(parts.absorbed(64)))));
}

TEST_CASE("latent products: chips that share prompts each expand the keys of all") {
  const StepCostSpec spec = test::round_cost(test::tiny_moe(), {.context = 4});
  CHECK(line_us(spec, chunk(0, 1000), "expanded latent") == Approx(4 * expanded_us(1000)));
}

TEST_CASE("latent products: prompts behind a short prefix are computed as decodes are") {
  StepCostSpec spec = test::round_cost(test::tiny_moe());
  spec.absorbed_prefix_below = 3000;
  // 1,000 queries behind 2,999: area 3,499,500 of 8 heads, latents of 128 and 32 in the first product and of 128 in the
  // second, at 50 TFLOP/s behind 16 us; up and down by the absorbed products of decodes.
  const StepShape shape = chunk(2999, 1000);
  const double area = 1000.0 * 2999 + 1000.0 * 1000 / 2;
  CHECK(line_us(spec, shape, "absorbed attention") == Approx(4 * (16.0 + 2.0 * area * 8 * (2 * 128 + 32) / 50e6)));
  CHECK(line_us(spec, shape, "context attention") == 0.0);
  CHECK(line_us(spec, shape, "expanded latent") == 0.0);
  CHECK(line_us(spec, shape, "absorbed latent") == Approx(us(total(StepParts(spec).absorbed(1000)))));
  double sum = 0.0;
  for (const CostLine& line : explain_step(spec, {&shape, 1})) sum += us(line.time);
  CHECK(us(price(spec, shape)) == Approx(sum).epsilon(1e-5));
  // No table has such prompts.
  CHECK(make_kernel_sum(spec)->basis({&shape, 1}).of(PriceFamily::ContextAttention) > 0);
}

TEST_CASE("latent products: only some cached tokens and fewer than the threshold make prompts absorbed") {
  StepCostSpec spec = test::round_cost(test::tiny_moe());
  const auto expands = [&](const StepShape& shape) { return line_us(spec, shape, "expanded latent") > 0.0; };
  spec.absorbed_prefix_below = 3000;
  CHECK(expands(chunk(0, 1000)));
  CHECK_FALSE(expands(chunk(1, 1000)));
  CHECK_FALSE(expands(chunk(2999, 1000)));
  CHECK(expands(chunk(3000, 1000)));
  StepShape two = chunk(1500, 500);  // together 3,000
  two.add_chunk(1500, 500);
  CHECK(expands(two));
  spec.absorbed_prefix_below = 0;
  CHECK(expands(chunk(1, 1000)));
}

TEST_CASE("latent products: other attention has none") {
  const StepCostSpec spec = test::round_cost(test::tiny_dense());
  const StepParts parts(spec);
  CHECK(parts.latents({.rows = 100, .tokens = 1000, .keys = 1000}).empty());
  CHECK(LatentProducts(spec, parts, 256)({.rows = 100, .tokens = 1000, .keys = 1000}) == 0.0);
}
