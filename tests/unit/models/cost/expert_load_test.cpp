#include "models/cost/expert_load.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

using namespace tokenyard::cost;
using doctest::Approx;

namespace {

Approx exactly(double value) { return Approx(value).epsilon(1e-12); }

ExpertRouting measured(std::vector<double> shares) {
  return {.kind = ExpertRouting::Kind::Measured, .measured = std::move(shares)};
}

}  // namespace

TEST_CASE("expert load: balanced ranks have the mean and hit what their rows can hit") {
  const ExpertRouting routing{.kind = ExpertRouting::Kind::Balanced};
  // 256 experts, 8 chosen, 32 ranks of 8: 4 tokens make 32 rows, one a rank.
  CHECK(expert_load(routing, 256, 8, 32, 4).rows == 1.0);
  CHECK(expert_load(routing, 256, 8, 32, 4).hit == exactly(1.0));
  CHECK(expert_load(routing, 256, 8, 32, 4096).hit == exactly(8.0));
}

TEST_CASE("expert load: an ideal placement takes redundant experts on more ranks than experts") {
  // 256 experts and 256 copies on 512 ranks: a slot each, and every rank has the mean.
  const ExpertRouting routing{.placement = ExpertRouting::Placement::Ideal, .redundant = 256};
  CHECK(ExpertLoads(routing, 256, 8, 512).at(4096.0).rows == doctest::Approx(1.0));
}

TEST_CASE("expert load: a measured popularity decides which rank is busiest") {
  // 100 tokens of 2 choices: 200 rows in shares 4 : 2 : 1 : 1, the first cut to 100 of them (one a token).
  // 100 and 50 on the first rank, 25 and 25 on the second: 1.5 times the mean.
  const ExpertLoad load = expert_load(measured({4, 2, 1, 1}), 4, 2, 2, 100);
  CHECK(load.rows == exactly(1.5));
  CHECK(load.hit == exactly(2.0));
}

TEST_CASE("expert load: neighbours share a rank and the balancer packs and copies as its source says") {
  // One choice of 800 tokens, shares 1 : 1 : 2 : 4. On two ranks the second has 600 of a mean of 400, on four 400 of
  // 200.
  ExpertRouting routing = measured({1, 1, 2, 4});
  CHECK(expert_load(routing, 4, 1, 2, 800).rows == exactly(1.5));
  CHECK(expert_load(routing, 4, 1, 4, 800).rows == exactly(2.0));
  // Packed: 4 | 2, then 1 to the lighter, the last to the rank with a place: 4 + 1 | 2 + 1, 5 of a mean of 4.
  routing.placement = ExpertRouting::Placement::Balanced;
  CHECK(expert_load(routing, 4, 1, 2, 800).rows == exactly(1.25));
  // Two copies more: the 4 becomes 2 + 2, then the first of the heaviest 1 + 1: 2, 2, 1, 1, 1, 1 on ranks of three.
  routing.redundant = 2;
  CHECK(expert_load(routing, 4, 1, 2, 800).rows == exactly(1.0));
}

TEST_CASE("expert load: more ranks are less even without a balancer") {
  const ExpertRouting routing{.kind = ExpertRouting::Kind::PowerLaw, .alpha = 0.6};
  double last = 1.0;
  for (const std::uint32_t ranks : {2U, 8U, 32U, 128U}) {
    const double now = expert_load(routing, 256, 8, ranks, 4096).rows;
    CHECK(now > last);
    last = now;
  }
}

TEST_CASE("expert load: no expert gets more rows than there are tokens") {
  // Shares 8 : 1 : 1 of 20 rows: 16 would go to one expert; it gets 10, the others 5 each.
  const ExpertLoad load = expert_load(measured({8, 1, 1}), 3, 2, 3, 10);
  CHECK(load.rows == Approx(10.0 / (20.0 / 3.0)).epsilon(1e-6));
}

TEST_CASE("expert load: an expert without tokens is not read") {
  CHECK(expert_load(measured({1, 1, 0, 0}), 4, 1, 1, 100).hit == exactly(2.0));
}

TEST_CASE("expert load: copies and placement take load off the busiest rank") {
  ExpertRouting routing{.kind = ExpertRouting::Kind::PowerLaw, .alpha = 1.2};
  const double in_order = expert_load(routing, 256, 8, 32, 4096).rows;
  routing.placement = ExpertRouting::Placement::Balanced;
  const double balanced = expert_load(routing, 256, 8, 32, 4096).rows;
  routing.redundant = 32;
  const double copied = expert_load(routing, 256, 8, 32, 4096).rows;
  routing.placement = ExpertRouting::Placement::Ideal;
  CHECK(in_order > 1.5);
  CHECK(balanced < in_order);
  CHECK(copied < balanced);
  CHECK(copied >= 1.0);
  CHECK(expert_load(routing, 256, 8, 32, 4096).rows == 1.0);
}

