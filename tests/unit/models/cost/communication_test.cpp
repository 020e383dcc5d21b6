#include "models/cost/communication.hpp"

#include "models/cost/step_cost.hpp"
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

TEST_CASE("communication: bytes of all chips are those of the ports") {
  StepCostSpec tensor = test::round_cost(test::tiny_dense(), {.tensor = 4, .pipeline = 2});
  for (const StepCostSpec& spec : {tensor, two_nodes()}) {
    const auto cost = make_kernel_sum(spec);
    const auto shapes = prompts_of(spec.plan.attention_data, 512);
    const Communication sent = cost->communication(shapes);
    const CollectiveBytes bytes = cost->bytes(shapes);
    const double chips = spec.plan.chips();
    const auto near = [](double value) { return doctest::Approx(value).epsilon(1e-9); };
    CHECK(static_cast<double>(bytes[Sender::Tensor].inside) == near(sent.tensor.sent.inside.value() * chips));
    CHECK(static_cast<double>(bytes[Sender::Expert].inside) == near(sent.expert.sent.inside.value() * chips));
    CHECK(static_cast<double>(bytes[Sender::Expert].across) == near(sent.expert.sent.across.value() * chips));
    CHECK(static_cast<double>(bytes[Sender::Pipeline].inside) == near(sent.pipeline.sent.inside.value() * chips));
  }
}

TEST_CASE("communication: a single chip sends nothing") {
  CHECK_FALSE(make_kernel_sum(test::round_cost(test::tiny_dense()))->bytes(decodes_of(1, 8)).any());
}

TEST_CASE("communication: all-reduces send the bytes of the algorithm that prices them") {
  // 4 layers, two all-reduces each; 4 ranks of S = 2,048 B a token: one-shot g(g-1)S = 12 S, two-shot and ring 2(g-1)S
  // = 6 S, switches that add g(1+1/g)S = 5 S.
  StepCostSpec spec = test::round_cost(test::tiny_dense(), {.tensor = 4});
  const auto all = [&](std::uint32_t tokens) {
    const Bytes size{2'048.0 * tokens};
    const Algorithm algorithm = all_reduce(size, spec.network.tensor, spec.chip.kernels.collectives).algorithm;
    const double times = algorithm == Algorithm::OneShot ? 12.0 : algorithm == Algorithm::InNetwork ? 5.0 : 6.0;
    const CollectiveBytes bytes = make_kernel_sum(spec)->bytes(prompts_of(1, tokens));
    CHECK(static_cast<double>(bytes[Sender::Tensor].inside) == 8.0 * times * size.value());
    CHECK(bytes[Sender::Tensor].across == 0);
    return algorithm;
  };
  CHECK(all(1) == Algorithm::OneShot);      // 2 KiB
  CHECK(all(2'048) == Algorithm::TwoShot);  // 4 MiB
  spec.chip.kernels.collectives.all_reduces.at("own").up_to = Bytes{1.0};
  CHECK(all(2'048) == Algorithm::Ring);
  spec.network.tensor.in_network_reduction = true;
  spec.chip.kernels.collectives.libraries.at("library").in_network->launch = Seconds{1e-9};
  spec.chip.kernels.collectives.libraries.at("library").in_network->fill = Seconds{};
  CHECK(all(2'048) == Algorithm::InNetwork);
}

TEST_CASE("communication: an all-reduce over two nodes sends its shards across once each way") {
  // 8 ranks in 2 domains of 4: inside 2(4-1) * S in each of 2 domains = 12 S, across 2(2-1) * S = 2 S, S = 2,048 B, 8
  // times.
  StepCostSpec spec = test::round_cost(test::tiny_dense(), {.tensor = 8});
  spec.network.tensor.domains = 2;
  const CollectiveBytes bytes = make_kernel_sum(spec)->bytes(prompts_of(1, 1));
  CHECK(bytes[Sender::Tensor].inside == 8 * 12 * 2'048);
  CHECK(bytes[Sender::Tensor].across == 8 * 2 * 2'048);
}

TEST_CASE("communication: experts cost a dispatch and a combine of every copy that leaves its chip") {
  // 3 MoE layers, top 2 of 4 expert groups, 4 chips: 3/4 of the copies leave. BF16 both ways: 2,048 B a copy.
  // 3 * 2 copies * (2,048 + 2,048) * 3/4 = 18,432 B a token, of which every chip has one; no all-reduce.
  StepCostSpec spec = test::round_cost(test::tiny_moe(), {.attention_data = 4, .expert = 4});
  CHECK(make_kernel_sum(spec)->bytes(prompts_of(4, 1))[Sender::Expert].inside == 4 * 18'432);
  // Gathered: a token reaches 3 others and its result is added up from 3 others, however few experts it chose.
  spec.expert_exchange = ExpertExchange::Gather;
  CHECK(make_kernel_sum(spec)->bytes(prompts_of(4, 1))[Sender::Expert].inside == 4 * 3 * 2 * 3 * 2'048);
}

TEST_CASE("communication: a pipeline hands the hidden vector on once a stage boundary") {
  // 4 stages: 3 hops of 2,048 B, across nodes when the stages stand on several.
  StepCostSpec spec = test::round_cost(test::tiny_dense(), {.pipeline = 4});
  CHECK(make_kernel_sum(spec)->bytes(prompts_of(1, 1))[Sender::Pipeline] == CollectiveBytes::Of{6'144, 0});
  spec.network.pipeline.domains = 2;
  CHECK(make_kernel_sum(spec)->bytes(prompts_of(1, 1))[Sender::Pipeline] == CollectiveBytes::Of{0, 6'144});
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

TEST_CASE("communication: half batches expose no more than the whole exchange, and of decodes at least the last way back") {
  StepCostSpec spec = test::round_cost(test::tiny_moe(), {.attention_data = 4, .expert = 4});
  const auto whole = make_kernel_sum(spec);
  spec.two_batch = {.decode = true, .prefill = true};
  const auto halves = make_kernel_sum(spec);
  CHECK(halves->exposed(decodes_of(4, 64)) > SimTime{});
  CHECK(halves->communication(decodes_of(4, 64)).hidden < 1.0);
  for (const auto& ranks : {prompts_of(4, 2000), decodes_of(4, 64)}) {
    CHECK(halves->exposed(ranks) >= SimTime{});
    CHECK(halves->communication(ranks).hidden > 0.0);
    CHECK(halves->communication(ranks).hidden <= 1.0);
  }
  // Large prompts: what is sent hides behind computation.
  CHECK(halves->exposed(prompts_of(4, 2000)) < whole->exposed(prompts_of(4, 2000)));
}
