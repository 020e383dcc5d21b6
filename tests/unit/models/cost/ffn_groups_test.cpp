// Chips of an FFN side that share matrices.
#include "models/cost/ffn_groups.hpp"

#include "models/cost/attention_ffn.hpp"
#include "models/cost/step_parts.hpp"
#include "models/cost/ways.hpp"
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
const BytesPerSecond kPort{100e9};

/// Four attention ranks and eight FFN chips in one domain: `tensor` of these share dense FFN and shared experts, and
/// routed experts are dealt to `expert` groups.
StepCostSpec apart(std::uint32_t tensor, std::uint32_t expert = kFfn, std::uint32_t micro_batches = 1) {
  StepCostSpec spec = test::round_cost(test::tiny_moe(), {.attention_data = kAttention});
  spec.ffn = FfnSide{.chip = test::round_chip(),
                     .plan = {.tensor = tensor, .attention_data = kFfn / tensor, .expert = expert},
                     .micro_batches = micro_batches};
  spec.network.ffn = test::one_domain(kAttention + kFfn, kPort);
  spec.network.ffn_tensor = test::one_domain(tensor, kPort);
  spec.network.ffn_experts = test::one_domain(kFfn / expert, kPort);
  return spec;
}

std::vector<StepShape> ranks(std::uint32_t decodes) {
  return std::vector<StepShape>(kAttention, {.decodes = decodes, .decode_context = decodes * 1000ULL});
}

std::map<std::string, double> lines_us(const StepCostSpec& spec, std::uint32_t decodes) {
  std::map<std::string, double> lines;
  for (const CostLine& line : explain_step(spec, ranks(decodes))) lines[line.name] = line.time.value() * 1e6;
  return lines;
}

double ffn_us(const std::vector<Part>& parts) {
  double sum = 0.0;
  for (const Part& part : parts) {
    if (part.name == "shared experts" || part.name == "dense ffn") sum += part.time.value() * 1e6;
  }
  return sum;
}

/// The round library's gather of `size` bytes among `ranks`: 10 us, 2 us a peer, X and sqrt(7 us * X) with X as its
/// header gives it.
double ring_us(double size, double ranks) {
  const double x = (size * (ranks - 1.0) / ranks / 100e9 + size / 400e9) * 1e6;
  return 10.0 + 2.0 * (ranks - 1.0) + x + std::sqrt(7.0 * x);
}

}  // namespace

TEST_CASE("ffn groups: chips that hold all of theirs alone send each other nothing") {
  CHECK(group_time(apart(1), 64.0, true) == Seconds{});
  CHECK(group_time(apart(1), 64.0, false) == Seconds{});
  CHECK(group_bytes(apart(1), true).inside == Bytes{});
  CHECK(lines_us(apart(1), 16).count("between ffn chips") == 0);
}

TEST_CASE("ffn groups: a tensor group computes its part of all tokens of the group") {
  const auto lines = lines_us(apart(4), 16);
  // 64 tokens on two groups of four chips: 32 of a quarter's width each; experts as if every chip stood alone.
  const StepParts quarter(test::round_cost(test::tiny_moe(), {.tensor = 4, .attention_data = 2, .expert = kFfn}));
  const StepParts alone(test::round_cost(test::tiny_moe(), {.attention_data = kFfn, .expert = kFfn}));
  const double on_ffn = ffn_us(quarter.local(32.0)) + total(alone.experts(64.0)).value() * 1e6;
  CHECK(lines.at("ffn chips") == Approx(on_ffn).epsilon(1e-6));  // whole picoseconds a layer
  CHECK(lines.at("attention chips") == lines_us(apart(1), 16).at("attention chips"));
  CHECK(lines.at("way out") == lines_us(apart(1), 16).at("way out"));
}

TEST_CASE("ffn groups: a tensor group gathers its tokens and adds up their results in every layer") {
  // 32 tokens of 1,024 numbers in BF16, there and back, in the dense layer and the three with shared experts.
  const double once = ring_us(32.0 * 2048.0, 4.0);
  CHECK(lines_us(apart(4), 16).at("between ffn chips") == Approx(4.0 * 2.0 * once).epsilon(1e-6));
}

TEST_CASE("ffn groups: layers without shared experts have nothing to gather for a tensor group") {
  StepCostSpec spec = apart(4);
  spec.llm.moe->shared_ffn = 0;
  CHECK(group_time(spec, 64.0, true) == Seconds{});
  CHECK(group_time(spec, 64.0, false) > Seconds{});  // the dense FFN is still shared
}

