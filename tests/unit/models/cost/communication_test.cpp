#include "models/cost/communication.hpp"

#include "models/cost/step_cost.hpp"
#include "models/cost/wire.hpp"
#include "tests/support/tiny_specs.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace tokenyard;
using namespace tokenyard::cost;

namespace {

/// Lines of the price that are sent.
double sent_lines_ns(const StepCostSpec& spec, const std::vector<StepShape>& ranks) {
  double sum = 0.0;
  for (const CostLine& line : explain_step(spec, ranks)) {
    if (line.name == "all-reduce" || line.name == "dispatch" || line.name == "combine" || line.name == "stage hops" ||
        line.name == "gathered tokens" || line.name == "scattered results") {
      sum += line.time.value() * 1e9;
    }
  }
  return sum;
}

std::vector<StepShape> prompts_of(std::uint32_t ranks, std::uint32_t tokens) {
  return std::vector<StepShape>(
      ranks, {.chunks = 1, .prefill_tokens = tokens, .prefill_area_x2 = std::uint64_t{tokens} * tokens});
}

std::vector<StepShape> decodes_of(std::uint32_t ranks, std::uint32_t decodes) {
  return std::vector<StepShape>(ranks, {.decodes = decodes, .decode_context = 500ULL * decodes});
}

StepCostSpec two_nodes() {
  StepCostSpec spec = test::round_cost(test::tiny_moe(), {.attention_data = 8, .expert = 8});
  spec.network.expert.domains = 2;
  return spec;
}

}  // namespace

TEST_CASE("communication: exposed time is that of the lines of the price that are sent") {
  const StepCostSpec dense = test::round_cost(test::tiny_dense(), {.tensor = 4, .pipeline = 2});
  const StepCostSpec moe = test::round_cost(test::tiny_moe(), {.tensor = 2, .attention_data = 2, .expert = 4});
  const StepCostSpec gathers = [&] {
    StepCostSpec spec = moe;
    spec.expert_exchange = ExpertExchange::Gather;
    return spec;
  }();
  for (const StepCostSpec* spec : {&dense, &moe, &gathers}) {
    const auto cost = make_kernel_sum(*spec);
    for (const auto& ranks : {prompts_of(spec->plan.attention_data, 700), decodes_of(spec->plan.attention_data, 12)}) {
      // Nanoseconds; rounded to whole ones.
      CHECK(cost->exposed(ranks).ns() == doctest::Approx(sent_lines_ns(*spec, ranks)).epsilon(1e-4));
      CHECK(cost->exposed(ranks) < cost->step(ranks));
    }
  }
  const auto alone = make_kernel_sum(test::round_cost(test::tiny_dense()));
  CHECK(alone->exposed(decodes_of(1, 5)) == SimTime{});
}

TEST_CASE("communication: ports that gather carry every token to every chip and every result back") {
  // 4 chips, 10 tokens each, hidden 1,024, 3 MoE layers: a port sends its 40 tokens' share on three times, 2,048 B a
  // token, as a ring does, and as much of the results.
  StepCostSpec spec = test::round_cost(test::tiny_moe(), {.attention_data = 4, .expert = 4});
  spec.expert_exchange = ExpertExchange::Gather;
  const Communication sent = make_kernel_sum(spec)->communication(decodes_of(4, 10));
  CHECK(sent.expert.sent.inside.value() == doctest::Approx(3.0 * 2 * 0.75 * 40 * 2048).epsilon(1e-9));
  CHECK(sent.expert.sent.across == Bytes{});
}

TEST_CASE("communication: a run of decodes exposes what its steps do") {
  const auto cost = make_kernel_sum(test::round_cost(test::tiny_dense(), {.tensor = 4}));
  SimTime sum;
  for (std::uint64_t i = 0; i < 20; ++i) {
    const StepShape shape{.decodes = 7, .decode_context = 900 + 7 * i};
    sum += cost->exposed({&shape, 1});
  }
  CHECK(cost->decode_run_exposed({.decodes = 7, .decode_context = 900}, 20) == sum);
}

TEST_CASE("communication: the ports of all chips send what wire counts for each token") {
  // All-reduces of this size go in rings; wire_per_token() counts the same least.
  StepCostSpec tensor = test::round_cost(test::tiny_dense(), {.tensor = 4, .pipeline = 2});
  tensor.chip.kernels.collectives.all_reduces.at("own").up_to = Bytes{};
  tensor.network.tensor.in_network_reduction = false;
  for (const StepCostSpec& spec : {tensor, two_nodes()}) {
    const double tokens = 512.0 * spec.plan.attention_data;
    const Communication sent = make_kernel_sum(spec)->communication(prompts_of(spec.plan.attention_data, 512));
    const PlaneShare::Kind both{.inside = true, .across = true};
    const PortLoad all = load_on(sent, {.tensor = both, .expert = both, .pipeline = both});
    const WirePerToken wire = wire_per_token(spec);
    CHECK(all.sent.inside.value() * spec.plan.chips() == doctest::Approx(wire.inside.value() * tokens).epsilon(1e-9));
    CHECK(all.sent.across.value() * spec.plan.chips() == doctest::Approx(wire.across.value() * tokens).epsilon(1e-9));
  }
}

TEST_CASE("communication: bytes count on the plane that carries their kind") {
  const Communication sent = make_kernel_sum(two_nodes())->communication(decodes_of(8, 16));
  CHECK(sent.expert.sent.inside > Bytes{});
  CHECK(sent.expert.sent.across > Bytes{});
  const PortLoad outer = load_on(sent, {.expert = {.inside = false, .across = true}});
  CHECK(outer.sent.inside == Bytes{});
  CHECK(outer.sent.across == sent.expert.sent.across);
  CHECK(load_on(sent, {.tensor = {.inside = true, .across = true}}).sent.inside == Bytes{});
  CHECK_FALSE(PlaneShare{}.any());
}

TEST_CASE("communication: an exchange goes to all peers at once and a ring to one") {
  // 8 ranks in 2 domains, a copy to every expert: 3 peers inside, 4 across.
  const GroupLinks links{.ranks = 8, .domains = 2};
  const models::ExchangeKernel kernel{};
  CHECK(flows_at_once(kernel, links).inside == 3.0);
  CHECK(flows_at_once(kernel, links).across == 4.0);
  CHECK(flows_at_once(Algorithm::Ring, links).inside == 1.0);
  const Communication sent = make_kernel_sum(two_nodes())->communication(decodes_of(8, 16));
  CHECK(sent.expert.per_flow.inside.value() == doctest::Approx(sent.expert.sent.inside.value() / 3.0));
  CHECK(sent.expert.per_flow.across.value() == doctest::Approx(sent.expert.sent.across.value() / 4.0));
}

TEST_CASE("communication: half batches expose no more than the whole exchange and at least its last layer") {
  StepCostSpec spec = test::round_cost(test::tiny_moe(), {.attention_data = 4, .expert = 4});
  const auto whole = make_kernel_sum(spec);
  spec.two_batch = {.decode = true, .prefill = true};
  const auto halves = make_kernel_sum(spec);
  for (const auto& ranks : {prompts_of(4, 2000), decodes_of(4, 64)}) {
    CHECK(halves->exposed(ranks) > SimTime{});
    CHECK(halves->communication(ranks).hidden > 0.0);
    CHECK(halves->communication(ranks).hidden < 1.0);
  }
  // Large prompts: what is sent hides behind computation.
  CHECK(halves->exposed(prompts_of(4, 2000)) < whole->exposed(prompts_of(4, 2000)));
}
