#include "models/cost/wire.hpp"

#include "tests/support/tiny_specs.hpp"

#include <doctest/doctest.h>

using namespace tokenyard;
using namespace tokenyard::cost;

TEST_CASE("wire: a single chip sends nothing") {
  const WirePerToken wire = wire_per_token(test::round_cost(test::tiny_dense()));
  CHECK(wire.inside == Bytes{0.0});
  CHECK(wire.across == Bytes{0.0});
}

TEST_CASE("wire: tensor parallelism all-reduces the hidden vector twice a layer") {
  // 4 layers, two all-reduces each, hidden 1,024 in BF16 = 2,048 B. Four ranks send 2(g-1) = 6 times that together:
  // 8 * 6 * 2,048 = 98,304 B a token.
  const WirePerToken wire = wire_per_token(test::round_cost(test::tiny_dense(), {.tensor = 4}));
  CHECK(wire.inside == Bytes{98'304.0});
  CHECK(wire.across == Bytes{0.0});
}

TEST_CASE("wire: an all-reduce over two nodes sends its shards across once each way") {
  // 8 ranks in 2 domains of 4: inside 2(4-1) * S in each of 2 domains = 12 S, across 2(2-1) * S = 2 S, S = 2,048 B, 8
  // times.
  StepCostSpec spec = test::round_cost(test::tiny_dense(), {.tensor = 8});
  spec.network.tensor.domains = 2;
  const WirePerToken wire = wire_per_token(spec);
  CHECK(wire.inside == Bytes{8 * 12 * 2'048.0});
  CHECK(wire.across == Bytes{8 * 2 * 2'048.0});
}

TEST_CASE("wire: experts cost a dispatch and a combine of every copy that leaves its chip") {
  // 3 MoE layers, top 2 of 4 expert groups, 4 chips: 3/4 of the copies leave. BF16 both ways: 2,048 B a copy.
  // 3 * 2 copies * (2,048 + 2,048) * 3/4 = 18,432 B a token; one attention rank a chip: no all-reduce.
  const WirePerToken wire = wire_per_token(test::round_cost(test::tiny_moe(), {.attention_data = 4, .expert = 4}));
  CHECK(wire.inside == Bytes{18'432.0});
}

TEST_CASE("wire: where all chips gather all tokens each goes to all others and comes back from them") {
  // 3 MoE layers, 4 chips: a token reaches 3 others and its result is added up from 3 others, 2,048 B each way, however
  // few experts it chose: 3 * 2 * 3 * 2,048 B.
  StepCostSpec spec = test::round_cost(test::tiny_moe(), {.attention_data = 4, .expert = 4});
  spec.expert_exchange = ExpertExchange::Gather;
  CHECK(wire_per_token(spec).inside == Bytes{36'864.0});
}

TEST_CASE("wire: a pipeline hands the hidden vector on once a stage boundary") {
  // 4 stages: 3 hops of 2,048 B, across nodes when the stages stand on several.
  StepCostSpec spec = test::round_cost(test::tiny_dense(), {.pipeline = 4});
  CHECK(wire_per_token(spec).inside == Bytes{6'144.0});
  spec.network.pipeline.domains = 2;
  CHECK(wire_per_token(spec).across == Bytes{6'144.0});
  CHECK(wire_per_token(spec).inside == Bytes{0.0});
}