TEST_CASE("ffn groups: experts that chips share gather the tokens that chose one of the group") {
  // Two groups of four chips: of two experts a token finds one in a group with 1 - 1/4, so 48 of 64 tokens.
  const double once = ring_us(48.0 * 2048.0, 4.0);
  CHECK(group_time(apart(1, 2), 64.0, true).value() * 1e6 == Approx(2.0 * once).epsilon(1e-9));
  CHECK(group_time(apart(1, 2), 64.0, false) == Seconds{});  // a dense layer has none
  // Split over the same chips, shared experts find their tokens there already.
  CHECK(group_time(apart(4, 2), 64.0, true) == group_time(apart(1, 2), 64.0, true));
  // Over others they gather their own: two chips of four groups, 16 tokens.
  CHECK(group_time(apart(2, 2), 64.0, true).value() * 1e6 ==
        Approx(2.0 * once + 2.0 * ring_us(16.0 * 2048.0, 2.0)).epsilon(1e-9));
}

TEST_CASE("ffn groups: a token goes once to each group that has one of its experts") {
  // 1.5 of two groups where chips share experts; each of its two experts where they do not.
  CHECK(way_bytes(apart(1, 2), Direction::Dispatch, true).value() == Approx(1.5 * 2048.0));
  CHECK(way_bytes(apart(4, 2), Direction::Combine, true).value() == Approx(1.5 * 2048.0));
  CHECK(way_bytes(apart(4), Direction::Dispatch, true) == way_bytes(apart(1), Direction::Dispatch, true));
}

TEST_CASE("ffn groups: the more chips share matrices the less weight each holds and reads") {
  const models::LlmSpec llm = test::tiny_moe();
  const models::Precision precision;
  const double routed = 2.0 * 3.0 * 16 * 3.0 * 1024 * 512 / kFfn;           // experts on one of eight chips
  const double whole = 2.0 * (3.0 * 1024 * 4096 + 3.0 * 3.0 * 1024 * 512);  // dense layer and shared experts
  double read = make_kernel_sum(apart(1))->traffic(ranks(64)).value() + 1.0;
  for (const std::uint32_t tensor : {1U, 2U, 4U, 8U}) {
    const StepCostSpec spec = apart(tensor);
    CHECK(AttentionFfn::ffn_weights(llm, spec.ffn->plan, precision).value() ==
          Approx(whole / tensor + routed).epsilon(1e-12));
    const double now = make_kernel_sum(spec)->traffic(ranks(64)).value();
    CHECK(now < read);
    read = now;
    // However experts are dealt a chip holds its part of them.
    CHECK(AttentionFfn::ffn_weights(llm, apart(tensor, 2).ffn->plan, precision) ==
          AttentionFfn::ffn_weights(llm, spec.ffn->plan, precision));
  }
}

TEST_CASE("ffn groups: few tokens never take longer on the chips that share more") {
  double before = 1e9;
  for (const std::uint32_t tensor : {1U, 2U, 4U, 8U}) {  // 64 tokens: the time is that of reading weights
    const double now = lines_us(apart(tensor), 16).at("ffn chips");
    CHECK(now <= before);
    before = now;
  }
}

TEST_CASE("ffn groups: a lone micro-batch waits for what the chips send each other and several hide a part") {
  const auto alone = lines_us(apart(4), 16);
  double sum = 0.0;
  for (const auto& [name, time] : alone) sum += time;
  CHECK(us(make_kernel_sum(apart(4))->step(ranks(16))) == Approx(sum).epsilon(1e-5));  // whole nanoseconds
  CHECK(alone.at("behind micro-batches") == Approx(0.0));
  const double sent = alone.at("way out") + alone.at("between ffn chips") + alone.at("way back");
  CHECK(us(make_kernel_sum(apart(4))->exposed(ranks(16))) == Approx(sent).epsilon(1e-4));
  const auto three = lines_us(apart(4, kFfn, 3), 48);
  const double of_three = 3.0 * (three.at("way out") + three.at("between ffn chips") + three.at("way back"));
  CHECK(us(make_kernel_sum(apart(4, kFfn, 3))->exposed(ranks(48))) < of_three);
}

TEST_CASE("ffn groups: what groups send is a part of what an instance sends") {
  // Half of the tokens gathered by each of two groups of four: 3/4 of 2 KiB out of each of 8 ports, for half a token,
  // there and back, in four layers.
  const CollectiveBytes bytes = make_kernel_sum(apart(4))->bytes(ranks(16));
  const double tokens = static_cast<double>(bytes[Sender::Out].inside) / (7.0 * 2048.0);
  CHECK(static_cast<double>(bytes[Sender::Ffn].inside) ==
        Approx(tokens * 4.0 * 2.0 * 8.0 * 0.75 * 2048.0 * 0.5).epsilon(1e-12));
  CHECK(make_kernel_sum(apart(1))->bytes(ranks(16))[Sender::Ffn].inside == 0);
}