TEST_CASE("expert load: what is read everywhere depends on routing alone, and no placement is better than ideal") {
  ExpertRouting routing{.kind = ExpertRouting::Kind::PowerLaw, .alpha = 1.2};
  for (const double tokens : {4.0, 64.0, 2048.0, 65536.0}) {
    routing.redundant = 0;
    routing.placement = ExpertRouting::Placement::InOrder;
    const ExpertLoad in_order = expert_load(routing, 256, 8, 32, tokens);
    routing.placement = ExpertRouting::Placement::Ideal;
    const ExpertLoad ideal = expert_load(routing, 256, 8, 32, tokens);
    routing.placement = ExpertRouting::Placement::Balanced;
    const ExpertLoad balanced = expert_load(routing, 256, 8, 32, tokens);
    CAPTURE(tokens);
    CHECK(in_order.mean_hit == Approx(ideal.mean_hit));
    CHECK(balanced.mean_hit == Approx(ideal.mean_hit));
    CHECK(ideal.hit == Approx(ideal.mean_hit));
    CHECK(balanced.rows >= ideal.rows);
    CHECK(balanced.hit >= ideal.hit * (1.0 - 1e-12));
    routing.redundant = 32;
    const ExpertLoad copied = expert_load(routing, 256, 8, 32, tokens);
    CHECK(copied.hit >= ideal.hit * (1.0 - 1e-12));
    CHECK(copied.mean_hit >= ideal.mean_hit * (1.0 - 1e-12));  // a copy is read as well
  }
}

TEST_CASE("expert load: a copy halves its expert") {
  // Shares 3 : 1 : 1 : 1 of 60 rows: 30, 10, 10, 10 on two ranks. With two more slots the first is on both ranks or
  // more.
  ExpertRouting routing = measured({3, 1, 1, 1});
  routing.placement = ExpertRouting::Placement::Balanced;
  CHECK(expert_load(routing, 4, 1, 2, 60).rows == exactly(40.0 / 30.0));
  routing.redundant = 2;  // 10 + 10 + 10 of the first: 30 rows on each rank
  CHECK(expert_load(routing, 4, 1, 2, 60).rows == exactly(1.0));
}

TEST_CASE("expert load: more tokens never mean fewer rows or hits on the busiest rank") {
  for (const double alpha : {0.6, 1.0, 1.2}) {
    const ExpertLoads loads({.kind = ExpertRouting::Kind::PowerLaw, .alpha = alpha}, 256, 8, 32);
    double rows = 0.0;
    for (double tokens = 1; tokens < 2e5; tokens *= 1.13) {
      const ExpertLoad load = loads.at(tokens);
      CHECK(load.rows * tokens >= rows);
      CHECK(load.rows >= 1.0);
      CHECK(load.hit <= 8.0);
      rows = load.rows * tokens;
    }
  }
}

TEST_CASE("expert load: where nobody tells it the model's own power law counts") {
  const auto law = [](double alpha) { return tokenyard::models::MoeSpec{.load_alpha = alpha}; };
  const ExpertRouting routing = routing_of({}, law(0.8), 0);
  CHECK(routing.kind == ExpertRouting::Kind::PowerLaw);
  CHECK(routing.alpha == 0.8);
  CHECK(routing_of({.routing = tokenyard::models::Routing::PowerLaw, .alpha = 0.3}, law(0.8), 0).alpha == 0.3);
  // A model whose loads are more even has more experts hit: 32 tokens of 8 choices among 256.
  CHECK(expert_load(routing_of({}, law(1.01), 0), 256, 8, 1, 32).hit >
        expert_load(routing_of({}, law(1.2), 0), 256, 8, 1, 32).hit);
}

TEST_CASE("expert load: one rank has all rows however they are spread") {
  CHECK(expert_load({.kind = ExpertRouting::Kind::PowerLaw, .alpha = 1.2}, 128, 4, 1, 1000).rows == Approx(1.0));
}

namespace {

/// Loads of DeepSeek-R1 as the defaults of `expert_load: log_normal` have them.
ExpertRouting counted(ExpertRouting::Placement placement, std::uint32_t redundant) {
  return {.kind = ExpertRouting::Kind::LogNormal,
          .sigma = 1.03,
          .placement = placement,
          .redundant = redundant,
          .drawn = true,
          .drift = 0.1};
}

}  // namespace

TEST_CASE("expert load: log-normal loads that drift are those that TensorRT-LLM counted of DeepSeek-R1") {
  // docs/source/blogs/tech_blog/blog04_Scaling_Expert_Parallelism_in_TensorRT-LLM.md, table 1: 128 tokens a rank; the
  // busiest rank, and the busiest slot, over the mean, averaged over layers and steps.
  using Placement = ExpertRouting::Placement;
  const double tokens32 = 32 * 128;
  const double tokens36 = 36 * 128;
  const auto near = [](double value) { return Approx(value).epsilon(0.15); };
  const ExpertRouting alone = counted(Placement::InOrder, 0);
  CHECK(expert_load(alone, 256, 8, 32, tokens32).rows - 1.0 == near(1.564));
  CHECK(expert_load(alone, 256, 8, 256, tokens32).rows - 1.0 == near(10.948));
  const ExpertRouting copied = counted(Placement::Balanced, 32);
  CHECK(expert_load(copied, 256, 8, 32, tokens32).rows - 1.0 == near(0.109));
  CHECK(expert_load(copied, 256, 8, 36, tokens36).rows - 1.0 == near(0.115));
  CHECK(expert_load(copied, 256, 8, 288, tokens32).rows - 1.0 == near(1.792));
  CHECK(expert_load(copied, 256, 8, 288, tokens36).rows - 1.0 == near(1.791));
  // No power law has both: one as even among ranks has no expert as popular.
  const ExpertRouting law{.kind = ExpertRouting::Kind::PowerLaw, .alpha = 1.01, .drawn = true, .drift = 0.1};
  CHECK(expert_load(law, 256, 8, 32, tokens32).rows - 1.0 == near(1.564));
  CHECK(expert_load(law, 256, 8, 256, tokens32).rows - 1.0 < 0.8 * 10.948);
}

