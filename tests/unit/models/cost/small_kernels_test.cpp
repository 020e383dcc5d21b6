#include "models/cost/small_kernels.hpp"

#include "models/cost/step_parts.hpp"
#include "tests/support/steps.hpp"
#include "tests/support/tiny_specs.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string_view>

using namespace tokenyard;
using namespace tokenyard::literals;
using namespace tokenyard::cost;
using doctest::Approx;
using models::SmallKernel;
using models::SmallKernelCoefficients;
using test::us;

namespace {

Approx exactly(double value) { return Approx(value).epsilon(1e-12); }  // only rounding

double part(const std::vector<Part>& parts, std::string_view name) {
  const auto found = std::find_if(parts.begin(), parts.end(), [&](const Part& p) { return p.name == name; });
  return found == parts.end() ? 0.0 : us(found->time);
}

}  // namespace

TEST_CASE("small kernel: a launch and its bytes") {
  const auto chip = test::round_chip();                                                   // 1 TB/s
  CHECK(us(small_kernel_time({.bytes = 1e6}, SmallKernel::Norm, chip)) == exactly(4.0));  // 2 us + 1 MB at 500 GB/s
}

TEST_CASE("small kernel: a kind of its own goes before the others") {
  auto chip = test::round_chip();
  chip.kernels.small.by_kind[static_cast<std::size_t>(SmallKernel::Add)] =
      SmallKernelCoefficients{.t0 = 1_us, .eff_bw = 1.0};
  CHECK(us(small_kernel_time({.bytes = 1e6}, SmallKernel::Add, chip)) == exactly(2.0));
  CHECK(us(small_kernel_time({.bytes = 1e6}, SmallKernel::Norm, chip)) == exactly(4.0));
}

TEST_CASE("small kernel: a long row takes longer to walk whatever the tokens") {
  const auto chip = test::round_chip();
  const SmallKernelCoefficients c{.t0 = 1_us, .row_latency = 0.5_us};
  CHECK(us(small_kernel_time({.width = 4000}, c, chip)) == exactly(3.0));  // 1 + 4 * 0.5
}

TEST_CASE("small kernel: bytes that stay in the cache cost their share") {
  const auto chip = test::round_chip();
  const SmallKernelCoefficients c{.near = {.below = 10_MB, .share = 0.5}};
  CHECK(us(small_kernel_time({.bytes = 4e6}, c, chip)) == exactly(2.0));      // all of them, at half price
  CHECK(us(small_kernel_time({.bytes = 7.5e6}, c, chip)) == exactly(5.625));  // half way: three quarters of the price
  CHECK(us(small_kernel_time({.bytes = 10e6}, c, chip)) == exactly(10.0));
  double before = 0.0;
  for (double bytes = 1e5; bytes < 2e7; bytes *= 1.1) {
    const double time = us(small_kernel_time({.bytes = bytes}, c, chip));
    CHECK(time > before);
    before = time;
  }
}

TEST_CASE("sampling: a block walks a row alone until all its threads have 256 columns") {
  CHECK(sampling_shape(3, 128256).width == 128256);
  CHECK(sampling_shape(3, 151936).width == 0);
  CHECK(sampling_shape(3, 1000).bytes == 30000);  // 2 read, 4 written, 4 read again
}

TEST_CASE("head: the logits of tensor ranks are gathered before one is chosen") {
  StepCostSpec spec = test::round_cost(test::tiny_dense());
  CHECK(part(StepParts(spec).head(4), "gathered logits") == 0.0);
  spec = test::round_cost(test::tiny_dense(), {.tensor = 4});
  const Bytes logits{4 * 8000 * 2.0};
  const Seconds gather = library_time(models::Collective::AllGather, logits, spec.network.tensor,
                                      spec.chip.kernels.collectives.used_library())
                             .time;
  CHECK(part(StepParts(spec).head(4), "gathered logits") == exactly(us(gather)));
}