TEST_CASE("expert load: chance moves ranks of even loads as a binomial does") {
  // 64 experts of equal popularity, one choice, a rank each: rows are binomial, T tokens at p = 1/64, whose standard
  // deviation over the mean is sqrt((1 - p)/(p*T)); the largest of 64 normal numbers is 2.393 of them above the mean
  // (H. L. Harter, Expected values of normal order statistics, 1961, table 1).
  const std::vector<double> alike(64, 1.0);
  for (const double tokens : {6400.0, 64e3, 640e3}) {
    const ExpertRouting routing{.kind = ExpertRouting::Kind::Measured, .measured = alike, .drawn = true};
    const double spread = std::sqrt((1.0 - 1.0 / 64.0) / (tokens / 64.0));
    CAPTURE(tokens);
    CHECK(expert_load(routing, 64, 1, 64, tokens).rows - 1.0 == Approx(2.393 * spread).epsilon(0.06));
  }
}

TEST_CASE("expert load: drift does not fade as steps grow and averages out over a rank's experts") {
  const std::vector<double> alike(256, 1.0);
  const ExpertRouting routing{.kind = ExpertRouting::Kind::Measured, .measured = alike, .drawn = true, .drift = 0.1};
  const double many = 1e7;  // where chance has no part left
  const double alone = expert_load(routing, 256, 8, 256, many).rows - 1.0;
  const double four = expert_load(routing, 256, 8, 64, many).rows - 1.0;
  CHECK(expert_load(routing, 256, 8, 64, 10 * many).rows - 1.0 == Approx(four).epsilon(0.02));
  // The largest of 256 normal numbers is 2.82 above the mean, of 64 is 2.39 (Harter): a tenth of that, and half of it.
  CHECK(alone == Approx(0.1 * 2.82).epsilon(0.06));
  CHECK(four == Approx(0.05 * 2.393).epsilon(0.06));
}

TEST_CASE("expert load: copies of an expert drift together") {
  // One expert has all rows, in five places on four ranks of two: nothing else takes what it has more or less, and one
  // rank has two fifths of all, of a mean of a quarter.
  ExpertRouting routing = measured({1, 0, 0, 0});
  routing.placement = ExpertRouting::Placement::Balanced;
  routing.redundant = 4;
  routing.drawn = true;
  routing.drift = 0.3;
  CHECK(expert_load(routing, 4, 1, 4, 1e9).rows == Approx(1.6).epsilon(1e-3));
}

TEST_CASE("expert load: nodes that divide the groups of experts take whole groups") {
  // Groups of two with shares 7 + 1, 3 + 1, 2 + 2 and 1 + 1 of 18, on two nodes: heaviest first 8 | 4, then 4 to the
  // lighter, which is full, so that the last goes to the first: 10 | 8 of a mean of 9.
  ExpertRouting routing = measured({7, 1, 3, 1, 2, 2, 1, 1});
  routing.placement = ExpertRouting::Placement::Balanced;
  routing.groups = 4;
  routing.nodes = 2;
  CHECK(expert_load(routing, 8, 1, 2, 1800).rows == exactly(10.0 / 9.0));
  // On four ranks of two experts: 7 + 1 | 1 + 1 in the first node, of a mean of 4.5.
  CHECK(expert_load(routing, 8, 1, 4, 1800).rows == exactly(8.0 / 4.5));
  // Two copies a node: in the first 7 becomes three times 7/3, beside 1, 1 and 1 on two ranks of three: 17/3 and 13/3.
  routing.redundant = 4;
  CHECK(expert_load(routing, 8, 1, 4, 1800).rows == exactly(17.0 / 3.0 / 4.5));
  // Three nodes do not divide four groups: all at once, four times 7/4, 3/2 twice, 2 twice and four 1 make 4.5 each.
  routing.nodes = 3;
  CHECK(expert_load(routing, 8, 1, 4, 1800).rows == exactly(1.0));
}

TEST_CASE("expert load: a slot without a row is not read, with the chance that all tokens pass it by") {
  // 4 tokens of one choice, 4 experts of a rank, alike: each is missed with (3/4)^4.
  ExpertRouting routing = measured({1, 1, 1, 1});
  routing.drawn = true;
  CHECK(expert_load(routing, 4, 1, 1, 4).hit == Approx(4.0 * (1.0 - 0.31640625)).epsilon(1e-9));
}