TEST_CASE("fusion: norms in the all-reduce are no kernels where the engine's own kernel adds up") {
  StepCostSpec spec = test::round_cost(test::tiny_dense(), {.tensor = 4});
  const double apart = part(StepParts(spec).local(8), "small kernels");
  const double reduced = part(StepParts(spec).local(8), "all-reduce");
  spec.fusion.norm_in_all_reduce = true;
  // Kernels without a norm of their own leave it apart.
  CHECK(part(StepParts(spec).local(8), "small kernels") == exactly(apart));
  spec.chip.kernels.collectives.all_reduces["own"].norm = 3_us;
  CHECK(part(StepParts(spec).local(8), "all-reduce") - reduced == Approx(4 * 2 * 3.0));
  // Two norms of 4 layers: 2 us and 8 tokens of 8 KB at 500 GB/s.
  CHECK(apart - part(StepParts(spec).local(8), "small kernels") == Approx(4 * 2 * (2.0 + 8 * 8192 / 500e3)));
  spec = test::round_cost(test::tiny_dense());  // one rank reduces nothing
  const double alone = part(StepParts(spec).local(8), "small kernels");
  spec.fusion.norm_in_all_reduce = true;
  CHECK(part(StepParts(spec).local(8), "small kernels") == exactly(alone));
}

TEST_CASE("fusion: an engine whose all-reduce has no norm takes the chip's fused kernel up to its size") {
  StepCostSpec spec = test::round_cost(test::tiny_dense(), {.tensor = 4});
  models::CollectiveKernels& collectives = spec.chip.kernels.collectives;
  collectives.all_reduces["fused"] = collectives.all_reduces["own"];
  collectives.all_reduces["fused"].one_shot_t0 += 1_us;
  collectives.all_reduces["fused"].two_shot_t0 += 1_us;
  collectives.all_reduces["fused"].norm = 3_us;
  const auto both = [&](double tokens) {
    return std::pair{part(StepParts(spec).local(tokens), "all-reduce"),
                     part(StepParts(spec).local(tokens), "small kernels")};
  };
  const auto apart = both(8);
  const auto more = both(9);
  collectives.fused_norm = {.kernel = "fused", .up_to = {{4, Bytes{8 * 1024 * 2.0}}}};
  CHECK(both(8) == apart);  // the engine has to fuse
  spec.fusion.norm_in_all_reduce = true;
  // Two all-reduces a layer, 1 us longer each and 3 us for the norm; two norms of 2 us and 8 tokens of 8 KB less.
  CHECK(both(8).first - apart.first == Approx(4 * 2 * (1.0 + 3.0)));
  CHECK(apart.second - both(8).second == Approx(4 * 2 * (2.0 + 8 * 8192 / 500e3)));
  CHECK(both(9) == more);  // above its size
  collectives.fused_norm.up_to = {{2, 1_GB}};
  CHECK(both(8) == apart);  // not among four ranks
}

TEST_CASE("head: top-p sampling is the chip's kernels for it and refused where it has none") {
  StepCostSpec spec = test::round_cost(test::tiny_dense());
  spec.sampling = Sampling::TopP;
  CHECK_THROWS_WITH(static_cast<void>(StepParts{spec}),
                    "engine.sampling: round-100 has no figures of top_p (kernels.small.top_p); greedy has some");
  auto& top_p = spec.chip.kernels.small.by_kind[static_cast<std::size_t>(models::SmallKernel::TopP)];
  top_p = {.t0 = 200_us, .eff_bw = 0.1, .provenance = {.source = "made up"}};
  spec.chip.kernels.head_t0 = 0_us;
  // 4 rows of 8,000 columns, 10 B each at 100 GB/s
  CHECK(part(StepParts(spec).head(4), "sampling") == Approx(200.0 + 4 * 8000 * 10 / 100e3));
}

TEST_CASE("fusion: attention that quantises spares the kernel behind it") {
  StepCostSpec spec = test::round_cost(test::tiny_dense());
  spec.precision.weights = models::GemmKind::Fp8;
  const double apart = part(StepParts(spec).local(1), "small kernels");
  spec.fusion.quantise_in_attention = true;
  CHECK(apart - part(StepParts(spec).local(1), "small kernels") == Approx(4 * (2.0 + 3 * 1024 / 500e3)));
}

TEST_CASE("fusion: shared experts beside the routed ones spare at most the launch of these") {
  StepCostSpec spec = test::round_cost(test::tiny_moe());
  const double apart = part(StepParts(spec).local(8), "shared experts");
  spec.fusion.shared_experts_beside = 8;
  const double beside = part(StepParts(spec).local(8), "shared experts");
  CHECK(apart - beside == Approx(std::min(apart, 3 * 30.0)));  // three MoE layers, 30 us each
  CHECK(beside >= 0.0);
  CHECK(part(StepParts(spec).local(9), "shared experts") > apart);
}
